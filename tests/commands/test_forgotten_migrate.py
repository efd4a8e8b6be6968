"""A database that nobody has migrated, and one that lags behind: each command says so, with the line to run."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import translation

from portone_django.flows import drain, reconciliation, retention
from portone_django.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)

COMMANDS = [
    ("portone_charge_due", "--concurrency", "1"),
    ("portone_reconcile",),
    ("portone_purge",),
]
SAID = r"^The database has no tables of ours, or not the newest \(\w+\)\. Run: manage\.py migrate$"


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def no_heartbeats() -> Iterator[None]:
    with connection.schema_editor() as editor:
        editor.delete_model(Heartbeat)
    yield
    with connection.schema_editor() as editor:
        editor.create_model(Heartbeat)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_our_tables_migrate_is_named(sandbox: Any, no_heartbeats: None, command: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=SAID):
        call_command(*command, stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_release_whose_migration_has_not_run_is_told_the_same(
    sandbox: Any, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """A column is missing, and every table is there."""

    def missing_column(*args: Any, **options: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT newest FROM {Heartbeat._meta.db_table}")

    monkeypatch.setattr(drain, "plan_due", missing_column)
    monkeypatch.setattr(reconciliation, "expire_orders", missing_column)
    monkeypatch.setattr(retention, "_old_webhooks", missing_column)
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("portone", "0001_initial")
    try:
        with pytest.raises(CommandError, match=SAID):
            call_command(*command, stdout=StringIO(), stderr=StringIO())
    finally:
        recorder.record_applied("portone", "0001_initial")


def test_a_database_that_is_away_is_not_told_to_migrate(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def away(*args: Any) -> Any:
        raise OperationalError("could not connect to 10.0.0.7")

    monkeypatch.setattr(retention, "_old_webhooks", away)
    monkeypatch.setattr(connection.introspection, "table_names", away)
    with pytest.raises(CommandError, match=r"^The database did not answer \(OperationalError\)\.$"):
        call_command("portone_purge", stdout=StringIO())


def test_a_loop_says_it_and_goes_on(sandbox: Any, no_heartbeats: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from portone_django.management.commands import portone_reconcile

    err = StringIO()
    monkeypatch.setattr(portone_reconcile, "is_due", lambda: False)
    monkeypatch.setattr("threading.Event.wait", lambda self, seconds=None: True)
    call_command("portone_reconcile", "--loop", "1", stdout=StringIO(), stderr=err)
    assert "Run: manage.py migrate" in err.getvalue()
