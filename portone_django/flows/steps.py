"""One transaction a step: short, retried on a deadlock, never around HTTP."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, transaction

T = TypeVar("T")

_TRIES = 6
# PostgreSQL: serialization failure, deadlock, lock timeout.
_SQLSTATES = {"40001", "40P01", "55P03"}
# MariaDB: deadlock, lock wait timeout, record changed since it was read.
_ERROR_NUMBERS = {1213, 1205, 1020}


def in_one_step(work: Callable[[], T]) -> T:
    """Run `work` in one transaction; a deadlock or a busy database runs it again, a few times.

    Inside a transaction of the caller nothing can be repeated, and the error goes up.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if attempt == _TRIES or transaction.get_connection().in_atomic_block or not _is_passing(error):
                raise
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311  (jitter)
    raise AssertionError("unreachable")


def _is_passing(error: OperationalError) -> bool:
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) in _SQLSTATES:
        return True
    if error.args and error.args[0] in _ERROR_NUMBERS:
        return True
    return "database is locked" in str(error)
