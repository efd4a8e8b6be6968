"""{% load portone %}: the pay button, the button that registers a card, an attempt's parameters, and filters."""

from __future__ import annotations

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from .. import access, checkout
from ..buttons import button_context, card_button_context, told_to_developers
from ..models import Order, Payment
from ..money import format_won
from ..reasons import failure_reason

register = template.Library()


@register.simple_tag(takes_context=True)
def portone_checkout(context: template.Context, order: Order, **options: Any) -> SafeString:
    """A pay button: `{% portone_checkout order pay_method="card" card_quota="2,3,6" label="결제하기" %}`.

    Besides label, css_class and channel it takes every window option of docs/options.md.
    """
    return render_to_string("portone/checkout_button.html", button_context(order, _request(context), **options))


@register.simple_tag(takes_context=True)
def portone_register_card(context: template.Context, customer: Any, **options: Any) -> SafeString:
    """A button that registers a card: `{% portone_register_card request.user buyer_tel=profile.phone %}`.

    Besides label, css_class and channel ("billing") it takes replaces=card, subscription=sub, return_url, amount (won,
    only shown), buyer_name, buyer_email, buyer_tel, and the window options that a registration has (docs/options.md).
    """
    return render_to_string("portone/checkout_button.html", card_button_context(customer, _request(context), **options))


@register.simple_tag
def portone_request_pay(payment: Payment, element_id: str = "portone-request-pay") -> SafeString:
    """The parameters of `IMP.request_pay` for an existing attempt, as <script type="application/json" id=…>."""
    parameters: dict[str, Any] = {}
    with told_to_developers("Payment %s cannot be opened: %s", getattr(payment, "merchant_uid", "?")):
        parameters = checkout.request_pay_parameters(payment)
    return json_script(parameters, element_id)


register.filter(failure_reason)


@register.filter
def won(amount: int) -> str:
    """12900 → 12,900원, or KRW 12,900 in other languages."""
    return format_won(amount)


@register.filter
def is_subscribed(user: Any, plans: str) -> bool:
    """`{% if user|is_subscribed:"pro" %}`, or of one of several: `user|is_subscribed:"pro,team"`; see access."""
    return access.is_subscribed(user, *(code.strip() for code in plans.split(",")))


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
            "The buttons of portone_django need the request in its template context. Write in TEMPLATES' "
            'context_processors: "django.template.context_processors.request"'
        )
    return request
