"""E019, E021: the database's settings, looked at in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks import ERROR, WARNING
from django.db import connection, connections

from .conftest import Said

RIGHT = {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}


@pytest.fixture
def mariadb(transactional_db: None) -> Iterator[Callable[[str], None]]:
    if connection.vendor != "mysql":
        pytest.skip("needs MariaDB: DATABASE_URL points elsewhere")

    def run(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    yield run
    run("ALTER TABLE portone_heartbeat ENGINE=InnoDB")
    run("ALTER TABLE portone_heartbeat CONVERT TO CHARACTER SET utf8mb4")
    connection.close()


def test_a_sqlite_file_set_up_for_several_processes_is_fine(said: Said, another_database: Callable[..., str]) -> None:
    assert said("portone.E021", databases=[another_database(**RIGHT)]) == []


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ({"transaction_mode": None}, '["transaction_mode"] = "IMMEDIATE"'),
        ({"transaction_mode": "DEFERRED"}, '["transaction_mode"] = "IMMEDIATE"'),
        ({"timeout": 5}, '["timeout"] = 20'),
    ],
)
def test_each_way_to_lose_a_lock_is_an_error_and_in_development_a_warning(
    said: Said, another_database: Callable[..., str], settings: Any, fault: dict[str, Any], line: str
) -> None:
    alias = another_database(**{**RIGHT, **fault})

    (message,) = said("portone.E021", databases=[alias])
    assert message.level == ERROR
    assert message.hint == f'Write: DATABASES["{alias}"].setdefault("OPTIONS", {{}}){line}'
    databases: dict[str, dict[str, Any]] = {alias: {}}  # as Django's startproject writes it
    exec(message.hint.removeprefix("Write: "), {"DATABASES": databases})
    assert len(databases[alias]["OPTIONS"]) == 1

    settings.DEBUG = True
    (message,) = said("portone.E021", databases=[alias])
    assert message.level == WARNING


def test_a_journal_that_lets_readers_block_writers_is_a_warning(
    said: Said, another_database: Callable[..., str]
) -> None:
    alias = another_database(timeout=20, transaction_mode="IMMEDIATE")

    (message,) = said("portone.E021", databases=[alias])

    assert message.level == WARNING
    assert message.hint
    assert "PRAGMA journal_mode=WAL" in message.hint


def test_a_database_that_does_not_answer_is_a_warning_without_its_address(
    said: Said, another_database: Callable[..., str]
) -> None:
    alias = another_database(**RIGHT)
    connections.settings[alias]["NAME"] = "/nowhere/at/all.sqlite3"

    (message,) = said("portone.E021", databases=[alias])

    assert message.msg == "This could not be checked: OperationalError."


def test_other_databases_are_not_asked_mariadbs_questions(said: Said, another_database: Callable[..., str]) -> None:
    assert said("portone.E019", databases=[another_database(**RIGHT)]) == []


def test_mariadb_as_the_suite_uses_it_has_no_errors(said: Said, mariadb: Callable[[str], None]) -> None:
    assert [each for each in said("portone.E019", databases=["default"]) if each.level >= ERROR] == []


def test_mariadb_must_run_read_committed(said: Said, mariadb: Callable[[str], None]) -> None:
    mariadb("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    errors = [each for each in said("portone.E019", databases=["default"]) if each.level >= ERROR]

    assert [each.hint for each in errors] == [
        'Write: DATABASES["default"].setdefault("OPTIONS", {})["isolation_level"] = "read committed"'
    ]


def test_mariadb_tables_must_know_transactions(said: Said, mariadb: Callable[[str], None]) -> None:
    mariadb("ALTER TABLE portone_heartbeat ENGINE=MyISAM")

    errors = [each for each in said("portone.E019", databases=["default"]) if each.level >= ERROR]

    assert [each.hint for each in errors] == ["Run: ALTER TABLE portone_heartbeat ENGINE=InnoDB;"]


def test_mariadb_must_hold_every_name_there_is(said: Said, mariadb: Callable[[str], None]) -> None:
    mariadb("ALTER TABLE portone_heartbeat CONVERT TO CHARACTER SET latin1")

    errors = [each for each in said("portone.E019", databases=["default"]) if each.level >= ERROR]

    assert [each.hint for each in errors] == ["ALTER TABLE portone_heartbeat CONVERT TO CHARACTER SET utf8mb4;"]


def test_mariadbs_loose_comparison_is_a_warning_that_names_the_columns(
    said: Said, mariadb: Callable[[str], None]
) -> None:
    mariadb("ALTER TABLE portone_order CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    warnings = [each for each in said("portone.E019", databases=["default"]) if each.level == WARNING]
    assert "portone_order.reference" in warnings[0].msg

    mariadb("ALTER TABLE portone_order CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    warnings = [each for each in said("portone.E019", databases=["default"]) if each.level == WARNING]
    assert all("portone_order.reference" not in each.msg for each in warnings)
