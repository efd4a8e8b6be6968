"""Whether the database is set up for short transactions that several processes run at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db.backends.base.base import BaseDatabaseWrapper

from .registration import database_check

SQLITE_TIMEOUT_SECONDS = 20
# What projects and PortOne name; compared without case, "A1" and "a1" would be one and the same.
_NAMES = ("merchant_uid", "imp_uid", "reference")


@database_check("portone.E019")
def check_mariadb(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """READ COMMITTED, InnoDB, utf8mb4, names compared exactly (reliability of slots and locks on MariaDB)."""
    if connection.vendor != "mysql":
        return
    isolation = _isolation(connection)
    if isolation != "READ-COMMITTED":
        yield Error(
            f"The isolation level is {isolation}: a locked row would be decided on as it was before.",
            hint=_options(connection, isolation_level="read committed"),
            id="portone.E019",
        )
    for table, engine in _tables(connection):
        if engine != "InnoDB":
            yield Error(
                f"Table {table} is {engine}, which knows no transactions.",
                hint=f"Run: ALTER TABLE {table} ENGINE=InnoDB;",
                id="portone.E019",
            )
    yield from _text_faults(connection)


@database_check("portone.E021")
def check_sqlite(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """SQLite ignores row locks; BEGIN IMMEDIATE takes the lock before anything is read."""
    if connection.vendor != "sqlite" or _is_in_memory(connection):
        return
    # In development a lost lock costs a retry; where customers pay it costs a webhook.
    kind = Warning if settings.DEBUG else Error
    given: dict[str, Any] = connection.settings_dict.get("OPTIONS", {})
    if str(given.get("transaction_mode")).upper() != "IMMEDIATE":
        yield kind(
            'SQLite: transaction_mode is not IMMEDIATE; two payments at once end in "database is locked" at once, '
            "whatever the timeout.",
            hint=_options(connection, transaction_mode="IMMEDIATE"),
            id="portone.E021",
        )
    if given.get("timeout", 5) < SQLITE_TIMEOUT_SECONDS:
        yield kind(
            f"SQLite: a writer waits {given.get('timeout', 5):g} s for another; a busy moment loses its work.",
            hint=_options(connection, timeout=SQLITE_TIMEOUT_SECONDS),
            id="portone.E021",
        )
    if _one(connection, "PRAGMA journal_mode") != "wal":
        yield Warning(
            "SQLite: the journal is not a write-ahead log; every reader holds up every writer.",
            hint=_options(connection, init_command="PRAGMA journal_mode=WAL"),
            id="portone.E021",
        )


def _options(connection: BaseDatabaseWrapper, **wanted: Any) -> str:
    """A line that can be pasted below DATABASES, whatever stands in it."""
    [(name, value)] = wanted.items()
    line = f'DATABASES["{connection.alias}"].setdefault("OPTIONS", {{}})["{name}"]'
    return f"Write: {line} = {json.dumps(value)}"


def _is_in_memory(connection: Any) -> bool:
    return bool(connection.is_in_memory_db())


def _isolation(connection: BaseDatabaseWrapper) -> str:
    # MariaDB before 11.1 calls it tx_isolation, MySQL 8 transaction_isolation.
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')")
        return str(cursor.fetchone()[1])


def _text_faults(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    columns = _columns(connection)
    narrow = sorted({table for table, _, charset, _ in columns if charset != "utf8mb4"})
    loose = [f"{table}.{column}" for table, column, _, collation in columns if _is_loose(column, collation)]
    if narrow:
        yield Error(
            f"Not utf8mb4: {', '.join(narrow)}. A buyer's name with an emoji would stop the sale.",
            hint=" ".join(f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4;" for table in narrow),
            id="portone.E019",
        )
    if loose:
        yield Warning(
            f"Compared without case: {', '.join(loose)}. Two references that differ only in case are one order.",
            hint="Use lower-case references, or run for each table: ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 "
            "COLLATE utf8mb4_bin;",
            id="portone.E019",
        )


def _is_loose(column: str, collation: str) -> bool:
    return column in _NAMES and not collation.endswith(("_bin", "_cs"))


def _table_names() -> list[str]:
    return [model._meta.db_table for model in apps.get_app_config("portone").get_models()]


def _tables(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    return _rows(
        connection,
        "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN %s",
    )


def _columns(connection: BaseDatabaseWrapper) -> list[tuple[str, str, str, str]]:
    # MariaDB keeps JSON as utf8mb4_bin text of its own.
    return _rows(
        connection,
        "SELECT table_name, column_name, character_set_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND character_set_name IS NOT NULL AND table_name IN %s",
    )


def _rows(connection: BaseDatabaseWrapper, sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [tuple(_table_names())])
        return list(cursor.fetchall())


def _one(connection: BaseDatabaseWrapper, sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]
