"""A click on "pay": the order's open attempt is reused or a new one is written, its amount registered at PortOne."""

from __future__ import annotations

import base64
import datetime as dt
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError

from .. import clock
from ..conf import get_config
from ..exceptions import OrderNotOpen, PaymentPending
from ..gateway import PortOneError, Refused, get_client
from ..models import Order, Payment
from .attempts import draft_attempt, last_attempt_no
from .channels import Expectation, expectation
from .dispatch import new_event, record
from .settlement import close_attempt
from .steps import in_one_step
from .verification import Outcome, sync_payment

logger = logging.getLogger("portone_django.checkout")

PREPARE_DEADLINE_SECONDS = 3.0
SYNC_DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How an attempt is to be made: which channel, with which window options (WindowOptions.as_dict())."""

    channel: str
    options: Mapping[str, Any]


def start_attempt(order: Order, terms: Terms, *, another: bool = False) -> Payment:
    """The attempt whose window may open now: the open one of this order, or a new one.

    `another` asks to give up a virtual account that waits for its deposit and to pay in another way.
    Raises OrderNotOpen, PaymentPending (an earlier attempt is undecided or waits for its deposit, or money
    of this order is being looked at), PortOneError or ImproperlyConfigured (nobody knows the channel).
    Never inside a transaction.
    """
    expected = expectation(terms.channel)
    asked_about: set[str] = set()
    while True:
        try:
            payment = _open_or_new(order, terms, expected)
        except PaymentPending as held:
            # It may have been sent back in PortOne's console since.
            if held.merchant_uid in asked_about:
                raise
            asked_about.add(held.merchant_uid)
            sync_payment(held.merchant_uid, source="checkout", deadline=SYNC_DEADLINE_SECONDS)
            continue
        awaits = payment.state == "awaiting_deposit" and payment.terms == payment.order.terms
        if payment.merchant_uid in asked_about or (awaits and not another):
            raise PaymentPending(payment.merchant_uid, payment.state, "open another window")
        if _is_reusable(payment, terms, expected):
            return _make_ready(payment, terms)
        asked_about.add(payment.merchant_uid)
        decide(payment)


def new_merchant_uid() -> str:
    """The environment's prefix and 120 random bits in [a-z0-9]: unguessable, and unique for ever."""
    return get_config().merchant_uid_prefix + base64.b32encode(secrets.token_bytes(15)).decode().lower()


def _open_or_new(order: Order, terms: Terms, expected: Expectation) -> Payment:
    try:
        return in_one_step(lambda: _claim_slot(order.pk, terms, expected))
    except IntegrityError:
        # Where rows are not locked (SQLite), another click may take the slot between our look and our insert.
        return in_one_step(lambda: _claim_slot(order.pk, terms, expected))


def _claim_slot(order_id: int, terms: Terms, expected: Expectation) -> Payment:
    order = Order.objects.select_for_update().get(pk=order_id)
    if not order.is_open:
        raise OrderNotOpen(order.state, "pay")
    if order.expires_at is not None and order.expires_at <= clock.now():
        raise OrderNotOpen("expired", "pay")
    held = Payment.objects.is_held().filter(order=order).first()
    if held is not None:
        raise PaymentPending(held.merchant_uid, "held", "pay again")
    open_payment = Payment.objects.filter(open_slot=order.pk).first()
    if open_payment is not None:
        open_payment.order = order
        return open_payment
    return _write_attempt(order, terms, expected)


def _write_attempt(order: Order, terms: Terms, expected: Expectation) -> Payment:
    payment = draft_attempt(
        order,
        terms.channel,
        expected,
        merchant_uid=new_merchant_uid(),
        attempt_no=last_attempt_no(order) + 1,
        options=dict(terms.options),
        expires_at=clock.now() + dt.timedelta(seconds=get_config().attempt_lifetime),
        next_check_at=clock.later(30),
    )
    payment.save(force_insert=True)
    record([new_event("payment.created", order=order, payment=payment, source="checkout")])
    return payment


def _is_reusable(payment: Payment, terms: Terms, expected: Expectation) -> bool:
    """Whether opening this attempt's window (again) sells just what the order says now."""
    return (
        payment.state in ("created", "pending")
        and clock.now() < payment.expires_at
        and (payment.terms, payment.name) == (payment.order.terms, payment.order.name)
        and payment.channel == terms.channel
        and (payment.expected_pg_provider, payment.expected_pg_id, payment.expected_sandbox)
        == (expected.pg_provider, expected.pg_id, expected.sandbox)
    )


def _make_ready(payment: Payment, terms: Terms) -> Payment:
    prepared = payment.is_prepared or _prepare(payment)
    if payment.state == "pending" and prepared == payment.is_prepared and payment.options == dict(terms.options):
        return payment
    changed = {"is_prepared": prepared, "options": dict(terms.options)}
    Payment.objects.filter(pk=payment.pk, state="pending").update(**changed)
    Payment.objects.filter(pk=payment.pk, state="created").update(state="pending", **changed)
    payment.refresh_from_db()
    return payment


def _prepare(payment: Payment) -> bool:
    """Best effort: PortOne then refuses to open the window with another amount. The comparison later is the truth."""
    client = get_client()
    try:
        client.prepare(payment.merchant_uid, payment.amount, payment.currency, deadline=PREPARE_DEADLINE_SECONDS)
    except Refused:
        return _confirm_prepared(payment)
    except PortOneError as error:
        logger.warning("Payment %s: amount not registered: %s", payment.merchant_uid, type(error).__name__)
        return False
    return True


def _confirm_prepared(payment: Payment) -> bool:
    # What a second POST does is undocumented: an earlier one that was thought lost may be the reason.
    try:
        get_client().change_prepared(
            payment.merchant_uid, payment.amount, payment.currency, deadline=PREPARE_DEADLINE_SECONDS
        )
    except PortOneError as error:
        logger.warning("Payment %s: amount not registered: %s", payment.merchant_uid, type(error).__name__)
        return False
    return True


def _close_account(payment: Payment) -> None:
    """Best effort, where the channel has KG Inicis' key: nobody can deposit into an account that is given up."""
    key = get_config().channel(payment.channel).pg_api_key
    if payment.state != "awaiting_deposit" or not payment.imp_uid or not key:
        return
    try:
        get_client().revoke_vbank(payment.imp_uid, key, deadline=SYNC_DEADLINE_SECONDS)
    except PortOneError as error:
        logger.warning("Payment %s: the account stays open: %s", payment.merchant_uid, type(error).__name__)


def decide(payment: Payment) -> None:
    """Close an attempt that must not be opened again, after asking PortOne; money that is there is settled instead."""
    _close_account(payment)
    result = sync_payment(payment.merchant_uid, source="checkout", deadline=SYNC_DEADLINE_SECONDS)
    if result.outcome is not Outcome.APPLIED or result.payment is None:
        raise PaymentPending(payment.merchant_uid, payment.state, "start another attempt")
    if result.payment.is_open:
        close_attempt(payment.merchant_uid, source="checkout", with_deposit=True)
