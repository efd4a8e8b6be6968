"""The pytest plugin: `portone_sandbox`, a simulated PortOne in this process that the app talks to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from portone_django.sandbox.ledger import Sandbox


@pytest.fixture
def portone_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A fresh simulated PortOne with the keys of PORTONE in the settings; no socket, no webhook unless asked for.

    A look-up that fails is repeated as ever, but without the pauses in between: nobody recovers meanwhile.
    """
    import requests

    from portone_django.conf import get_config
    from portone_django.gateway import Client, override_client
    from portone_django.sandbox.adapter import mount
    from portone_django.sandbox.ledger import Sandbox

    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", (0.0, 0.0))
    config = get_config()
    sandbox = Sandbox(
        tmp_path / "portone.sqlite3",
        imp_key=config.imp_key,
        imp_secret=config.imp_secret,
        user_code=config.user_code,
    )
    session = requests.Session()
    mount(session, sandbox, config.api_base)
    client = Client(api_base=config.api_base, imp_key=config.imp_key, imp_secret=config.imp_secret, session=session)
    with override_client(client):
        yield sandbox
