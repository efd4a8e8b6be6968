"""A database restored to an older copy during a billing run: `python -m tests.chaos.restored MODE LOOK_FIRST`.

Charges a third, copies the database, charges another third, restores the copy an hour later (on PortOne's side), and
lets the command go on. Prints what PortOne's ledger and our tables then say as one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

DUE, SEED = 90, 4711
# As cron would, again and again: on a busy machine one run gives back what waited too long in its queue.
MOST_SECONDS = 30.0
HOUR = 3600
TABLES_OF = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'"


def main(mode: str, look_first: bool) -> dict[str, Any]:
    """What was charged how often, and how our payments stand."""
    from tests.chaos.processes import judge

    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        ledger = f"{folder}/portone.sqlite3"
        with judge(ledger, mode, SEED, 0.0) as portone:
            os.environ["CHAOS_PORTONE"] = portone.address
            return _run(ledger, look_first, portone)


def _run(ledger: str, look_first: bool, portone: Any) -> dict[str, Any]:
    from tests.chaos.one import database

    with database():
        from portone_django.models import Payment
        from tests.chaos.ledger import open_ledger
        from tests.chaos.seeding import seed
        from tests.chaos.verdict import left

        sandbox = open_ledger(ledger)
        seed(sandbox, due=DUE, naive=0, number=SEED)
        _charge("--limit", str(DUE // 3))
        copy = _copy()
        _charge("--limit", str(DUE // 3))
        lost = Payment.objects.count() - DUE // 3
        _restore(copy)
        _let_an_hour_pass(sandbox)
        end = time.monotonic() + MOST_SECONDS
        while left() and time.monotonic() < end:
            _charge(*["--look-first"] * look_first)
            time.sleep(0.1)
        charged = Counter(each["customer_uid"] for each in sandbox.transactions(10**6) if each["status"] == "paid")
        states = Counter(Payment.objects.values_list("state", flat=True))
        sandbox.close()
        return {
            "lost": lost,
            "charged": len(charged),
            "double": sum(n > 1 for n in charged.values()),
            "states": dict(states),
            "sends": portone.diary()["sends"],
        }


def _charge(*arguments: str) -> None:
    from django.core.management import call_command

    call_command("portone_charge_due", "--quiet", "--concurrency", "2", *arguments)


def _let_an_hour_pass(sandbox: Any) -> None:
    """What PortOne has done so far is an hour old, as it would be when an operator has restored a backup."""
    for held in sandbox.payments.newest(10**6):
        for name in ("started_at", "paid_at", "failed_at"):
            held.record[name] -= HOUR if held.record[name] else 0
        sandbox.payments.save(held, sandbox.now() - HOUR)


# Copies ----------------------------------------------------------------------------------------------------------


def _copy() -> str:
    """Another database (or file) with all that is in ours now."""
    from django.db import connection, connections

    name = str(connection.settings_dict["NAME"])
    copy = f"{name}_copy"
    if connection.vendor == "mysql":
        _statement(f"CREATE DATABASE {copy}")
        for table in _tables(name):
            _statement(f"CREATE TABLE {copy}.{table} LIKE {name}.{table}")
            _statement(f"INSERT INTO {copy}.{table} SELECT * FROM {name}.{table}")
        return copy
    connections.close_all()
    if connection.vendor == "sqlite":
        _backup(name, copy)
    else:
        _elsewhere(f"CREATE DATABASE {copy} TEMPLATE {name}")
    return copy


def _restore(copy: str) -> None:
    """Ours is what the copy is, and the copy is gone."""
    from django.db import connection, connections

    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "mysql":
        _statement("SET FOREIGN_KEY_CHECKS = 0")
        for table in _tables(name):
            _statement(f"DELETE FROM {name}.{table}")
            _statement(f"INSERT INTO {name}.{table} SELECT * FROM {copy}.{table}")
        _statement("SET FOREIGN_KEY_CHECKS = 1")
        _statement(f"DROP DATABASE {copy}")
        return
    connections.close_all()
    if connection.vendor == "sqlite":
        _backup(copy, name)
        Path(copy).unlink()
    else:
        _elsewhere(f"DROP DATABASE {name}", f"ALTER DATABASE {copy} RENAME TO {name}")


def _tables(name: str) -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(TABLES_OF, [name])
        return [row[0] for row in cursor.fetchall()]


def _statement(sql: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)


def _elsewhere(*statements: str) -> None:
    """From a database that is not the one that they are about."""
    from django.db import connection

    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        for sql in statements:
            cursor.execute(sql)


def _backup(source: str, target: str) -> None:
    import sqlite3

    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2] == "1")))
