"""I13: PgBouncer gives each transaction another session, so a lock of a session protects nothing and is never freed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent.parent / "portone_django"
# pg_advisory_xact_lock and its kin end with their transaction, wherever it ran.
SESSION_LOCK = re.compile(r"pg_(?:try_)?advisory_(?:un)?lock|\b(?:GET|RELEASE)_LOCK\s*\(|\bLOCK\s+TABLES\b", re.I)


def test_no_lock_outlives_its_transaction() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    found = [str(path.relative_to(PACKAGE)) for path in files if SESSION_LOCK.search(path.read_text(encoding="utf-8"))]
    assert files
    assert found == []


@pytest.mark.parametrize(
    "sql",
    ["SELECT pg_advisory_lock(1)", "select PG_TRY_ADVISORY_LOCK(1)", "SELECT pg_advisory_lock_shared(1)",
     "SELECT GET_LOCK('refund', 10)", "SELECT pg_advisory_unlock(1)", "LOCK TABLES portone_payment WRITE"],
)  # fmt: skip
def test_every_way_to_take_one_would_be_found(sql: str) -> None:
    assert SESSION_LOCK.search(sql)


@pytest.mark.parametrize("sql", ["SELECT pg_advisory_xact_lock(1)", "SELECT pg_try_advisory_xact_lock(1)"])
def test_locks_of_a_transaction_are_allowed(sql: str) -> None:
    assert not SESSION_LOCK.search(sql)
