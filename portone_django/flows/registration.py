"""The one way to learn whether a card was registered: ask PortOne twice, compare, apply. Every door calls it.

Two answers must agree: the record that the window left under the uid minted for it, and the card that PortOne shows
under our customer_uid. A browser could give the window another customer_uid, and with it somebody else's card.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError

from .. import clock, evidence
from ..clock import later, wall
from ..gateway import BillingKeyRecord, MalformedAnswer, NotFound, PaymentRecord, PortOneError, get_client
from ..lifecycles import BILLING_KEY_MOVES, check_move
from ..models import BillingKey, Event, Payment
from ..storable import storable
from . import ladder
from .activation import activate
from .charging import FEWEST_SECONDS, charge_now
from .comparison import card_differences, registration_differences
from .dispatch import new_event, record
from .steps import in_one_step
from .verification import MERCHANT_UID, Outcome, fetch_records, is_ours

logger = logging.getLogger("portone_django.registration")

_UNDECIDED = ("pending", "failed")


@dataclass(frozen=True, slots=True)
class RegistrationResult:
    """`billing_key` as it stands now (None when the uid is not ours), and what PortOne's answer did."""

    outcome: Outcome
    billing_key: BillingKey | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What PortOne showed: the records of the registration's uid, and the card under its customer_uid, if any."""

    records: Sequence[PaymentRecord] = field(default=())
    card: BillingKeyRecord | None = None


def sync_registration(
    key: BillingKey, imp_uid: str | None = None, *, source: str, deadline: float | None = None, wait: float = 0.0
) -> RegistrationResult:
    """Ask PortOne about one registration and apply what it answers; any number of times, from anywhere.

    A registration that succeeded costs no call. `imp_uid` may come from anyone and is only a second place to look.
    `deadline` is seconds for all questions; `wait` is how long a customer waits for the bill that the new card may
    pay at once (0: the engine charges it). Raises InsideTransaction inside a transaction.
    """
    if key.state not in _UNDECIDED:
        return RegistrationResult(Outcome.APPLIED, key)
    try:
        seen = _look(key, imp_uid, deadline)
    except MalformedAnswer as error:
        logger.error("Registration %s: PortOne's answer cannot be read (%s): %s", key.issue_uid, source, error.reason)
        return RegistrationResult(Outcome.UNREADABLE, _wait(key))
    except PortOneError as error:
        logger.warning("Registration %s could not be checked (%s): %s", key.issue_uid, source, type(error).__name__)
        return RegistrationResult(Outcome.UNREACHABLE, _wait(key, 30))
    return RegistrationResult(Outcome.APPLIED, apply_seen(key.pk, seen, source=source, wait=wait))


def find_registration(issue_uid: str) -> BillingKey | None:
    """The registration of that merchant_uid, or None without a query when it cannot be ours."""
    if not MERCHANT_UID.fullmatch(issue_uid) or not is_ours(issue_uid):
        return None
    return BillingKey.objects.filter(issue_uid=issue_uid).first()


def apply_seen(pk: int, seen: Seen, *, source: str, wait: float = 0.0) -> BillingKey:
    """Join what PortOne showed into the registration; any order, any repetition ends in the same row."""
    try:
        charges = in_one_step(lambda: _apply(pk, seen, source), is_join=True)
    except IntegrityError:
        # Two first cards at one moment: only one is the default.
        charges = in_one_step(lambda: _apply(pk, seen, source), is_join=True)
    end = time.monotonic() + wait
    for payment in charges:
        if (left := end - time.monotonic()) > FEWEST_SECONDS:  # or else the engine does it, in its own time
            _charge(payment, left)
    return BillingKey.objects.get(pk=pk)


def close_registration(pk: int, reason: str, *, source: str) -> BillingKey:
    """PortOne answered no, or was not asked; should it show the card after all, it is registered late."""

    def close() -> None:
        key = BillingKey.objects.select_for_update().get(pk=pk)
        events: list[Event] = []
        _fail(key, reason, events, source)
        key.next_check_at = ladder.next_registration_check(key)
        key.save()
        record(events)

    in_one_step(close, is_join=True)
    return BillingKey.objects.get(pk=pk)


def _look(key: BillingKey, imp_uid: str | None, deadline: float | None) -> Seen:
    end = None if deadline is None else time.monotonic() + deadline

    def left() -> float | None:
        return None if end is None else max(end - time.monotonic(), 0.1)

    uid = key.issue_uid
    records = fetch_records(uid, imp_uid, key.issue_imp_uid, deadline=left()) if uid else []
    client = get_client()
    try:
        card = client.get_billing_key(key.customer_uid, deadline=left())
    except NotFound:
        return Seen(records)
    if uid and not any(each.merchant_uid == uid for each in records):
        # Whether findAll shows test payments is documented nowhere; the card's own list has no such doubt.
        records = [*records, *client.billing_key_payments(key.customer_uid, deadline=left())]
    return Seen(records, card)


def _wait(key: BillingKey, seconds: float | None = None) -> BillingKey:
    """Nothing was learnt: ask again."""
    due = ladder.next_registration_check(key) if seconds is None else later(seconds)
    BillingKey.objects.filter(pk=key.pk, next_check_at__isnull=False).update(next_check_at=due)
    return key


def _apply(pk: int, seen: Seen, source: str) -> list[Payment]:
    """In one transaction; the charges that the new card shall pay now."""
    key = BillingKey.objects.select_for_update().get(pk=pk)
    if key.state not in _UNDECIDED:
        return []
    judged = _Judged(key, seen)
    events: list[Event] = []
    charges: list[Payment] = []
    if judged.is_proved:
        charges = activate(key, judged.record, seen.card, events, source)
    elif judged.difference:
        _distrust(key, judged.difference, events, source)
    elif key.state == "pending" and judged.is_over:
        _fail(key, judged.fail_reason, events, source)
    key.checked_at = wall()
    if key.deletion == "":
        key.next_check_at = ladder.next_registration_check(key)
    key.save()
    record(events)
    return charges


class _Judged:
    """What the answers say of one locked registration."""

    def __init__(self, key: BillingKey, seen: Seen) -> None:
        mine = [each for each in seen.records if key.issue_uid and each.merchant_uid == key.issue_uid]
        wrong = card_differences(key, seen.card) if seen.card is not None else []
        matching = [each for each in mine if not _differences(key, each)]
        # By API nothing but the card itself is left behind.
        is_told = bool(matching) or key.source == BillingKey.Source.KEY_IN
        self.record = max(matching, key=_standing, default=None)
        self.is_proved = seen.card is not None and not wrong and is_told
        done = [each for each in mine if evidence.finding(each) == evidence.PAID]
        strange = [_differences(key, each) for each in done if each not in matching]
        self.difference = "; ".join(wrong or next(iter(strange), []))[:500]
        if not self.difference and seen.card is not None and ladder.is_registration_over(key):
            self.difference = "PortOne shows the card and no registration of it"
        failed = evidence.verdict(evidence.join({}, mine)) == evidence.FAILED
        self.is_over = seen.card is None and (failed or clock.now() >= key.expires_at)
        self.fail_reason = next((each.fail_reason or "" for each in mine if each.status == "failed"), "")


def _differences(key: BillingKey, each: PaymentRecord) -> list[str]:
    found = registration_differences(key, each)
    if Payment.objects.filter(imp_uid=each.imp_uid).exists():
        found.append("imp_uid: known as a payment")
    return found


def _standing(each: PaymentRecord) -> bool:
    return evidence.finding(each) == evidence.PAID


def _distrust(key: BillingKey, difference: str, events: list[Event], source: str) -> None:
    """Never usable: what was registered is not what we asked for."""
    if key.quarantine_reason != difference:
        logger.error("Registration %s is not believed: %s", key.issue_uid or key.customer_uid, difference)
    key.quarantine_reason = difference
    _fail(key, "", events, source)


def _fail(key: BillingKey, reason: str, events: list[Event], source: str) -> None:
    if key.state != "pending":
        return
    check_move("BillingKey", BILLING_KEY_MOVES, key.state, "failed")
    key.state = "failed"
    key.fail_reason, key.failed_at = storable(reason)[:500], wall()
    data = {"fail_reason": key.fail_reason, "difference": key.quarantine_reason}
    effect = f"billing_key.failed:{key.pk}"
    events.append(new_event("billing_key.failed", billing_key=key, effect=effect, source=source, data=data))


def _charge(payment: Payment, seconds: float) -> None:
    try:
        charge_now(payment, deadline=seconds)
    except Exception:
        # The card is on file whatever becomes of this; the engine carries the charge on.
        logger.exception("Charge %s could not be carried on.", payment.merchant_uid)
