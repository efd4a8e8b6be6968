"""The one way to learn a payment's state: ask PortOne, compare, apply. Every door calls sync_payment."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..clock import later
from ..conf import get_config
from ..gateway import MalformedAnswer, NotFound, PaymentRecord, PortOneError, get_client
from ..models import Payment
from .settlement import apply_records, postpone

logger = logging.getLogger("portone_django.verification")

# Ours: [a-z0-9] with the prefix of this environment. PortOne's: imp_ or imps_ and digits; bounded, not exact, but a
# word without a digit would be another path of the API (/payments/prepare, /payments/cancel).
# Behind the prefix: 120 bits in base32.
UID_TAIL_LENGTH = 24
MERCHANT_UID = re.compile(r"[a-z0-9]{1,40}")
IMP_UID = re.compile(r"(?=.*[0-9])[A-Za-z0-9_-]{1,32}")


class Outcome(StrEnum):
    """What a sync learned."""

    APPLIED = "applied"
    NOT_OURS = "not_ours"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """`payment` as it stands now (None when the uid is not ours), and what PortOne's answer did."""

    outcome: Outcome
    payment: Payment | None = None
    records: Sequence[PaymentRecord] = ()


def sync_payment(
    merchant_uid: str,
    imp_uid: str | None = None,
    *,
    source: str,
    deadline: float | None = None,
    payment: Payment | None = None,
) -> SyncResult:
    """Ask PortOne about one attempt and apply what it answers; any number of times, from anywhere.

    `merchant_uid` and `imp_uid` may come from anyone: the first only decides whether a call is spent, the second is
    only a second place to look. `source` names the door for the audit trail; `deadline` is seconds for all calls;
    `payment` saves the look-up of a row that the caller has just read.
    Raises InsideTransaction inside a transaction.
    """
    payment = payment or find_payment(merchant_uid)
    if payment is None:
        return SyncResult(Outcome.NOT_OURS)
    try:
        records = fetch_records(payment.merchant_uid, imp_uid, payment.imp_uid, deadline=deadline)
    except MalformedAnswer as error:
        logger.error("Payment %s: PortOne's answer cannot be read (%s): %s", merchant_uid, source, error.reason)
        return SyncResult(Outcome.UNREADABLE, postpone(payment.merchant_uid, source=source))
    except PortOneError as error:
        # An unreachable PortOne proves nothing, and a refused look-up (401, 403) proves nothing either.
        logger.warning("Payment %s could not be checked (%s): %s", merchant_uid, source, type(error).__name__)
        Payment.objects.filter(pk=payment.pk, next_check_at__isnull=False).update(next_check_at=later(30))
        return SyncResult(Outcome.UNREACHABLE, payment)
    return SyncResult(Outcome.APPLIED, apply_records(payment.merchant_uid, records, source=source), records)


def is_ours(merchant_uid: str) -> bool:
    """Whether this environment can have minted the uid: "shop1" is not "shop10", whose uids begin alike."""
    prefix = get_config().merchant_uid_prefix
    is_long = len(merchant_uid) == len(prefix) + UID_TAIL_LENGTH
    return is_long and merchant_uid.startswith(prefix) and bool(MERCHANT_UID.fullmatch(merchant_uid))


def find_payment(merchant_uid: str) -> Payment | None:
    """Our attempt of that uid, or None without a query when it cannot be ours."""
    if not MERCHANT_UID.fullmatch(merchant_uid) or not merchant_uid.startswith(get_config().merchant_uid_prefix):
        return None
    return Payment.objects.filter(merchant_uid=merchant_uid).first()


def fetch_records(
    merchant_uid: str, imp_uid: str | None, known_imp_uid: str | None, *, deadline: float | None
) -> list[PaymentRecord]:
    """Every record PortOne has of this uid; whoever applies them takes those whose *fetched* merchant_uid it is.

    `imp_uid` is anybody's hint, `known_imp_uid` what an earlier look showed. Raises PortOneError.
    """
    client, began = get_client(), time.monotonic()
    if fetched := client.find_all_payments(merchant_uid, deadline=deadline):
        return fetched
    # Whether the list hides test payments is documented nowhere; the single look-up has a switch for it.
    hint = imp_uid if imp_uid and IMP_UID.fullmatch(imp_uid) else known_imp_uid
    if not hint:
        return []
    if deadline is not None:
        deadline = max(deadline - (time.monotonic() - began), 0.0)
    try:
        single = client.get_payment(hint, include_sandbox=get_config().accept_test_payments, deadline=deadline)
    except NotFound:
        return []
    if single.merchant_uid != merchant_uid:
        _look_soon(single.merchant_uid)
    return [single]


def _look_soon(merchant_uid: str) -> None:
    """The hint led to another attempt, which is asked about in its own turn."""
    if other := find_payment(merchant_uid):
        Payment.objects.filter(pk=other.pk).update(next_check_at=later(0))
