"""PortOne's books against ours, both ways: what differs is asked about again, and what stays is written down.

Theirs against ours: the pages of GET /payments/status/paid and /cancelled of the last days, those of our prefix.
Ours against theirs: every payment that we hold to be received, a hundred ids a call, and findAll for what is missing.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet

from ..clock import Tick
from ..conf import get_config
from ..gateway import MalformedAnswer, PaymentPage, PaymentRecord, PortOneError, Unauthorized, get_client
from ..lifecycles import RECEIVED_PAYMENT_STATES
from ..models import Comparison, Event, Payment, ReconciliationBreak
from .attempt import dismissal
from .breaker import DEADLINE_SECONDS, KEYS_REFUSED, Breaker
from .breaks import difference, note_break, our_side, resolve_breaks, their_side
from .comparison_runs import began_at, claim, hold, let_go
from .verification import Outcome, SyncResult, find_payment, is_ours, sync_payment

logger = logging.getLogger("portone_django.reconciliation")

DAYS = 3
PAGE = 200
BATCH = 100
PHASES = ("paid", "cancelled", "ours", "open", "done")
# A difference that cannot be looked into now stays one until it can.
_UNSEEN = {Outcome.UNREADABLE: "unreadable", Outcome.UNREACHABLE: "unsettled"}


@dataclass(slots=True)
class Progress:
    """How far the comparison has come: `compared` in all, `done` of the `total` of this phase, `found` differences."""

    phase: str = ""
    compared: int = 0
    done: int = 0
    total: int = 0
    found: int = 0
    is_over: bool = False
    is_resumed: bool = False
    is_answered: bool = True
    is_refused: bool = False


def compare(
    *,
    days: int = DAYS,
    seconds: float = math.inf,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Progress | None:
    """Go on with the comparison that was begun, or begin one: the last `days`, and back to the end of the one before.

    None while another process is at it.

    Every page and every batch is committed with its position, so that a stop at any moment loses at most one of them.
    No further page is begun after `seconds` of the wall clock.
    """
    run, is_new = claim(days)
    if run is None:
        return None
    return _Run(run, time.monotonic() + seconds, progress, is_resumed=not is_new).go_on()


class _Run:
    """One process at work on the comparison, while it holds the lease."""

    def __init__(self, run: Comparison, end: float, progress: Callable[[Progress], None], *, is_resumed: bool) -> None:
        self.run, self.end, self.tell = run, end, progress
        self.began_at = began_at(run)
        self.breaker, self.asked = Breaker(), 0
        self.progress = Progress(run.phase, run.compared, found=run.found, is_resumed=is_resumed)
        self.prefix = get_config().merchant_uid_prefix
        if run.phase == "ours":
            self.progress.done = self._mine().filter(pk__lte=run.position).count()

    def go_on(self) -> Progress:
        try:
            while self.run.phase != "done" and time.monotonic() < self.end:
                step = {"ours": self._ours, "open": self._open}.get(self.run.phase, self._theirs)
                if not step():
                    break
        except _Stopped:
            pass
        except _Silent:
            self.progress.is_answered = False
            logger.warning("The comparison stops and goes on later: PortOne does not answer.")
        except Unauthorized:
            self.progress.is_answered, self.progress.is_refused = False, True
            logger.error(KEYS_REFUSED)
        except PortOneError as error:
            self.progress.is_answered = False
            logger.warning("The comparison stops and goes on later: %s", type(error).__name__)
        finally:
            let_go(self.run)
        self.progress.is_over = self.run.phase == "done"
        return self.progress

    # Theirs against ours ----------------------------------------------------------------------------------------

    def _theirs(self) -> bool:
        """One page, from the last to the first: what leaves the list meanwhile moves the others into pages still to be
        read. `position` is the page that was read last."""
        number, page = self.run.position - 1, None
        if self.run.position < 2:
            page = self._page(self.run.phase, 1)
            number = max(math.ceil(page.total / PAGE), page.next_page or 1) if page else 1
        if page is None or number > 1:
            page = self._page(self.run.phase, number)
        if page is not None:
            self.progress.total, self.progress.done = page.total, max(page.total - number * PAGE, 0)
            self._take_page(page)
        count = len(page) if page is not None else 0
        if number > 1:
            return self._advance(self.run.phase, number, count)
        return self._advance(self._next_phase(), 0, count)

    def _next_phase(self) -> str:
        return PHASES[PHASES.index(self.run.phase) + 1]

    def _page(self, status: str, number: int) -> PaymentPage | None:
        pages = get_client().list_payments(
            status,
            from_=int(self.run.from_at.timestamp()),
            to=int(self.run.to_at.timestamp()),
            limit=PAGE,
            sorting="paid",
            first_page=number,
            deadline=DEADLINE_SECONDS * 2,
        )
        return next(pages, None)

    def _take_page(self, page: PaymentPage) -> None:
        for imp_uid, merchant_uid in zip(page.unreadable, page.unreadable_uids, strict=True):
            if not merchant_uid or is_ours(merchant_uid):
                self._break(
                    "unreadable", merchant_uid=merchant_uid, imp_uid=imp_uid, payment=find_payment(merchant_uid)
                )
        mine = [each for each in page if is_ours(each.merchant_uid) and not each.is_key_registration]
        known = Payment.objects.in_bulk([each.merchant_uid for each in mine], field_name="merchant_uid")
        for record in mine:
            self._compare(record, known.get(record.merchant_uid))

    def _compare(self, record: PaymentRecord, payment: Payment | None) -> None:
        if payment is None:
            self._break(
                "unknown_here", merchant_uid=record.merchant_uid, imp_uid=record.imp_uid, theirs=their_side(record)
            )
        elif difference(payment, record) is None:
            resolve_breaks(payment, record.imp_uid)
        else:
            self._ask_again(payment, record.imp_uid)

    # Ours against theirs ----------------------------------------------------------------------------------------

    def _ours(self) -> bool:
        mine = self._mine()
        self.progress.total = self.progress.total or mine.count()
        batch = list(mine.filter(pk__gt=self.run.position).order_by("pk")[:BATCH])
        if not batch:
            return self._advance(self._next_phase(), 0, 0)
        try:
            found = get_client().get_payments([str(each.imp_uid) for each in batch], deadline=DEADLINE_SECONDS)
        except MalformedAnswer as error:
            logger.error("The answer about %d payments cannot be read: %s", len(batch), error.reason)
            found = []  # one record must not hide the others: each is asked about
        records = {each.imp_uid: each for each in found}
        done = 0
        try:
            for payment in batch:
                record = records.get(str(payment.imp_uid))
                if record is not None and difference(payment, record) is None:
                    resolve_breaks(payment, record.imp_uid)
                else:
                    self._ask_again(payment, str(payment.imp_uid))
                done += 1
        except _Stopped:
            if done:
                self._advance("ours", batch[done - 1].pk, done)
            raise
        return self._advance("ours", batch[-1].pk, len(batch))

    def _open(self) -> bool:
        """Differences of payments that are older than the days compared: gone when the books agree now."""
        older = ReconciliationBreak.objects.all().is_unexplained().filter(last_seen_at__lt=self.began_at)
        mine = older.filter(pk__gt=self.run.position).exclude(payment=None).select_related("payment__order")
        batch = list(mine.order_by("pk")[:BATCH])
        if not batch:
            return self._advance(self._next_phase(), 0, 0)
        for each in batch:
            if each.payment is not None:
                self._ask_again(each.payment, each.imp_uid)
        return self._advance("open", batch[-1].pk, 0)

    def _mine(self) -> QuerySet[Payment]:
        return Payment.objects.filter(
            state__in=RECEIVED_PAYMENT_STATES,
            paid_at__gte=self.run.from_at,
            paid_at__lt=self.run.to_at,
            merchant_uid__startswith=self.prefix,
        )

    # What differs -----------------------------------------------------------------------------------------------

    def _ask_again(self, payment: Payment, imp_uid: str) -> None:
        """A lost webhook is the usual reason and settling it the cure; what is left after that is written down."""
        if self._is_written(payment, imp_uid):
            return
        self._hold_on()
        result = self._sync(payment, imp_uid)
        if result is None:
            self._break("unsettled", merchant_uid=payment.merchant_uid, imp_uid=imp_uid, payment=payment)
            return
        self.breaker.note(result.outcome)
        if self.breaker.is_open:
            raise _Silent
        after = result.payment or payment
        record = _that(result.records, imp_uid) or _that(result.records, after.imp_uid or "")
        kind = _UNSEEN.get(result.outcome) or _missing(after, record)
        if kind is None or self._is_judged(after, imp_uid):
            resolve_breaks(after, imp_uid)
            return
        theirs = their_side(record) if record else {}
        self._break(
            kind,
            merchant_uid=after.merchant_uid,
            imp_uid=imp_uid,
            payment=after,
            ours=our_side(after),
            theirs=theirs,
        )

    def _is_written(self, payment: Payment, imp_uid: str) -> bool:
        """Whether this run has asked and seen a difference: a page that is begun again goes on behind it."""
        mine = ReconciliationBreak.objects.filter(merchant_uid=payment.merchant_uid, imp_uid=imp_uid, resolved_at=None)
        return mine.filter(last_seen_at__gte=self.began_at).exclude(kind="unsettled").exists()

    def _hold_on(self) -> None:
        """Keep the lease before each question. _Stopped when it is lost, or when time is up and one was asked."""
        if (self.asked and time.monotonic() >= self.end) or not hold(self.run):
            raise _Stopped
        self.asked += 1

    def _sync(self, payment: Payment, imp_uid: str) -> SyncResult | None:
        try:
            return sync_payment(
                payment.merchant_uid, imp_uid, source="comparison", deadline=DEADLINE_SECONDS, payment=payment
            )
        except Exception:
            # One poisoned row must not stop the comparison of all the others.
            logger.exception("Payment %s could not be settled.", payment.merchant_uid)
            return None

    def _is_judged(self, payment: Payment, imp_uid: str) -> bool:
        """Whether an operator has found this record to be none of ours."""
        return not payment.is_received and Event.objects.filter(effect=dismissal(payment, imp_uid)).exists()

    def _break(self, kind: str, **facts: Any) -> None:
        note_break(kind, **facts)

    def _found(self) -> int:
        """Counted by their rows: the same one shows in both directions, and again after a stop."""
        return ReconciliationBreak.objects.all().is_unexplained().filter(last_seen_at__gte=self.began_at).count()

    def _advance(self, phase: str, position: int, count: int) -> bool:
        """Commit the position; False when the lease went to somebody else meanwhile."""
        over = {"open_slot": None, "ended_at": Tick()} if phase == "done" else {}
        self.progress.found = self._found()
        held = hold(
            self.run,
            phase=phase,
            position=position,
            compared=F("compared") + count,
            found=self.progress.found,
            **over,
        )
        self.progress.done += count
        self.progress.compared += count
        self.tell(self.progress)
        if phase != self.run.phase:
            self.progress.total = self.progress.done = 0
        self.run.phase, self.run.position = phase, position
        self.progress.phase = phase
        return held


class _Stopped(Exception):
    """In the middle of a page or batch; whoever goes on begins it again."""


class _Silent(Exception):
    """PortOne answers nothing any more; what was not asked about is compared again."""


def _missing(payment: Payment, record: PaymentRecord | None) -> str | None:
    if record is not None:
        return difference(payment, record)
    return "not_paid_there" if payment.is_received else None


def _that(records: Iterable[PaymentRecord], imp_uid: str) -> PaymentRecord | None:
    return next((each for each in records if each.imp_uid == imp_uid), None)
