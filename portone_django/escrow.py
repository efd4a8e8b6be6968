"""Escrow sales (에스크로): telling PortOne that the goods are on their way, and looking up what it wrote down.

What the buyer says afterwards comes as an unsigned webhook: payment.escrow_status shows it, and it decides nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.views.decorators.debug import sensitive_variables

from .conf import SEND_DEADLINE_SECONDS
from .flows.escrow import Parcel, deliver, look_up
from .gateway import PostalAddress
from .gateway.codes import COURIERS
from .models import Payment

__all__ = ["COURIERS", "PostalAddress", "change_delivery", "register_delivery", "sync_delivery"]


@sensitive_variables("sender", "receiver")
def register_delivery(
    payment: Payment,
    *,
    sender: PostalAddress,
    receiver: PostalAddress,
    company: str,
    invoice: str,
    sent_at: dt.datetime,
    by: Any = None,
    deadline: float = SEND_DEADLINE_SECONDS,
) -> Payment:
    """Tell PortOne which courier (a code of COURIERS) has the goods of an escrow sale, under which number, since when.

    The payment comes back with delivery_company, delivery_invoice, delivery_sent_at and delivery_applied_at; the same
    call again changes nothing. The addresses are passed on and kept nowhere.
    Raises InsideTransaction inside a transaction, DeliveryNotPossible, DeliveryRefused with PortOne's words,
    DeliveryUnknown when the answer was lost (call it again), and TypeError or ValueError.
    """
    parcel = Parcel(company, invoice, sent_at)
    deliver(payment, parcel, sender=sender, receiver=receiver, is_change=False, by=by, deadline=deadline)
    payment.refresh_from_db()
    return payment


@sensitive_variables("sender", "receiver")
def change_delivery(
    payment: Payment,
    *,
    sender: PostalAddress,
    receiver: PostalAddress,
    company: str,
    invoice: str,
    sent_at: dt.datetime,
    by: Any = None,
    deadline: float = SEND_DEADLINE_SECONDS,
) -> Payment:
    """Replace what was registered, while the buyer has not decided. Arguments and errors as register_delivery's."""
    parcel = Parcel(company, invoice, sent_at)
    deliver(payment, parcel, sender=sender, receiver=receiver, is_change=True, by=by, deadline=deadline)
    payment.refresh_from_db()
    return payment


def sync_delivery(payment: Payment) -> bool:
    """Ask PortOne whether a delivery is registered, and write down what it shows: the proof of escrow status "2".

    Raises InsideTransaction, DeliveryNotPossible for what is no escrow sale, and gateway.PortOneError.
    """
    found = look_up(payment)
    payment.refresh_from_db()
    return found is not None
