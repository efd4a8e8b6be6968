"""A project may have given its users UUIDs for keys: nothing of ours needs them to be numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


def test_whoever_has_a_uuid_for_a_key_pays_refunds_and_is_on_record() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("what is shown does not depend on the database: once is enough")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/uuid_users/journeys.py")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        (*command, "--ds", "tests.uuid_users.settings"),
        cwd=ROOT, env={**environment, "DATABASE_URL": "sqlite://:memory:"}, capture_output=True, text=True, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "5 passed" in done.stdout
