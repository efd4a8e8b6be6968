"""Charges what is due: claims a little at a time, works on it in threads, commits each result by itself."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.db import Error, connections, transaction

from .. import clock
from ..clock import Tick
from ..conf import TASK_LIMIT_SECONDS, get_config
from ..gateway import get_client, refuse_inside_transaction
from ..models import BillingCycle, Heartbeat, Payment, Subscription
from .answers import Answers
from .breaker import KEYS_REFUSED
from .charging import Charge, Learned
from .claims import claim, intend, new_lease
from .planning import plan_due

logger = logging.getLogger("portone_django.charging")

HEARTBEAT = "charge_due"
# How much work is claimed ahead, in seconds at the pace of the last charges.
AHEAD_SECONDS = 0.25
# How much of it one statement intends: what a killed worker leaves behind intended counts as sent.
INTENDED_SECONDS = 0.05
# So many charges in a row without an answer, or refused by PortOne itself, and this worker stops.
MOST_IN_A_ROW = 10


@dataclass(slots=True)
class DrainReport:
    """What one drain did, in counts; `is_refused`: PortOne refused our keys."""

    taken: int = 0
    paid: int = 0
    declined: int = 0
    undecided: int = 0
    broken: int = 0
    gave_up: bool = False
    is_refused: bool = False


@dataclass(slots=True)
class ChargeBreaker:
    """Counts turns that showed that PortOne is away, or refuses us; one answer closes it again."""

    in_a_row: int = 0
    refused_in_a_row: int = 0
    rest_until: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether to leave PortOne alone for now."""
        return self.in_a_row >= MOST_IN_A_ROW or self.refused_in_a_row >= MOST_IN_A_ROW or self.is_resting

    @property
    def is_resting(self) -> bool:
        """Whether PortOne asked us to wait (429)."""
        return time.monotonic() < self.rest_until

    def note(self, learned: Learned, retry_after: float = 0.0) -> None:
        """Take one turn into account."""
        if learned is Learned.ANSWERED:
            self.in_a_row = self.refused_in_a_row = 0
        elif learned is Learned.LOOKED:
            self.in_a_row = 0
        elif learned is Learned.REFUSED:
            self.refused_in_a_row += 1
        elif learned is Learned.SILENT:
            self.in_a_row += 1
        elif learned is Learned.BUSY:
            self.rest_until = max(self.rest_until, time.monotonic() + retry_after)


@dataclass(slots=True)
class Outage:
    """What the last drain of this process learned: PortOne did not answer, or asked for a rest."""

    is_away: bool = False
    rest_until: float = 0.0

    def breaker(self) -> ChargeBreaker:
        """Of the next drain: one more silence opens it, if PortOne was away."""
        return ChargeBreaker(in_a_row=MOST_IN_A_ROW - 1 if self.is_away else 0, rest_until=self.rest_until)

    def learn(self, breaker: ChargeBreaker) -> None:
        """What PortOne refused is no outage: it may be one card's channel, and must not hold up the others."""
        self.is_away = breaker.in_a_row >= MOST_IN_A_ROW - self.is_away
        self.rest_until = breaker.rest_until


_outage = Outage()


def forget_outage() -> None:
    """The next drain of this process begins as if PortOne had always answered."""
    _outage.is_away, _outage.rest_until = False, 0.0


def drain(
    *,
    concurrency: int | None = None,
    seconds: float = TASK_LIMIT_SECONDS / 3,
    limit: int | None = None,
    look_first: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[DrainReport], None] = lambda report: None,
) -> DrainReport:
    """Charge what is due until nothing is, for at most `seconds` of the wall clock; any number of processes at once.

    `limit` bounds the charges taken. `look_first`: PortOne is asked about every charge before it is sent, which is the
    operator's word that the database was restored. `progress` is called after each charge. After a drain that gave up
    on a silent PortOne the next one of this process sends one charge alone first. Raises ImproperlyConfigured, and
    InsideTransaction inside a transaction; in the one of a TestCase it works alone.
    """
    # Threads have connections of their own: what this one has not committed they would send, and not find.
    refuse_inside_transaction()
    client = get_client()  # wrong settings are told before anything is claimed
    refused_before = client.refused_keys
    threads = 1 if transaction.get_connection().in_atomic_block else concurrency or get_config().concurrency
    work = _Drain(threads, look_first, progress, is_stopped)
    work.run(time.monotonic() + seconds, limit, is_probed=_outage.is_away)
    _outage.learn(work.breaker)
    if not work.breaker.is_open:
        Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"beat_at": Tick()})
    work.report.gave_up = work.breaker.is_open
    work.report.is_refused = client.refused_keys > refused_before
    if work.report.is_refused:
        logger.error(KEYS_REFUSED)
    elif work.breaker.is_resting:
        logger.warning("PortOne asks us to send less (429); this worker rests and will try again.")
    elif work.report.gave_up:
        logger.error("PortOne does not answer or refuses every charge; this worker stops and will try again.")
    return work.report


def count_due() -> int:
    """How many charges and bills wait at this moment."""
    now = clock.now()
    return (
        Payment.objects.filter(charge_due_at__lte=Tick()).count()
        + Subscription.objects.filter(next_bill_at__lte=now).count()
        + BillingCycle.objects.filter(next_step_at__lte=now).count()
    )


@dataclass(slots=True)
class _Item:
    """`is_new`: planned a moment ago, it is sent without any question, and can be intended together with others."""

    payment: Payment
    claimed_at: float
    is_new: bool
    intended_at: float | None = None

    def goes_with(self, other: _Item) -> bool:
        """Whether one statement can intend both: an intent is about one claim."""
        return self.is_new and other.is_new and self.payment.lease_token == other.payment.lease_token


@dataclass(slots=True)
class _Waiting:
    """What is claimed, on its way to the threads. As many as leave at once (`together`) are intended in one statement;
    one alone is by whoever sends it."""

    items: queue.SimpleQueue[_Item | None] = field(default_factory=queue.SimpleQueue)
    ready: deque[_Item | None] = field(default_factory=deque)
    turn: threading.Lock = field(default_factory=threading.Lock)
    together: int = 1

    def __len__(self) -> int:
        return self.items.qsize() + len(self.ready)

    def put(self, item: _Item | None) -> None:
        """Behind all others; None ends one thread."""
        self.items.put(item)

    def get(self) -> _Item | None:
        """The next one, as soon as there is one."""
        with self.turn:
            while not self.ready:
                self.ready.extend(self._next_few())
            return self.ready.popleft()

    def _next_few(self) -> list[_Item | None]:
        first = self.items.get()
        if first is None or not first.is_new or self.together < 2:
            return [first]
        few: list[_Item] = [first]
        while len(few) < self.together and not self.items.empty():
            item = self.items.get()
            if item is None or not item.goes_with(first):
                return [*_intended(few), item]
            few.append(item)
        return [*_intended(few)]


def _intended(few: list[_Item]) -> list[_Item]:
    """Those that are still ours and wanted."""
    try:
        mine = {payment.pk for payment in intend([item.payment for item in few])}
    except Error as error:
        # One of them, or the database: each thread intends its own.
        logger.info("%d charges could not be intended together (%s).", len(few), type(error).__name__)
        return few
    now = time.monotonic()
    for item in few:
        item.intended_at = now
    return [item for item in few if item.payment.pk in mine]


@dataclass(slots=True)
class _Drain:
    """One drain: a thread that claims, and as many that charge."""

    concurrency: int
    look_first: bool
    progress: Callable[[DrainReport], None]
    is_stopped: Callable[[], bool]
    report: DrainReport = field(default_factory=DrainReport)
    breaker: ChargeBreaker = field(default_factory=lambda: _outage.breaker())
    waiting: _Waiting = field(default_factory=_Waiting)
    answers: Answers = field(default_factory=Answers)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_idle: threading.Event = field(default_factory=threading.Event)
    done: int = 0
    began: float = 0.0

    def run(self, end: float, limit: int | None, *, is_probed: bool) -> None:
        """`is_probed`: one charge alone has to show first that PortOne is back."""
        self.began = time.monotonic()
        if is_probed:
            self._alone(self._claims(end, 1))
        claims = self._claims(end, limit)
        if self.concurrency == 1:
            self._alone(claims)
            return
        threads = [threading.Thread(target=self._serve, name=f"portone charge {n}") for n in range(self.concurrency)]
        for thread in threads:
            thread.start()
        try:
            for item in claims:
                self.waiting.put(item)
        finally:
            for _ in threads:
                self.waiting.put(None)
            for thread in threads:
                thread.join()

    def _alone(self, claims: Iterator[_Item]) -> None:
        for item in claims:
            self._work(item)

    def _claims(self, end: float, limit: int | None) -> Iterator[_Item]:
        """What is due, a little ahead of the threads; over when nothing is left."""
        while time.monotonic() < end and not self.is_stopped() and not self.breaker.is_open:
            room = self._batch() - len(self.waiting)
            if limit is not None:
                room = min(room, limit - self.report.taken)
            if room <= 0 and limit is not None and self.report.taken >= limit:
                return
            if room <= self._batch() * 3 // 4 and len(self.waiting):  # few large claims cost less than many
                self.is_idle.wait(0.02)
                self.is_idle.clear()
                continue
            taken = self._take(room)
            if not taken:
                return
            yield from taken

    def _take(self, room: int) -> list[_Item]:
        claimed_at = time.monotonic()
        found = claim(room)
        planned = []
        if len(found) < room:
            planned = plan_due(room - len(found), lease=new_lease(), look_first=self.look_first)
        self.report.taken += len(found) + len(planned)
        return [
            *(_Item(payment, claimed_at, is_new=False) for payment in found),
            *(_Item(payment, claimed_at, is_new=not payment.look_first) for payment in planned),
        ]

    def _batch(self) -> int:
        """About a quarter of a second of work, and at least something for every thread."""
        pace = self.done / max(time.monotonic() - self.began, 0.05)
        self.waiting.together = int(pace * INTENDED_SECONDS)
        return max(int(pace * AHEAD_SECONDS), self.concurrency * 2, 4)

    def _serve(self) -> None:
        try:
            while (item := self.waiting.get()) is not None:
                self._work(item)
                if not len(self.waiting):
                    self.is_idle.set()
        finally:
            connections.close_all()

    def _work(self, item: _Item) -> None:
        charge = Charge(
            item.payment,
            claimed_at=item.claimed_at,
            look_first=self.look_first,
            intended_at=item.intended_at,
            settle=self.answers.settle,
        )
        try:
            if self.breaker.is_open or self.is_stopped():
                charge.give_back()
                return
            learned = charge.run()
        except Exception:
            # One poisoned row must not stop the others; its lease runs out, and after five of these a person looks.
            logger.exception("Charge %s could not be carried on.", item.payment.merchant_uid)
            with self.lock:
                self.report.broken += 1
            return
        with self.lock:
            self.breaker.note(learned, charge.retry_after)
            self.done += 1
            self._count(charge.payment.state)
            self.progress(self.report)

    def _count(self, state: str) -> None:
        if state == "paid":
            self.report.paid += 1
        elif state == "failed":
            self.report.declined += 1
        else:
            self.report.undecided += 1
