"""What the template `portone/checkout_button.html` is rendered with; a wrong option becomes a disabled button."""

from __future__ import annotations

import inspect
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.translation import gettext

from .cards import card_config
from .checkout import checkout_config
from .models import Order
from .money import format_won
from .storable import storable
from .window import ELSEWHERE, OPTION_NAMES, InvalidOption, unknown_option

logger = logging.getLogger("portone_django.checkout")

# A card is registered in the channel that its name says, and there is no order whose terms could be meant.
_ELSEWHERE_OF_CARDS = {
    **dict.fromkeys(("channelKey", "channel_key", "pg"), 'channel="billing"'),
    "buyer_phone": 'buyer_tel="010-…"',
}


def button_context(
    order: Order,
    request: HttpRequest,
    *,
    label: str = "",
    css_class: str = "portone-button",
    another: bool | str = False,
    **options: Any,
) -> dict[str, Any]:
    """The context of one button; a wrong option disables it (see told_to_developers)."""
    config: dict[str, Any] = {}
    shown = {"label": "", "css_class": "portone-button"}
    with told_to_developers("The pay button of order %s is disabled: %s", getattr(order, "public_id", "?")):
        shown = {"label": _text("label", label), "css_class": _text("css_class", css_class)}
        _require_known(options, own_words(button_context, checkout_config), ELSEWHERE)
        config = checkout_config(order, request, another=another, **options)
    is_order = isinstance(order, Order)
    amount_text = format_won(order.amount) if is_order else ""
    own_label = gettext("Pay %(amount)s") % {"amount": amount_text} if is_order else gettext("Payment")
    message = _why_closed(order) if is_order and not order.is_open else ""
    if not message and not config:
        message = gettext("Payment is not available at the moment. Nothing was charged.")
    return {
        **_button(request, config, shown, own_label, message),
        "order": order,
        "amount_text": amount_text,
    }


def card_button_context(
    customer: Any, request: HttpRequest, *, label: str = "", css_class: str = "portone-button", **options: Any
) -> dict[str, Any]:
    """The same for a button that registers a card of the customer, who must be the user of this request."""
    config: dict[str, Any] = {}
    shown = {"label": "", "css_class": "portone-button"}
    with told_to_developers("The button that registers a card is disabled: %s"):
        shown = {"label": _text("label", label), "css_class": _text("css_class", css_class)}
        _require_known(options, own_words(card_button_context, card_config), _ELSEWHERE_OF_CARDS)
        config = card_config(customer, request, **options)
    message = "" if config else gettext("No card can be registered at the moment. Nothing was charged.")
    return _button(request, config, shown, gettext("Register a card"), message)


@contextmanager
def told_to_developers(text: str, *names: object) -> Iterator[None]:
    """With DEBUG a wrong option raises; without it the error is logged, so that a customer never sees a stack trace."""
    try:
        yield
    except (InvalidOption, ImproperlyConfigured) as error:
        if settings.DEBUG:
            raise
        logger.error(text, *names, error)


def own_words(*functions: Callable[..., Any]) -> list[str]:
    """The keywords of these functions by name: what a tag takes besides the window's options."""
    parameters = [each for function in functions for each in inspect.signature(function).parameters.values()]
    return list(dict.fromkeys(each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY))


def _require_known(options: Iterable[str], own: list[str], elsewhere: Mapping[str, str]) -> None:
    for name in options:
        if name not in OPTION_NAMES and name not in own:
            raise unknown_option(name, own, {word: line for word, line in elsewhere.items() if word not in own})


def _why_closed(order: Order) -> str:
    if order.is_paid and order.state != "refunded":
        return gettext("This order is already paid.")
    return gettext("This order can no longer be paid.")


def _button(
    request: HttpRequest, config: dict[str, Any], shown: dict[str, str], own_label: str, message: str
) -> dict[str, Any]:
    """What both buttons are rendered with; a `message` says why there is nothing to press."""
    request.portone_checkout = True  # type: ignore[attr-defined]  # middleware.py opens the COOP header for this page
    return {
        "element_id": f"portone-{secrets.token_hex(4)}",
        "label": shown["label"] or own_label,
        "css_class": shown["css_class"],
        "disabled": bool(message),
        "message": message,
        "config": config,
        "script_url": static("portone/checkout.js"),
        "style_url": static("portone/portone.css"),
        "nonce": str(getattr(request, "csp_nonce", "") or ""),
    }


def _text(option: str, value: Any) -> str:
    """A text for the page, without what cannot be written in UTF-8; None is a text that is not given."""
    if value is None:
        return ""
    if not isinstance(value, str | Promise):
        raise InvalidOption(option, f"must be a str, not {value!r}", write=f'{option}="…"')
    return storable(str(value))
