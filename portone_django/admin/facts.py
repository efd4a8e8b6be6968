"""What an operator sees before deciding: the payment, its refunds, and two sides of a comparison."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ..models import Payment, Refund
from ..templatetags.portone import portone_method
from .deciding import url_of
from .display import NOTHING, money
from .wording import pending


def payment_facts(payment: Payment) -> list[tuple[str, str]]:
    """Rows of (name, text), in the order of the questions that are asked of a payment."""
    order, currency = payment.order, payment.currency
    method = ", ".join(filter(None, (portone_method(payment.pay_method), payment.card_name, payment.vbank_name)))
    state = " · ".join(filter(None, (payment.get_state_display(), _hold(payment))))
    rows = [
        (capfirst(_("order")), f"{order.name} ({order.public_id})"),
        (_("Order's state"), order.get_state_display()),
        (_("Buyer"), order.buyer_name),
        ("merchant_uid", payment.merchant_uid),
        ("imp_uid", payment.imp_uid),
        (capfirst(_("method")), f"{method} · {_('test payment')}" if payment.sandbox else method),
        (capfirst(_("state")), state),
        (_("Received"), money(payment.received_amount, currency)),
        (_("Went back"), money(payment.refunded_amount, currency)),
        (_("Remains"), money(payment.remaining_amount, currency)),
    ]
    return [(name, text or NOTHING) for name, text in rows]


def refund_rows(admin: Any, request: HttpRequest, payment: Payment) -> list[dict[str, Any]]:
    """The refunds of a payment, each with its amount and its page for those who may see it."""
    return [
        {"refund": each, "amount": money(each.amount, payment.currency), "url": refund_url(admin, request, each)}
        for each in payment.refunds.order_by("pk")
    ]


def waiting_refund(admin: Any, request: HttpRequest, payment: Payment) -> dict[str, str]:
    """What is said, and its page, while a refund of this payment's own record is undecided."""
    waiting = Refund.objects.filter(payment=payment, imp_uid=payment.imp_uid or "").is_open().first()
    if waiting is None:
        return {"waiting": "", "waiting_url": ""}
    return {"waiting": pending(waiting), "waiting_url": refund_url(admin, request, waiting)}


def refund_url(admin: Any, request: HttpRequest, refund: Refund) -> str:
    """The refund's page; "" for a user who may not see it."""
    other = admin.admin_site._registry.get(Refund)
    return url_of(other, "change", refund.pk) if other and other.has_view_permission(request) else ""


def beside(rows: Iterable[tuple[str, Any, Any]], currency: str = "KRW") -> list[dict[str, Any]]:
    """Rows of (name, ours, theirs) as texts, and whether they differ; numbers are amounts."""
    return [
        {"name": name, "asked": _text(ours, currency), "recorded": _text(theirs, currency), "differs": ours != theirs}
        for name, ours, theirs in rows
    ]


def _text(value: Any, currency: str) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return money(value, currency) if isinstance(value, int) else str(value)


def _hold(payment: Payment) -> str:
    return str(payment.get_hold_reason_display()) if payment.hold_reason else ""


def taken_twice(payment: Payment) -> dict[str, tuple[int, int]]:
    """Received and gone back, by imp_uid; what is no such triple was not written by us."""
    triples = {key: value for key, value in payment.surplus.items() if isinstance(value, list) and len(value) == 3}
    return {key: (taken, back) for key, (taken, back, _method) in triples.items()}
