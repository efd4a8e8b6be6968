"""PortOne's books against ours, both ways: what differs is asked about again, and what stays is written down.

Theirs against ours: the pages of GET /payments/status/paid and /cancelled of the last days, those of our prefix.
Ours against theirs: every payment that we hold to be received, a hundred ids a call, and findAll for what is missing.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError
from django.db.models import F, Q, QuerySet

from .. import evidence
from ..clock import Tick, later, tick
from ..conf import LEASE_SECONDS, get_config
from ..gateway import PaymentPage, PaymentRecord, PortOneError, Unauthorized, get_client
from ..lifecycles import RECEIVED_PAYMENT_STATES
from ..models import Comparison, Event, Payment, ReconciliationBreak
from .attempt import dismissal
from .breaker import DEADLINE_SECONDS, KEYS_REFUSED
from .breaks import note_break, our_side, resolve_breaks, their_side
from .steps import in_one_step
from .verification import Outcome, SyncResult, is_ours, sync_payment

logger = logging.getLogger("portone_django.reconciliation")

DAYS = 3
EVERY = dt.timedelta(hours=20)
# What happened a moment ago may still be on its way here.
SETTLED_FOR = dt.timedelta(minutes=10)
PAGE = 200
BATCH = 100
PHASES = ("paid", "cancelled", "ours", "done")
# A state that a person already has on the desk is no unexplained difference.
_ON_THE_DESK = ("quarantined", "review")


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
    """Go on with the comparison that was begun, or begin one over the last `days`; None while another process is at it.

    Every page and every batch is committed with its position, so that a stop at any moment loses at most one of them.
    No further page is begun after `seconds` of the wall clock.
    """
    run = _claim(days)
    if run is None:
        return None
    return _Run(run, time.monotonic() + seconds, progress).go_on()


def is_due() -> bool:
    """Whether the last comparison ended long enough ago, or one waits to be gone on with; never without payments."""
    if not Payment.objects.exists():
        return False
    if Comparison.objects.filter(open_slot=1).exists():
        return Comparison.objects.filter(_free(), open_slot=1).exists()
    last = Comparison.objects.exclude(ended_at=None).order_by("-ended_at").first()
    return last is None or last.ended_at is None or tick() - last.ended_at > EVERY


def _free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lt=Tick())


def _claim(days: int) -> Comparison | None:
    now = tick()
    if not Comparison.objects.filter(open_slot=1).exists():
        begin, end = now - dt.timedelta(days=days) - SETTLED_FOR, now - SETTLED_FOR
        with suppress(IntegrityError):  # somebody else began at this moment
            in_one_step(lambda: Comparison.objects.create(open_slot=1, from_at=begin, to_at=end))
    token = secrets.token_hex(8)
    mine = Comparison.objects.filter(_free(), open_slot=1)
    if not mine.update(lease_token=token, lease_until=later(LEASE_SECONDS)):
        return None
    return Comparison.objects.filter(lease_token=token).first()


class _Run:
    """One process at work on the comparison, while it holds the lease."""

    def __init__(self, run: Comparison, end: float, progress: Callable[[Progress], None]) -> None:
        self.run, self.end, self.tell = run, end, progress
        is_resumed = (run.phase, run.position) != (PHASES[0], 0)
        self.progress = Progress(run.phase, run.compared, found=run.found, is_resumed=is_resumed)
        self.prefix = get_config().merchant_uid_prefix
        is_ours = run.phase == "ours"
        self.progress.done = self._mine().filter(pk__lte=run.position).count() if is_ours else run.position * PAGE

    def go_on(self) -> Progress:
        try:
            while self.run.phase != "done" and time.monotonic() < self.end:
                step = self._ours if self.run.phase == "ours" else self._theirs
                if not step():
                    break
        except Unauthorized:
            self.progress.is_answered, self.progress.is_refused = False, True
            logger.error(KEYS_REFUSED)
        except PortOneError as error:
            self.progress.is_answered = False
            logger.warning("The comparison stops and goes on later: %s", type(error).__name__)
        finally:
            # Whoever comes next goes on at once.
            Comparison.objects.filter(pk=self.run.pk, lease_token=self.run.lease_token).update(lease_until=None)
        self.progress.is_over = self.run.phase == "done"
        return self.progress

    # Theirs against ours ----------------------------------------------------------------------------------------

    def _theirs(self) -> bool:
        number = self.run.position + 1
        page = self._page(self.run.phase, number)
        if page is None:
            return self._advance(PHASES[PHASES.index(self.run.phase) + 1], 0, 0)
        self.progress.total = page.total
        self._take_page(page)
        if page.next_page is None:
            return self._advance(PHASES[PHASES.index(self.run.phase) + 1], 0, len(page))
        return self._advance(self.run.phase, number, len(page))

    def _page(self, status: str, number: int) -> PaymentPage | None:
        pages = get_client().list_payments(
            status,
            from_=int(self.run.from_at.timestamp()),
            to=int(self.run.to_at.timestamp()),
            limit=PAGE,
            # Oldest first: what is paid meanwhile comes after the last page. A record that leaves the list between two
            # pages may hide its neighbour, which the comparisons of the next two nights see.
            sorting="paid",
            first_page=number,
            deadline=DEADLINE_SECONDS * 2,
        )
        return next(pages, None)

    def _take_page(self, page: PaymentPage) -> None:
        for imp_uid, merchant_uid in zip(page.unreadable, page.unreadable_uids, strict=True):
            if not merchant_uid or is_ours(merchant_uid):
                self._break("unreadable", merchant_uid=merchant_uid, imp_uid=imp_uid)
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
            resolve_breaks(payment)
        else:
            self._ask_again(payment, record.imp_uid)

    # Ours against theirs ----------------------------------------------------------------------------------------

    def _ours(self) -> bool:
        mine = self._mine()
        self.progress.total = self.progress.total or mine.count()
        batch = list(mine.filter(pk__gt=self.run.position).order_by("pk")[:BATCH])
        if not batch:
            return self._advance("done", 0, 0)
        found = get_client().get_payments([str(each.imp_uid) for each in batch], deadline=DEADLINE_SECONDS)
        records = {each.imp_uid: each for each in found}
        for payment in batch:
            record = records.get(str(payment.imp_uid))
            if record is not None and difference(payment, record) is None:
                resolve_breaks(payment)
            else:
                self._ask_again(payment, str(payment.imp_uid))
        return self._advance("ours", batch[-1].pk, len(batch))

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
        result = self._sync(payment, imp_uid)
        if result is None:
            self._break("unsettled", merchant_uid=payment.merchant_uid, imp_uid=imp_uid, payment=payment)
            return
        if result.outcome is Outcome.UNREACHABLE:
            return  # nothing is known, and the sweep asks about it
        after = result.payment or payment
        record = _that(result.records, after.imp_uid or imp_uid)
        kind = "unreadable" if result.outcome is Outcome.UNREADABLE else _missing(after, record)
        if kind is None or self._is_judged(after, imp_uid):
            resolve_breaks(after)
            return
        theirs = their_side(record) if record else {}
        self._break(
            kind,
            merchant_uid=after.merchant_uid,
            imp_uid=after.imp_uid or imp_uid,
            payment=after,
            ours=our_side(after),
            theirs=theirs,
        )

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
        # The same one shows in both directions, and again after a stop: it counts once.
        seen = {"kind": kind, "merchant_uid": facts["merchant_uid"], "imp_uid": facts["imp_uid"]}
        is_new = not ReconciliationBreak.objects.filter(**seen, last_seen_at__gte=self.run.created_at).exists()
        self.progress.found += is_new
        note_break(kind, **facts)

    def _advance(self, phase: str, position: int, count: int) -> bool:
        """Commit the position; False when the lease went to somebody else meanwhile."""
        over = {"open_slot": None, "ended_at": Tick()} if phase == "done" else {}
        mine = Comparison.objects.filter(pk=self.run.pk, lease_token=self.run.lease_token)
        held = mine.update(
            phase=phase,
            position=position,
            compared=F("compared") + count,
            found=self.progress.found,
            lease_until=later(LEASE_SECONDS),
            **over,
        )
        self.progress.done += count
        self.progress.compared += count
        self.tell(self.progress)
        if phase != self.run.phase:
            self.progress.total = self.progress.done = 0
        self.run.phase, self.run.position = phase, position
        self.progress.phase = phase
        return bool(held)


def difference(payment: Payment, record: PaymentRecord) -> str | None:
    """The kind of difference between a payment and its record, None when the books agree or a person has it already."""
    if payment.state in _ON_THE_DESK:
        return None
    if record.imp_uid in payment.surplus:
        return None if payment.surplus[record.imp_uid][1] == record.cancel_amount else "refunded"
    if evidence.finding(record) != evidence.PAID:
        return "not_paid_there" if payment.is_received else None
    if not payment.is_received or payment.imp_uid != record.imp_uid:
        return "not_received"
    if payment.received_amount != record.amount:
        return "amount"
    if payment.cancel_amount != record.cancel_amount:
        return "refunded"
    return "over_refunded" if payment.refunded_amount > record.amount else None


def _missing(payment: Payment, record: PaymentRecord | None) -> str | None:
    if record is not None:
        return difference(payment, record)
    return "not_paid_there" if payment.is_received else None


def _that(records: Iterable[PaymentRecord], imp_uid: str) -> PaymentRecord | None:
    return next((each for each in records if each.imp_uid == imp_uid), None)
