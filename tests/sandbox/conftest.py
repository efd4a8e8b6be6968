"""A sandbox on a file of its own, and the door to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door, door_to


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path / "portone.sqlite3")
    yield sandbox
    sandbox.close()


@pytest.fixture
def door(sandbox: Sandbox) -> Door:
    return door_to(sandbox)
