"""The functions behind `{% portone_register_card %}`: a button's configuration, and the parameters of its window."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.views.decorators.debug import sensitive_variables

from . import clock
from .adapter import get_adapter
from .checkout import channel_name, public_url
from .conf import get_config
from .links import check_return_url
from .models import BillingKey, Subscription
from .money import LARGEST_WON
from .storable import storable
from .tokens import CardButton, sign_card_button, sign_registration
from .window import Buyer, InvalidOption, WindowOptions, contradictions
from .window import request_pay_params as window_params

__all__ = ["card_config", "registration_parameters"]

# What the window that registers a card knows nothing of: nothing is sold there, and only cards are registered.
_OF_PAYMENTS = (
    "pay_method", "card_quota", "interest_free", "free_interest_from_mall", "card_points", "direct_card_points",
    "hyundai_points", "escrow", "vbank_due", "digital", "cash_receipt", "payshot_key", "no_easy_pay",
)  # fmt: skip
_BUYER = ("buyer_name", "buyer_email", "buyer_tel")


@sensitive_variables("buyer", "buyer_name", "buyer_email", "buyer_tel")
def card_config(
    customer: Any,
    request: HttpRequest,
    *,
    channel: str = "billing",
    replaces: BillingKey | None = None,
    subscription: Subscription | None = None,
    return_url: str = "",
    amount: int | str | None = None,
    buyer_name: str = "",
    buyer_email: str = "",
    buyer_tel: str = "",
    **options: Any,
) -> dict[str, Any]:
    """The configuration of a button that registers a card, for static/portone/checkout.js. No row is written.

    `customer` must be the user of the request: the button works for nobody else. `replaces` is a card of theirs that
    the new one takes the place of once it works; `subscription` one of theirs that pays with it from then on, its open
    or first bill at once. `amount` (won) is only shown by the window. Name, mail and telephone are the adapter's
    (Adapter.buyer) unless given here; KG Inicis does not open its window without a telephone number.
    Raises InvalidOption naming the option, ImproperlyConfigured for an unknown channel.
    """
    _require_own(customer, request)
    chosen = channel_name(get_config(), channel, "", "")
    parsed = _options(options)
    given = {"buyer_name": buyer_name, "buyer_email": buyer_email, "buyer_tel": buyer_tel}
    buyer = {name: _text(name, text) for name, text in given.items()}
    contradictions(parsed, buyer=_buyer(customer, buyer), customer_uid="x", now=clock.now())
    button = CardButton(
        user=str(customer.pk),
        channel=chosen,
        options=parsed.as_dict(),
        buyer={name: text for name, text in buyer.items() if text},
        amount=_amount(amount, subscription),
        replaces=_own_row("replaces", replaces, BillingKey, customer),
        subscription=_own_row("subscription", subscription, Subscription, customer),
        return_url=_return_url(return_url),
    )
    return {
        "start_url": reverse("portone:card-start"),
        "token": sign_card_button(button),
        "csrf_token": get_token(request),
        "sdk_url": get_config().sdk_url,
        "language": (get_language() or "ko")[:2],
        "another": False,
        "messages": _messages(),
    }


@sensitive_variables("buyer")
def registration_parameters(key: BillingKey, buyer: dict[str, str], amount: int) -> dict[str, Any]:
    """The full parameters of `IMP.request_pay` that register this card. Raises InvalidOption, ImproperlyConfigured."""
    channel = get_config().channel(key.channel)
    subscription = key.subscription
    name = str(subscription.price) if subscription is not None else gettext("Card registration")
    assert key.issue_uid is not None  # noqa: S101  (for the type checker)
    return window_params(
        WindowOptions.parse(**key.options),
        merchant_uid=key.issue_uid,
        customer_uid=key.customer_uid,
        amount=amount,
        name=name,
        buyer=_buyer(key.customer, buyer),
        channel_key=channel.channel_key or None,
        pg=channel.pg or None,
        m_redirect_url=public_url(reverse("portone:return", args=[sign_registration(key.issue_uid)])),
        notice_url=public_url(reverse("portone:webhook")),
        now=clock.now(),
    )


def _require_own(customer: Any, request: HttpRequest) -> None:
    is_saved = getattr(customer, "pk", None) is not None and getattr(customer, "is_authenticated", False)
    if not is_saved:
        raise InvalidOption(
            "customer",
            f"must be a user who is logged in, not {type(customer).__name__}: show the button behind a login",
            write="{% if user.is_authenticated %}{% portone_register_card user %}{% endif %}",
        )
    user = getattr(request, "user", None)
    if user is None or user.pk != customer.pk:
        raise InvalidOption(
            "customer",
            "is not the user of this request, and nobody registers a card for somebody else",
            write="{% portone_register_card request.user %}",
        )


def _options(options: dict[str, Any]) -> WindowOptions:
    for name in _OF_PAYMENTS:
        if name in options and not (name == "pay_method" and options[name] == "card"):
            raise InvalidOption(name, "has no meaning where a card is registered: leave it out")
    return WindowOptions.parse(**options)


def _own_row(option: str, row: Any, kind: type[BillingKey] | type[Subscription], customer: Any) -> int | None:
    if row is None:
        return None
    # A template hands on "" for a variable that it does not know.
    if not isinstance(row, kind):
        raise InvalidOption(option, f"must be a portone_django {kind.__name__}, not {row!r}")
    if row.customer_id is None or row.customer_id != customer.pk:
        raise InvalidOption(option, "belongs to another customer")
    return row.pk


def _amount(amount: int | str | None, subscription: Subscription | None) -> int:
    """What the window shows: the price of the subscription, unless another is given."""
    if amount is None:
        return subscription.price.amount if isinstance(subscription, Subscription) else 0
    text = str(amount)
    if isinstance(amount, bool) or not (text.isascii() and text.isdigit()) or int(text) > LARGEST_WON:
        raise InvalidOption("amount", f"must be won as a number, not {amount!r}", write="amount=9900")
    return int(text)


def _return_url(url: Any) -> str:
    text = _text("return_url", url)
    try:
        check_return_url(text)
    except ValueError as error:
        raise InvalidOption("return_url", str(error)) from error
    if len(text) > 500:
        raise InvalidOption("return_url", f"has {len(text)} characters; 500 are kept")
    return text


def _text(option: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str | Promise):
        raise InvalidOption(option, f"must be a str, not {type(value).__name__}", write=f'{option}="…"')
    return storable(str(value))


@sensitive_variables()
def _buyer(customer: Any, given: dict[str, str]) -> Buyer:
    known = get_adapter().buyer(customer) if customer is not None else {}
    known = {**known, **{name: text for name, text in given.items() if text}}
    return Buyer(**{name.removeprefix("buyer_"): str(known.get(name) or "") for name in _BUYER})


def _messages() -> dict[str, str]:
    return {
        "working": gettext("Opening the window of the card company…"),
        "closed": gettext(
            "The window is closed. If you have registered the card, we are confirming it. You can also try again."
        ),
        "failed": gettext("The card was not registered. Nothing was charged."),
        "network": gettext("The connection failed. Please try again; nothing was charged."),
        "blocked": gettext("The payment window could not be loaded. Please turn off ad blockers and try again."),
        "unavailable": gettext("The card could not be registered. Please try again."),
        "stale": gettext("This page is too old. Please reload it and try again."),
        "confirming": gettext("Confirming your card…"),
    }
