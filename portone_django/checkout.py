"""The functions behind the template tags: a button's configuration, and the parameters of `IMP.request_pay`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.translation import get_language, gettext

from .conf import get_config
from .models import Order, Payment
from .tokens import Checkout, sign_attempt, sign_checkout
from .window import Buyer, WindowOptions, contradictions
from .window import request_pay_params as window_params

__all__ = ["checkout_config", "request_pay_parameters"]


def checkout_config(
    order: Order, request: HttpRequest, *, channel: str = "checkout", another: bool = False, **options: Any
) -> dict[str, Any]:
    """The configuration of one pay button, to be rendered with json_script for static/portone/checkout.js.

    `options` are WindowOptions' keywords (docs/options.md). No query, no row. Raises InvalidOption naming the
    option, ImproperlyConfigured for an unknown channel.
    """
    get_config().channel(channel)
    parsed = WindowOptions.parse(**options)
    contradictions(parsed, amount=order.amount)
    return {
        "start_url": reverse("portone:start"),
        "token": sign_checkout(Checkout(order.pk, channel, parsed.as_dict())),
        "csrf_token": get_token(request),
        "sdk_url": get_config().sdk_url,
        "language": (get_language() or "ko")[:2],
        "another": another,
        "messages": _messages(),
    }


def request_pay_parameters(payment: Payment) -> dict[str, Any]:
    """The full parameters of `IMP.request_pay` for an existing attempt; SDKs write into them, so pass a fresh copy.

    Raises InvalidOption, ImproperlyConfigured.
    """
    config = get_config()
    channel = config.channel(payment.channel)
    order = payment.order
    return window_params(
        WindowOptions.parse(**payment.options),
        merchant_uid=payment.merchant_uid,
        amount=payment.amount,
        currency=payment.currency,
        name=payment.name,
        tax_free_amount=payment.tax_free_amount,
        vat_amount=payment.vat_amount,
        buyer=Buyer(
            name=order.buyer_name,
            email=order.buyer_email,
            tel=order.buyer_tel,
            addr=order.buyer_addr,
            postcode=order.buyer_postcode,
        ),
        channel_key=channel.channel_key or None,
        pg=channel.pg or None,
        # In the path, not in a query: published SDK builds append to a query wrongly.
        m_redirect_url=public_url(reverse("portone:return", args=[sign_attempt(payment.merchant_uid)])),
        notice_url=public_url(reverse("portone:webhook")),
        confirm_url=public_url(reverse("portone:confirm")),
    )


def public_url(path: str) -> str:
    """The path on PUBLIC_BASE_URL; never on the Host header, which a client chooses."""
    return get_config().public_base_url.rstrip("/") + path


def _messages() -> dict[str, str]:
    return {
        "working": gettext("Opening the payment window…"),
        "closed": gettext("The payment was not completed. Nothing was charged."),
        "failed": gettext("The payment failed. Nothing was charged."),
        "network": gettext("The connection failed. Please try again; you will not be charged twice."),
        "blocked": gettext("The payment window could not be loaded. Please turn off ad blockers and try again."),
        "try_again": gettext("Try again"),
        "confirming": gettext("Confirming your payment…"),
    }
