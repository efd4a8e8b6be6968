"""The delivery of an escrow sale: intent first, sent once, and a lost or refused answer is decided by looking it up.

PortOne keeps one delivery for each payment, so the same call again is safe. Addresses are passed on and not stored.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from dataclasses import dataclass
from typing import Any

from ..clock import from_unix
from ..conf import SEND_DEADLINE_SECONDS
from ..exceptions import DeliveryNotPossible, DeliveryRefused, DeliveryUnknown
from ..gateway import (
    DeliveryRecord,
    NotSent,
    PortOneError,
    PostalAddress,
    Refused,
    get_client,
    refuse_inside_transaction,
)
from ..gateway.codes import COURIERS
from ..models import Payment
from ..storable import storable
from .attempt import LockedAttempt
from .breaker import DEADLINE_SECONDS
from .dispatch import new_event, record
from .receipt_asking import user_id
from .steps import in_one_step
from .verification import sync_payment

logger = logging.getLogger("portone_django.escrow")

_INVOICE = re.compile(r"[A-Za-z0-9-]{1,40}")
_UNDECIDED = ("created", "pending", "awaiting_deposit", "unknown")
_NOTHING_THERE = 409


@dataclass(frozen=True, slots=True)
class Parcel:
    """Which courier has the goods since when, under which number. Raises TypeError or ValueError."""

    company: str
    invoice: str
    sent_at: dt.datetime

    def __post_init__(self) -> None:
        if self.company not in COURIERS:
            # PortOne would silently take any other text for ETC.
            raise ValueError(f"company must be one of PortOne's courier codes: {', '.join(COURIERS)}")
        if not isinstance(self.invoice, str) or not _INVOICE.fullmatch(self.invoice.strip()):
            raise ValueError("invoice must be the courier's number, 1 to 40 digits, letters and hyphens")
        object.__setattr__(self, "invoice", self.invoice.strip())
        if not isinstance(self.sent_at, dt.datetime):
            raise TypeError("sent_at must be a datetime. Write: sent_at=timezone.now()")
        if self.sent_at.tzinfo is None:
            raise ValueError("sent_at must know its time zone. Write: sent_at=timezone.now()")
        object.__setattr__(self, "sent_at", self.sent_at.astimezone(dt.UTC).replace(microsecond=0))

    def is_in(self, found: DeliveryRecord) -> bool:
        """Whether that is what PortOne shows."""
        is_same_courier = found.company in (self.company, "ETC")
        return is_same_courier and found.invoice == self.invoice and from_unix(found.sent_at) == self.sent_at


def deliver(
    payment: Payment,
    parcel: Parcel,
    *,
    sender: PostalAddress,
    receiver: PostalAddress,
    is_change: bool,
    by: Any = None,
    deadline: float = SEND_DEADLINE_SECONDS,
) -> Payment:
    """See escrow.register_delivery. Raises InsideTransaction, DeliveryNotPossible, DeliveryRefused, DeliveryUnknown."""
    refuse_inside_transaction()
    if payment.state in _UNDECIDED:
        sync_payment(payment.merchant_uid, source="escrow")
    payment = _intend(payment, parcel, is_change, by)
    client = get_client()
    send = client.change_delivery if is_change else client.register_delivery
    try:
        found = send(
            payment.imp_uid or "",
            sender=sender,
            receiver=receiver,
            company=parcel.company,
            invoice=parcel.invoice,
            sent_at=int(parcel.sent_at.timestamp()),
            deadline=deadline,
        )
    except NotSent as error:
        raise DeliveryNotPossible("PortOne cannot be reached, so nothing was sent. Try again later.") from error
    except PortOneError as error:
        failure = error
    else:
        return _store(payment, found, is_change)
    return _resolve(payment, parcel, is_change, failure)


def look_up(payment: Payment, *, deadline: float = DEADLINE_SECONDS) -> DeliveryRecord | None:
    """What PortOne shows of the delivery, written down; None when nothing is registered. Raises PortOneError."""
    refuse_inside_transaction()
    if not payment.imp_uid or payment.escrow is not True:
        raise DeliveryNotPossible("the payment is not an escrow sale.")
    found = _ask(payment, deadline)
    if found is not None:
        _store(payment, found, is_change=True)
    return found


def _intend(payment: Payment, parcel: Parcel, is_change: bool, by: Any) -> Payment:
    """Committed before it is sent, so that it can be seen what somebody meant to do."""

    def step() -> Payment:
        row = Payment.objects.select_for_update().select_related("order").get(pk=payment.pk)
        if row.state not in ("paid", "partially_refunded") or not row.imp_uid:
            raise DeliveryNotPossible(f"the payment is {row.state}. Goods are sent for money that is here.")
        if row.escrow is not True:
            raise DeliveryNotPossible('it is no escrow sale: those are paid with escrow=True ("에스크로").')
        data = {**_facts(parcel), "is_change": is_change, "user": user_id(by)}
        kind = "payment.delivery_requested"
        record([new_event(kind, order=row.order, payment=row, source="escrow", data=data)])
        return row

    return in_one_step(step)


def _resolve(payment: Payment, parcel: Parcel, is_change: bool, failure: PortOneError) -> Payment:
    """PortOne refused, or its answer was lost: what it shows now decides."""
    call = "change_delivery" if is_change else "register_delivery"
    try:
        found = _ask(payment, DEADLINE_SECONDS)
    except PortOneError as error:
        logger.warning("The delivery of %s could not be looked up: %s", payment.merchant_uid, type(error).__name__)
        found, is_answered = None, False
    else:
        is_answered = True
    if found is not None and _is_proved(payment, parcel, found, is_change, failure):
        return _store(payment, found, is_change)
    if isinstance(failure, Refused):
        hint = ""
        if is_answered and found is not None and not is_change:
            hint = "Another delivery is registered. Write: payment.change_delivery(…)"
        elif is_answered and found is None and is_change:
            hint = "Nothing is registered yet. Write: payment.register_delivery(…)"
        raise DeliveryRefused(storable(failure.message or str(failure)), hint)
    logger.warning("%s of %s: outcome unknown (%s)", call, payment.merchant_uid, type(failure).__name__)
    raise DeliveryUnknown(call)


def _is_proved(payment: Payment, parcel: Parcel, found: DeliveryRecord, is_change: bool, failure: PortOneError) -> bool:
    """Whether what PortOne shows can only be the doing of this call, or of the same one before."""
    if not parcel.is_in(found):
        return False
    if not is_change:
        return True
    if isinstance(failure, Refused):
        return False
    # With new addresses alone the delivery looks as it did; then only a new time of registration tells.
    was_same = (payment.delivery_invoice, payment.delivery_sent_at) == (parcel.invoice, parcel.sent_at)
    return not was_same or payment.delivery_applied_at != from_unix(found.applied_at)


def _ask(payment: Payment, deadline: float) -> DeliveryRecord | None:
    try:
        return get_client().get_delivery(payment.imp_uid or "", deadline=deadline)
    except Refused as refused:
        if refused.http_status == _NOTHING_THERE:
            return None
        raise


def _store(payment: Payment, found: DeliveryRecord, is_change: bool) -> Payment:
    """What PortOne wrote down, on the payment, with its event; an older answer changes nothing."""
    facts = {
        "delivery_company": storable(found.company)[:20],
        "delivery_invoice": storable(found.invoice)[:40],
        "delivery_sent_at": from_unix(found.sent_at),
        "delivery_applied_at": from_unix(found.applied_at),
    }

    def step() -> Payment:
        attempt = LockedAttempt(payment.merchant_uid, (), "escrow")
        row, applied_at = attempt.payment, facts["delivery_applied_at"]
        is_old = (
            row.delivery_applied_at and isinstance(applied_at, dt.datetime) and applied_at < row.delivery_applied_at
        )
        if is_old or all(getattr(row, name) == value for name, value in facts.items()):
            return row
        is_first = row.delivery_applied_at is None
        for name, value in facts.items():
            setattr(row, name, value)
        attempt.event(
            "payment.delivery_registered" if is_first or not is_change else "payment.delivery_changed",
            company=row.delivery_company,
            invoice=row.delivery_invoice,
        )
        return attempt.finish()

    return in_one_step(step)


def _facts(parcel: Parcel) -> dict[str, str]:
    return {"company": parcel.company, "invoice": parcel.invoice, "sent_at": parcel.sent_at.isoformat()}
