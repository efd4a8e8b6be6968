"""What goes wrong between the app and its database: a statement that fails, a connection that is ended, a rival."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction


def deadlock(code: str) -> OperationalError:
    """The error as Django raises it: "40P01", "40001" and "55P03" are PostgreSQL's, "1213" and "1205" MariaDB's."""
    if code == "locked":
        return OperationalError("database is locked")
    if code.isdigit() and len(code) == 4:
        return OperationalError(int(code), "Deadlock found when trying to get lock; try restarting transaction")
    error = OperationalError("deadlock detected")
    error.__cause__ = psycopg.errors.lookup(code)("deadlock detected")
    return error


def is_write(sql: str) -> bool:
    return sql.startswith(("INSERT", "UPDATE", "DELETE")) and "portone_" in sql


class Statements:
    """Counts the statements of this thread's connection that `counts` names, and lets one of them go wrong."""

    def __init__(self, number: int, counts: Callable[[str], bool]) -> None:
        self.number, self.counts, self.seen, self.happened = number, counts, 0, 0
        self.errors: list[OperationalError] = []

    def before(self) -> None:
        """What happens before the statement of that number."""

    def after(self) -> None:
        """What happens after it, before anything else is sent."""

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        is_it = False
        if self.counts(sql):
            self.seen += 1
            is_it = self.seen == self.number
        self.happened += is_it
        if is_it:
            self.before()
        try:
            result = execute(sql, params, many, context)
        except OperationalError as error:
            self.errors.append(error)
            raise
        if is_it:
            self.after()
        return result


class Failing(Statements):
    """The write of that number fails with `error`, and with `times` so do the ones after it."""

    def __init__(
        self, number: int, error: OperationalError, *, times: int = 1, counts: Callable[[str], bool] = is_write
    ) -> None:
        super().__init__(number, counts)
        self.error, self.times = error, times

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.seen += self.counts(sql)
        if self.counts(sql) and self.seen >= self.number and self.happened < self.times:
            self.happened += 1
            raise self.error
        return execute(sql, params, many, context)


class Ended(Statements):
    """After that statement, of whatever kind, the server ends this connection."""

    def __init__(self, number: int) -> None:
        super().__init__(number, lambda sql: True)

    def after(self) -> None:
        end_connection(server_id())


@contextmanager
def on_this_connection(statements: Statements) -> Iterator[Statements]:
    with connection.execute_wrapper(statements):
        yield statements


def server_id() -> int:
    """How the server names this thread's connection."""
    driver: Any = connection.connection
    return int(driver.info.backend_pid if connection.vendor == "postgresql" else driver.thread_id())


def end_connection(number: int) -> None:
    """As an administrator, a failover or a firewall does, from a connection of its own."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_terminate_backend(%s)", [number])
            else:
                cursor.execute(f"KILL CONNECTION {number}")
    finally:
        other.close()


class Rival(threading.Thread):
    """Another transaction: takes `first`, and then waits for `second`, which the one under test holds."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(name="rival")
        self.first, self.second = first, second
        self.has_first = threading.Event()
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    # Whoever has waited for so long looks for a deadlock, and is its victim: never this one.
                    cursor.execute("SET LOCAL deadlock_timeout = '1min'")
                # MariaDB ends the lighter of the two: let this one be heavy.
                rows = ", ".join(f"('rival-{n}', '2026-01-01')" for n in range(200))
                cursor.execute(f"INSERT INTO portone_heartbeat (name, beat_at) VALUES {rows}")
                cursor.execute(self.first)
                self.has_first.set()
                cursor.execute(self.second)
                transaction.set_rollback(True)
        except BaseException as problem:
            self.problem = problem
        finally:
            self.has_first.set()
            connection.close()
