"""One transaction a step: short, never around HTTP, run again when the database (not the work) was at fault."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from django.db import Error, InterfaceError, OperationalError, transaction

T = TypeVar("T")

_TRIES = 6
# A server that is gone for longer is the sweep's to wait for, not a request's.
_LOST_TRIES = 3
# PostgreSQL: serialization failure, deadlock, lock timeout.
_SQLSTATES = {"40001", "40P01", "55P03"}
# MariaDB: deadlock, lock wait timeout, record changed since it was read.
_ERROR_NUMBERS = {1213, 1205, 1020}


def in_one_step(work: Callable[[], T], *, is_join: bool = False) -> T:
    """Run `work` in one transaction; a deadlock or a busy database runs it again, a few times.

    `is_join`: done twice it is as done once, so it is also run again when the connection was lost, and with it the
    answer whether the commit was done. Inside a transaction of the caller nothing can be repeated: the error goes up.
    """

    def step() -> T:
        with transaction.atomic():
            return work()

    return _persist(step, is_join=is_join)


def can_skip_locked() -> bool:
    """Whether claims need not wait for each other; where they must (SQLite), the compare-and-swap still decides."""
    return bool(transaction.get_connection().features.has_select_for_update_skip_locked)


def limit_lock_wait(seconds: int) -> None:
    """For the rest of this transaction, where PostgreSQL can: a row that somebody has locked must not hold up many."""
    connection = transaction.get_connection()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{seconds}s'")


def in_one_statement(statement: Callable[[], T]) -> T:
    """Run one compare-and-swap, which needs no transaction: run again after a lost answer, it wins nothing."""
    return _persist(statement, is_join=True)


def _persist(step: Callable[[], T], *, is_join: bool) -> T:
    lost = 0
    for attempt in range(1, _TRIES + 1):
        try:
            return step()
        except (OperationalError, InterfaceError) as error:
            if transaction.get_connection().in_atomic_block:
                raise
            if not _is_passing(error):
                _drop_connection()
                lost += 1
            if attempt == _TRIES or (lost and (not is_join or lost == _LOST_TRIES)):
                raise
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311  (jitter)
    raise AssertionError("unreachable")


def _drop_connection() -> None:
    """Dead, most often, and nobody else would notice before the request ends; the next query opens a new one."""
    with suppress(Error):  # a driver may refuse to close what is closed already
        transaction.get_connection().close()


def _is_passing(error: Error) -> bool:
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) in _SQLSTATES:
        return True
    if error.args and error.args[0] in _ERROR_NUMBERS:
        return True
    return "database is locked" in str(error)
