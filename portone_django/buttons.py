"""What the template `portone/checkout_button.html` is rendered with; a wrong option becomes a disabled button."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext

from .checkout import checkout_config
from .models import Order
from .money import format_won
from .storable import storable
from .window import InvalidOption

logger = logging.getLogger("portone_django.checkout")


def button_context(
    order: Order,
    request: HttpRequest,
    *,
    label: str = "",
    css_class: str = "portone-button",
    another: bool | str = False,
    **options: Any,
) -> dict[str, Any]:
    """The context of one button. With DEBUG a wrong option raises; without it the button is disabled and the
    error logged, so that a customer never sees a stack trace.
    """
    config: dict[str, Any] = {}
    shown = {"label": "", "css_class": "portone-button"}
    try:
        shown = {"label": _text("label", label), "css_class": _text("css_class", css_class)}
        config = checkout_config(order, request, another=another, **options)
    except (InvalidOption, ImproperlyConfigured) as error:
        if settings.DEBUG:
            raise
        logger.error("The pay button of order %s is disabled: %s", getattr(order, "public_id", "?"), error)
    is_order = isinstance(order, Order)
    amount_text = format_won(order.amount, get_language() or "ko") if is_order else ""
    own_label = gettext("Pay %(amount)s") % {"amount": amount_text} if is_order else gettext("Payment")
    request.portone_checkout = True  # type: ignore[attr-defined]  # middleware.py opens the COOP header for this page
    return {
        "element_id": f"portone-{secrets.token_hex(4)}",
        "label": shown["label"] or own_label,
        "css_class": shown["css_class"],
        "disabled": not config or not order.is_open,
        "config": config,
        "script_url": static("portone/checkout.js"),
        "style_url": static("portone/portone.css"),
        "nonce": str(getattr(request, "csp_nonce", "") or ""),
        "order": order,
        "amount_text": amount_text,
    }


def _text(option: str, value: Any) -> str:
    """A text for the page, without what cannot be written in UTF-8; None is a text that is not given."""
    if value is None:
        return ""
    if not isinstance(value, str | Promise):
        raise InvalidOption(option, f"must be a str, not {value!r}", write=f'{option}="…"')
    return storable(str(value))
