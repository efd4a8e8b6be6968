"""A card that was typed in, on its way to PortOne: the row first, one send, and what is uncertain ends by asking.

The card itself is in no row, so nothing is ever sent a second time.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from django.utils.translation import gettext

from .. import clock
from ..adapter import get_adapter
from ..clock import Tick, later
from ..conf import LEASE_SECONDS, QUIET_PERIOD_SECONDS, get_config
from ..exceptions import OrderNotOpen, PaymentPending
from ..gateway import CardData, NotSent, PortOneError, Refused, Unauthorized, get_client
from ..models import BillingKey, Order, Payment
from ..storable import storable
from ..window.buyer import NAME_LENGTH, Buyer, cut
from .attempts import draft_attempt, last_attempt_no, undecided
from .channels import Expectation, expectation
from .checkout import decide, new_merchant_uid
from .dispatch import new_event, record
from .registering import new_key, refuse_too_many, replaced_card, waiting_subscription
from .registration import Seen, apply_seen, close_registration
from .settlement import apply_records, close_refused
from .steps import in_one_step
from .verification import Outcome, sync_payment

logger = logging.getLogger("portone_django.keyin")

SOURCE = "key_in"
LOOK_SOON_SECONDS = 30
LOOK_DEADLINE_SECONDS = 8.0


# A card to keep --------------------------------------------------------------------------------------------------


def register(
    customer: Any,
    card: CardData,
    *,
    channel: str,
    name: str,
    replaces: int | None,
    subscription: int | None,
    deadline: float,
) -> BillingKey:
    """Issue by API. The card that PortOne shows afterwards under our new customer_uid is the proof."""
    expected = expectation(channel)

    def write() -> BillingKey:
        refuse_too_many(customer)
        key = new_key(
            customer,
            channel,
            expected,
            source=BillingKey.Source.KEY_IN,
            name=name,
            replaces=replaced_card(customer, replaces),
            subscription=waiting_subscription(customer, subscription),
            next_check_at=later(LEASE_SECONDS),
        )
        key.save(force_insert=True)
        record([new_event("billing_key.created", billing_key=key, source=SOURCE)])
        return key

    key, end = in_one_step(write), time.monotonic() + deadline
    try:
        on_file = get_client().issue_billing_key(
            key.customer_uid, card, **_route(channel), **_owner(customer), deadline=deadline
        )
    except (NotSent, Unauthorized):
        return close_registration(key.pk, _unreachable(), source=SOURCE)
    except Refused as refused:
        logger.warning("Card %s: %s", key.public_id, type(refused).__name__)
        return close_registration(key.pk, refused.message or refused.reason, source=SOURCE)
    except PortOneError as error:
        logger.warning("Card %s: %s", key.public_id, type(error).__name__)
        BillingKey.objects.filter(pk=key.pk, state="pending").update(next_check_at=later(LOOK_SOON_SECONDS))
        return BillingKey.objects.get(pk=key.pk)
    return apply_seen(key.pk, Seen((), on_file), source=SOURCE, wait=max(end - time.monotonic(), 0.0))


def _owner(customer: Any) -> dict[str, str]:
    known = get_adapter().buyer(customer)
    buyer = Buyer(**{field: str(known.get(f"buyer_{field}") or "") for field in ("name", "email", "tel")}).params()
    return {name.replace("buyer_", "customer_"): text for name, text in buyer.items()}


# A card that pays once -------------------------------------------------------------------------------------------


def charge_once(order: Order, card: CardData, *, channel: str, card_quota: int | None, deadline: float) -> Payment:
    """One new attempt, sent once."""
    expected = expectation(channel)
    _close_window(order)
    payment = in_one_step(lambda: _write(order.pk, channel, expected))
    try:
        found = get_client().onetime(
            card=card,
            merchant_uid=payment.merchant_uid,
            amount=payment.amount,
            name=cut(payment.name, NAME_LENGTH),
            currency=payment.currency,
            tax_free=payment.tax_free_amount,
            vat_amount=payment.vat_amount,
            card_quota=card_quota,
            deadline=deadline,
            **_route(channel),
            **Buyer(name=order.buyer_name, email=order.buyer_email, tel=order.buyer_tel).params(),
        )
    except (NotSent, Unauthorized):
        return _failed(payment, _unreachable())
    except Refused as refused:
        return _refused(payment, refused)
    except PortOneError as error:
        logger.warning("Payment %s: %s", payment.merchant_uid, type(error).__name__)
        return _uncertain(payment)
    if found.merchant_uid != payment.merchant_uid:
        return _uncertain(payment)
    return apply_records(payment.merchant_uid, [found], source=SOURCE)


def _close_window(order: Order) -> None:
    """A window that is open is given up, after asking PortOne; what waits for a deposit or is undecided is not."""
    waiting = Payment.objects.select_related("order").filter(open_slot=order.pk).first()
    if waiting is not None and waiting.state in ("created", "pending"):
        decide(waiting)


def _write(order_id: int, channel: str, expected: Expectation) -> Payment:
    """The attempt, committed as one whose outcome is unknown: from now on only PortOne can tell."""
    order = Order.objects.select_for_update().get(pk=order_id)
    is_over = order.expires_at is not None and order.expires_at <= clock.now()
    if not order.is_open or is_over or order.kind != Order.Kind.SALE:
        raise OrderNotOpen("expired" if is_over else order.state, "charge a card")
    if (pending := undecided(order)) is not None:
        raise PaymentPending(pending.merchant_uid, pending.state, "charge a card")
    # Beyond the quiet period: what PortOne does not know of by then did not happen.
    life = max(get_config().attempt_lifetime, 2 * QUIET_PERIOD_SECONDS)
    payment = draft_attempt(
        order,
        channel,
        expected,
        merchant_uid=new_merchant_uid(),
        attempt_no=last_attempt_no(order) + 1,
        state="unknown",
        expires_at=clock.now() + dt.timedelta(seconds=life),
        next_check_at=later(LEASE_SECONDS),
        sent_at=Tick(),
        send_count=1,
    )
    payment.save(force_insert=True)
    record([new_event("payment.created", order=order, payment=payment, source=SOURCE)])
    return payment


def _refused(payment: Payment, refused: Refused) -> Payment:
    """No is an answer: this uid was sent once, so it cannot be about an earlier send. PortOne is asked all the same."""
    text = storable(refused.message or refused.reason)[:500]
    logger.warning("Payment %s: %s", payment.merchant_uid, type(refused).__name__)
    result = sync_payment(payment.merchant_uid, source=SOURCE, deadline=LOOK_DEADLINE_SECONDS)
    if result.outcome is not Outcome.APPLIED:
        Payment.objects.filter(pk=payment.pk).update(refusal=text)
        return _uncertain(payment)
    return _failed(payment, text) if result.payment and result.payment.is_open else result.payment or payment


def _failed(payment: Payment, text: str) -> Payment:
    Payment.objects.filter(pk=payment.pk).update(refusal=text)
    return close_refused(payment.merchant_uid, is_key_gone=False)


def _uncertain(payment: Payment) -> Payment:
    Payment.objects.filter(pk=payment.pk, state="unknown").update(next_check_at=later(LOOK_SOON_SECONDS))
    return Payment.objects.select_related("order").get(pk=payment.pk)


def _route(channel: str) -> dict[str, str]:
    configured = get_config().channel(channel)
    return {"channel_key": configured.channel_key} if configured.channel_key else {"pg": configured.pg}


def _unreachable() -> str:
    return gettext("PortOne could not be reached. Nothing was charged.")
