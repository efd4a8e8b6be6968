"""I4: a database restored to an older copy in the middle of a billing run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.machines import DATABASES, address_of

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(120)]


def restored(database: str, folder: Path, mode: str, *, look_first: bool) -> dict[str, Any]:
    address = address_of(database) or f"sqlite:///{folder / 'ours.sqlite3'}"
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.restored", mode, str(int(look_first))],
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["lost"] > 20, "too few commits were lost to show anything"
    return found


@pytest.mark.parametrize("database", DATABASES)
def test_with_look_first_a_restored_database_charges_nobody_twice(database: str, tmp_path: Path) -> None:
    """Not even at a PortOne that refuses nothing: what was charged by lost commits is found under the same uid."""
    found = restored(database, tmp_path, "none", look_first=True)
    assert found["double"] == 0
    assert found["states"]["paid"] == found["charged"]
    assert set(found["states"]) == {"paid", "failed"}
    assert found["sends"] == sum(found["states"].values()), "each uid was sent once, before or after"


def test_without_it_portones_refusal_keeps_money_single_and_a_person_has_to_look(tmp_path: Path) -> None:
    found = restored("sqlite", tmp_path, "strict", look_first=False)
    assert found["double"] == 0
    assert 0 < found["states"]["quarantined"] <= found["lost"]
    assert found["states"]["paid"] + found["states"]["quarantined"] == found["charged"]


def test_without_it_and_without_a_refusal_customers_would_be_charged_twice(tmp_path: Path) -> None:
    """What --look-first is for."""
    assert restored("sqlite", tmp_path, "none", look_first=False)["double"] > 0
