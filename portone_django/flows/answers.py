"""Answers of one process on their way into the database: whoever finds nobody writing writes all that wait."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field

from ..gateway import PaymentRecord
from ..models import Payment
from .settlement import apply_claimed, apply_records

logger = logging.getLogger("portone_django.settlement")


@dataclass(slots=True, eq=False)
class _Answer:
    """`is_written` once it is committed with others; one that nobody could write so is its own thread's."""

    payment: Payment
    record: PaymentRecord
    is_waiting: bool = True
    is_written: bool = False


@dataclass(slots=True)
class Answers:
    """Commits each answer at once, and with it those that came while the commit before it was made.

    Nobody waits for others to come: alone, an answer is a transaction of its own. The signals of a batch are sent by
    the thread that wrote it, while the next one writes.
    """

    _turn: threading.Lock = field(default_factory=threading.Lock)
    _waiting: deque[_Answer] = field(default_factory=deque)

    def settle(self, payment: Payment, record: PaymentRecord) -> Payment:
        """Write what PortOne answered to the charge of a row whose lease is ours; returns it as it stands then."""
        mine = _Answer(payment, record)
        self._waiting.append(mine)
        with _Turn(self._turn) as turn:
            if mine.is_waiting:
                self._write(self._take(), turn)
        if mine.is_written:
            return payment
        return apply_records(payment.merchant_uid, [record], source="charge")

    def _take(self) -> list[_Answer]:
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
            taken[-1].is_waiting = False
        return taken

    def _write(self, batch: list[_Answer], turn: _Turn) -> None:
        def committed() -> None:
            for each in batch:
                each.is_written = True
            turn.end()

        try:
            apply_claimed([(each.payment, each.record) for each in batch], source="charge", committed=committed)
        except Exception as error:
            # One of them, or the database: each thread settles its own, under locks.
            logger.info("%d answers could not be written together (%s).", len(batch), type(error).__name__)
        else:
            committed()


class _Turn:
    """A lock that may be given up before the block ends."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock, self._is_held = lock, False

    def __enter__(self) -> _Turn:
        self._lock.acquire()
        self._is_held = True
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def end(self) -> None:
        if self._is_held:
            self._is_held = False
            self._lock.release()
