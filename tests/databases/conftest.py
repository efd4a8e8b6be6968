"""What left for PortOne, and databases at another address or with other options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.db import connection, connections

from tests.wire import cancels_sent


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return cancels_sent(monkeypatch)


Reconfigured = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def reconfigured() -> Reconfigured:
    """Connections opened inside have other settings: with reconfigured(PORT=1, OPTIONS={…}); all threads' alike."""

    @contextmanager
    def configure(**changes: Any) -> Iterator[None]:
        settings = connections.settings["default"]
        before = {key: settings[key] for key in changes}
        merged = {
            key: {**settings[key], **value} if isinstance(value, dict) else value for key, value in changes.items()
        }
        connection.close()
        settings.update(merged)
        try:
            yield
        finally:
            connection.close()
            settings.update(before)

    return configure
