"""A webhook is an unsigned hint: remembered as one row per distinct hint, answered at once, PortOne asked later."""

from __future__ import annotations

import datetime as dt
import logging
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import IntegrityError
from django.db.models import Count, F, Max, QuerySet, Subquery

from ..adapter import get_adapter
from ..clock import Tick, later, wall
from ..conf import get_config
from ..models import BillingKey, Payment, WebhookDelivery
from .breaker import DEADLINE_SECONDS, Breaker
from .escrow_reports import is_newer, is_report, take_report
from .nudges import nudge
from .registration import find_registration, sync_registration
from .steps import in_one_statement, in_one_step
from .verification import IMP_UID, MERCHANT_UID, Outcome, SyncResult, is_ours, sync_payment

logger = logging.getLogger("portone_django.webhooks")

TASK = "portone_django.process_webhooks"
INLINE_DEADLINE_SECONDS = 3.0
LEASE_SECONDS = 120
# A hint that was followed up is not followed up again before this, however often it is repeated.
REPEAT_PAUSE = dt.timedelta(minutes=10)
MAX_ROWS_PER_UID = 20
_STATUSES = {"ready", "paid", "failed", "cancelled"}
_CANCELLATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Hint:
    """What a webhook said, cut to known keys. Nothing of it is believed."""

    merchant_uid: str
    imp_uid: str = ""
    status: str = ""
    cancellation_id: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def receive(hint: Hint) -> str:
    """Remember the hint if it names a payment or a card's registration of ours; says what became of it.

    An unknown uid costs two look-ups in our own database, no row and no call to PortOne. Raises DatabaseError.
    """
    config = get_config()
    if not MERCHANT_UID.fullmatch(hint.merchant_uid) or not is_ours(hint.merchant_uid):
        get_adapter().foreign_webhook(asdict(hint))
        return "foreign"
    key = _key(hint)
    known = _look_up(key)
    if known is None:
        return "unknown"
    repeated = known.delivery_id is not None or (known.delivery_count or 0) >= MAX_ROWS_PER_UID
    if repeated:
        _count_again(known, hint)
    else:
        repeated = not _insert(key, hint)
    if config.webhook_mode == "inline" and not repeated:
        _follow_up_inline(key, known, hint)
    else:
        nudge(TASK)
    return "repeated" if repeated else "stored"


def process_due(limit: int = 200, breaker: Breaker | None = None) -> int:
    """Ask PortOne about every hint that is due; returns how many hints were followed up."""
    done, breaker = 0, breaker or Breaker()
    due = WebhookDelivery.objects.filter(due_at__lte=Tick()).order_by("due_at")
    for delivery in due[:limit]:
        if breaker.is_open:
            break
        if _claim(delivery) and _follow_up(delivery, breaker):
            done += 1
    return done


def _key(hint: Hint) -> dict[str, str]:
    return {
        "merchant_uid": hint.merchant_uid,
        "imp_uid": hint.imp_uid if IMP_UID.fullmatch(hint.imp_uid) else "",
        "status": _status(hint),
        "cancellation_id": hint.cancellation_id if _CANCELLATION_ID.fullmatch(hint.cancellation_id) else "",
    }


def _status(hint: Hint) -> str:
    """Every state of an escrow sale is a hint of its own, beside those of its payment."""
    if is_report(hint.extra):
        return f"escrow:{hint.extra['escrow_status']}"
    return hint.status if hint.status in _STATUSES else ""


def _look_up(key: dict[str, str]) -> Any:
    """Our payment (or registration) with what is known of this hint, in one query each; None when it is not ours."""
    uid = key["merchant_uid"]
    same_uid = WebhookDelivery.objects.filter(merchant_uid=uid).order_by().values("merchant_uid")
    same = WebhookDelivery.objects.filter(**key)
    known = {
        "delivery_id": Subquery(same.values("pk")[:1]),
        "delivery_processed_at": Subquery(same.values("processed_at")[:1]),
        "delivery_count": Subquery(same_uid.annotate(n=Count("*")).values("n")),
        "newest_processed_at": Subquery(same_uid.annotate(newest=Max("processed_at")).values("newest")),
        "newest_delivery_id": Subquery(same_uid.annotate(newest=Max("pk")).values("newest")),
    }
    payment = Payment.objects.filter(merchant_uid=uid).annotate(**known).first()
    return payment or BillingKey.objects.filter(issue_uid=uid).annotate(**known).first()


def _insert(key: dict[str, str], hint: Hint) -> bool:
    # In inline mode the row is a safety net: it comes due only if the follow-up in this request does not end.
    due = later(LEASE_SECONDS) if get_config().webhook_mode == "inline" else Tick()
    try:
        WebhookDelivery.objects.create(**key, body=_body(key, hint), due_at=due)
    except IntegrityError:
        if is_report(hint.extra):
            _count_again(_look_up(key), hint)
        else:
            WebhookDelivery.objects.filter(**key).update(count=F("count") + 1, last_seen_at=Tick())
        return False
    return True


def _count_again(known: Any, hint: Hint) -> None:
    processed_at = known.delivery_processed_at if known.delivery_id else known.newest_processed_at
    due = Tick() if processed_at is None else max(processed_at + REPEAT_PAUSE, wall())
    row = WebhookDelivery.objects.filter(pk=known.delivery_id or known.newest_delivery_id)

    def count(body: dict[str, Any]) -> None:
        row.update(count=F("count") + 1, last_seen_at=Tick(), body=body, due_at=due)

    body = _body(_key(hint), hint)
    if known.delivery_id is not None and not is_report(hint.extra):
        count(body)
        return

    def count_newest() -> None:
        """A report of an escrow sale that waits in this row is not lost to an older one, or to another hint."""
        kept = row.select_for_update().values_list("body", flat=True).first() or {}
        is_kept = is_newer(kept.get("extra"), hint.extra)
        count(kept if is_kept else body)

    in_one_step(count_newest)


def _body(key: dict[str, str], hint: Hint) -> dict[str, Any]:
    return {**key, "extra": hint.extra} if hint.extra else dict(key)


def _follow_up_inline(key: dict[str, str], known: Payment | BillingKey, hint: Hint) -> None:
    try:
        result = _ask(key["merchant_uid"], key["imp_uid"], INLINE_DEADLINE_SECONDS, known)
        if result.outcome is not Outcome.UNREACHABLE:
            if is_report(hint.extra) and result.payment is not None:
                take_report(result.payment.merchant_uid, key["imp_uid"], hint.extra)
            # A repeat that came meanwhile (count > 1) may know more: it stays due.
            WebhookDelivery.objects.filter(**key, count=1).update(processed_at=Tick(), due_at=None)
    except Exception:
        logger.exception("Webhook for %s is kept and will be followed up again.", key["merchant_uid"])


def _ask(merchant_uid: str, imp_uid: str, deadline: float, known: Payment | BillingKey | None = None) -> SyncResult:
    """What PortOne says of the uid: of a payment, or of a card's registration."""
    payment = known if isinstance(known, Payment) else None
    key = known if isinstance(known, BillingKey) else None
    if key is None:
        result = sync_payment(merchant_uid, imp_uid, source="webhook", deadline=deadline, payment=payment)
        key = find_registration(merchant_uid) if result.outcome is Outcome.NOT_OURS else None
        if key is None:
            return result
    return SyncResult(sync_registration(key, imp_uid, source="webhook", deadline=deadline).outcome)


def _claim(delivery: WebhookDelivery) -> bool:
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, due_at=delivery.due_at)
    return bool(in_one_statement(lambda: mine.update(due_at=later(LEASE_SECONDS))))


def _follow_up(delivery: WebhookDelivery, breaker: Breaker) -> bool:
    # One answer covers every hint of this payment that was here when the question was asked.
    asked = WebhookDelivery.objects.filter(
        merchant_uid=delivery.merchant_uid, last_seen_at__lte=delivery.last_seen_at, due_at__isnull=False
    )
    try:
        result = _ask(delivery.merchant_uid, delivery.imp_uid, DEADLINE_SECONDS)
        if result.outcome is not Outcome.UNREACHABLE:
            _take_reports(asked, result.payment)
    except Exception:
        logger.exception("Webhook for %s is kept and will be followed up again.", delivery.merchant_uid)
        return False
    breaker.note(result.outcome)
    if result.outcome is Outcome.UNREACHABLE:
        asked.update(due_at=later(30))
        return False
    asked.update(processed_at=Tick(), due_at=None)
    return True


def _take_reports(asked: QuerySet[WebhookDelivery], payment: Payment | None) -> None:
    """What these hints said of an escrow sale, which PortOne's answer does not tell."""
    if payment is None or payment.escrow is not True:
        return
    for body in asked.values_list("body", flat=True):
        if extra := body.get("extra"):
            take_report(payment.merchant_uid, body.get("imp_uid", ""), extra)
