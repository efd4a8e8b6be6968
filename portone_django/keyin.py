"""Cards that are typed into the shop's own page: off unless PORTONE["KEY_IN"] is True, and best left off.

The card's number, expiry, birth date and password digits then pass through this server: PCI DSS asks for its longest
questionnaire (SAQ D), card companies screen such shops, and KG Inicis allows it by contract only. PortOne's window
needs none of that. Nothing here keeps what was typed: hand it on at once as CardData, put it into no form that is shown
again, no session, no cache, no task and no log, and write `@sensitive_post_parameters()` on the view that takes it.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .conf import get_config
from .flows import keyin
from .gateway import CardData, refuse_inside_transaction
from .gateway.discretion import discreet
from .models import BillingKey, Order, Payment, Subscription

__all__ = ["CardData", "charge_card_once", "register_card"]

# A customer waits for the answer.
WEB_SECONDS = 20.0


@discreet
def register_card(
    user: Any,
    card: CardData,
    *,
    channel: str = "billing",
    name: str = "",
    replaces: BillingKey | None = None,
    subscription: Subscription | None = None,
    deadline: float = WEB_SECONDS,
) -> BillingKey:
    """Register a card that the user typed in; it proves that the card exists, not that it can be charged.

    Look at `state` of what comes back: active, failed (with `fail_reason`), or pending: PortOne did not answer, and the
    sweep finds out. `replaces` and `subscription` are as for `{% portone_register_card %}`.
    Raises ImproperlyConfigured while PORTONE["KEY_IN"] is off, TooManyRegistrations, SubscriptionEnded, PortOneError
    (nobody knows the channel), InsideTransaction, TypeError or ValueError. No error carries what was typed.
    """
    _require_on()
    _require_card(card)
    if getattr(user, "pk", None) is None or not getattr(user, "is_authenticated", False):
        raise TypeError(f"register_card() takes a saved user, not {type(user).__name__}")
    refuse_inside_transaction()
    return keyin.register(
        user,
        card,
        channel=channel,
        name=name[:100],
        replaces=replaces.pk if replaces is not None else None,
        subscription=subscription.pk if subscription is not None else None,
        deadline=deadline,
    )


@discreet
def charge_card_once(
    order: Order,
    card: CardData,
    *,
    channel: str = "billing",
    card_quota: int | None = None,
    deadline: float = WEB_SECONDS,
) -> Payment:
    """Pay an open order with a card that its buyer typed in; the card is not kept.

    `card_quota` is months, for 50,000 won and more. Look at `state` of what comes back: paid, failed (with
    `fail_reason`), or unknown: PortOne did not answer, and the sweep finds out; until then nothing else can pay the
    order. KG Inicis needs the order's buyer_name, buyer_email and buyer_tel.
    Raises ImproperlyConfigured while PORTONE["KEY_IN"] is off, OrderNotOpen, PaymentPending, PortOneError (nobody knows
    the channel), InsideTransaction, TypeError or ValueError. No error carries what was typed.
    """
    _require_on()
    _require_card(card)
    refuse_inside_transaction()
    missing = [field for field in ("buyer_name", "buyer_email", "buyer_tel") if not getattr(order, field)]
    if missing:
        raise ValueError(f"KG Inicis charges no typed card without {', '.join(missing)} of the order.")
    return keyin.charge_once(order, card, channel=channel, card_quota=card_quota, deadline=deadline)


def _require_on() -> None:
    if not get_config().key_in:
        raise ImproperlyConfigured(
            "Cards typed into this site are off. They make its server handle card numbers (PCI DSS SAQ D), and KG "
            'Inicis allows them by contract only. To say that this is meant, write: PORTONE = {…, "KEY_IN": True}'
        )


def _require_card(card: Any) -> None:
    if not isinstance(card, CardData):
        raise TypeError(
            f"card must be a CardData, not {type(card).__name__}. Write: CardData(number, expiry, birth, …)"
        )
