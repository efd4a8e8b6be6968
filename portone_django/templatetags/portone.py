"""{% load portone %}: the pay button, the parameters of an existing attempt, and two filters."""

from __future__ import annotations

import logging
from typing import Any

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext

from .. import checkout
from ..buttons import button_context
from ..models import Order, Payment
from ..money import format_won
from ..window import InvalidOption

logger = logging.getLogger("portone_django.checkout")
register = template.Library()


@register.simple_tag(takes_context=True)
def portone_checkout(context: template.Context, order: Order, **options: Any) -> SafeString:
    """A pay button: `{% portone_checkout order pay_method="card" card_quota="2,3,6" label="결제하기" %}`.

    Besides label, css_class and channel it takes every window option of docs/options.md.
    """
    return render_to_string("portone/checkout_button.html", button_context(order, _request(context), **options))


@register.simple_tag
def portone_request_pay(payment: Payment, element_id: str = "portone-request-pay") -> SafeString:
    """The parameters of `IMP.request_pay` for an existing attempt, as <script type="application/json" id=…>."""
    try:
        parameters = checkout.request_pay_parameters(payment)
    except (InvalidOption, ImproperlyConfigured) as error:
        if settings.DEBUG:
            raise
        logger.error("Payment %s cannot be opened: %s", getattr(payment, "merchant_uid", "?"), error)
        parameters = {}
    return json_script(parameters, element_id)


@register.filter
def won(amount: int) -> str:
    """12900 → 12,900원, or KRW 12,900 in other languages."""
    return format_won(amount, get_language() or "ko")


@register.filter
def portone_method(pay_method: str) -> str:
    """A payment method's name for people; PortOne's own word when we do not know it."""
    names = {
        "card": pgettext("payment method", "Card"),
        "trans": pgettext("payment method", "Bank transfer"),
        "vbank": pgettext("payment method", "Virtual account"),
        "phone": pgettext("payment method", "Mobile phone bill"),
        "samsung": pgettext("payment method", "Samsung Pay"),
        "kakaopay": pgettext("payment method", "KakaoPay"),
        "naverpay": pgettext("payment method", "Naver Pay"),
        "payco": "PAYCO",
        "tosspay": pgettext("payment method", "Toss Pay"),
        "lpay": "L.PAY",
        "ssgpay": pgettext("payment method", "SSG Pay"),
        "applepay": "Apple Pay",
        "point": pgettext("payment method", "Points"),
        "cultureland": pgettext("payment method", "Cultureland gift card"),
        "smartculture": pgettext("payment method", "Smart gift card"),
        "happymoney": pgettext("payment method", "Happy Money gift card"),
        "booknlife": pgettext("payment method", "Book & Life gift card"),
    }
    return names.get(pay_method, pay_method)


def _request(context: template.Context) -> HttpRequest:
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        raise ImproperlyConfigured(
            "{% portone_checkout %} needs the request in its template context. Write in TEMPLATES' "
            'context_processors: "django.template.context_processors.request"'
        )
    return request
