"""The functions behind the template tags: a button's configuration, and the parameters of `IMP.request_pay`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.translation import get_language, gettext

from . import clock
from .conf import Config, get_config
from .models import Order, Payment
from .tokens import Checkout, sign_attempt, sign_checkout
from .window import Buyer, InvalidOption, WindowOptions, contradictions, one_channel
from .window import request_pay_params as window_params
from .window.scalars import read_flag

__all__ = ["checkout_config", "request_pay_parameters"]


def checkout_config(
    order: Order,
    request: HttpRequest,
    *,
    channel: str = "",
    channelKey: str = "",
    pg: str = "",
    another: bool | str = False,
    **options: Any,
) -> dict[str, Any]:
    """The configuration of one pay button, to be rendered with json_script for static/portone/checkout.js.

    `channel` is a name in PORTONE["CHANNELS"] ("checkout" unless given); `channelKey` or `pg` name one of them by
    what PortOne calls it. `options` are WindowOptions' keywords (docs/options.md); `another` is a flag, or "true" or
    "false" from a template. No query, no row. Raises InvalidOption naming the option, ImproperlyConfigured for an
    unknown channel.
    """
    _require(order, Order, "order")
    channel = channel_name(get_config(), channel, channelKey, pg)
    parsed = WindowOptions.parse(**options)
    contradictions(parsed, amount=order.amount, currency=order.currency, buyer=_buyer(order), now=clock.now())
    return {
        "start_url": reverse("portone:start"),
        "token": sign_checkout(Checkout(order.pk, channel, parsed.as_dict())),
        "csrf_token": get_token(request),
        "sdk_url": get_config().sdk_url,
        "language": (get_language() or "ko")[:2],
        "another": read_flag("another", another),
        "messages": messages(),
    }


def request_pay_parameters(payment: Payment) -> dict[str, Any]:
    """The full parameters of `IMP.request_pay` for an existing attempt; SDKs write into them, so pass a fresh copy.

    Raises InvalidOption, ImproperlyConfigured.
    """
    _require(payment, Payment, "payment")
    config = get_config()
    channel = config.channel(payment.channel)
    order = payment.order
    options = WindowOptions.parse(**payment.options)
    if options.pay_method == "vbank" and options.vbank_due is None:
        options = replace(options, vbank_due=config.vbank_days)
    return window_params(
        options,
        merchant_uid=payment.merchant_uid,
        amount=payment.amount,
        currency=payment.currency,
        name=payment.name,
        tax_free_amount=payment.tax_free_amount,
        vat_amount=payment.vat_amount,
        buyer=_buyer(order),
        channel_key=channel.channel_key or None,
        pg=channel.pg or None,
        # In the path, not in a query: published SDK builds append to a query wrongly.
        m_redirect_url=public_url(reverse("portone:return", args=[sign_attempt(payment.merchant_uid)])),
        notice_url=public_url(reverse("portone:webhook")),
        confirm_url=public_url(reverse("portone:confirm")),
        now=clock.now(),
    )


def public_url(path: str) -> str:
    """The path on PUBLIC_BASE_URL; never on the Host header, which a client chooses."""
    return get_config().public_base_url.rstrip("/") + path


def _buyer(order: Order) -> Buyer:
    return Buyer(
        name=order.buyer_name,
        email=order.buyer_email,
        tel=order.buyer_tel,
        addr=order.buyer_addr,
        postcode=order.buyer_postcode,
    )


def channel_name(config: Config, name: str, channel_key: str, pg: str) -> str:
    """The configured channel that the tag means; only configured ones, because payments are compared with them."""
    if not channel_key and not pg:
        return config.channel(name or "checkout").name
    if name:
        raise InvalidOption("channel", "given beside channelKey or pg: keep one of them", write='channel="checkout"')
    if channel_key and pg:
        raise InvalidOption(
            "channelKey", "channelKey and pg are both given: keep one of them", write='channelKey="channel-key-…"'
        )
    (option, wanted), *_ = one_channel(channel_key or None, pg or None).items()
    for each in config.channels.values():
        if wanted in (each.channel_key, each.pg):
            return each.name
    write = f'PORTONE["CHANNELS"] = {{…, "other": {{"{"channel_key" if channel_key else "pg"}": "{wanted}"}}}}'
    raise InvalidOption(option, "no configured channel has it", write=write)


def _require(row: object, kind: type[Order] | type[Payment], name: str) -> None:
    # A template hands on "" for a variable that it does not know.
    if not isinstance(row, kind):
        raise InvalidOption(
            name, f"must be a portone_django {kind.__name__}, not {row!r} (an undefined template variable?)"
        )


def messages() -> dict[str, str]:
    return {
        "working": gettext("Opening the payment window…"),
        "closed": gettext(
            "The payment window is closed. If you have paid, we are confirming it. "
            "You can also try again; you will not be charged twice."
        ),
        "failed": gettext("The payment failed. Nothing was charged."),
        "network": gettext("The connection failed. Please try again; you will not be charged twice."),
        "blocked": gettext("The payment window could not be loaded. Please turn off ad blockers and try again."),
        "unavailable": gettext("The payment could not be started. Please try again."),
        "stale": gettext("This page is too old. Please reload it and try again."),
        "confirming": gettext("Confirming your payment…"),
    }
