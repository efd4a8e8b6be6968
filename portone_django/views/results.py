"""Where a browser arrives after the window, and the page it is sent on to. Nothing in the request is believed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from ..buttons import button_context
from ..conf import get_config
from ..flows.standing import AWAITING, CHECKING, CONFIRMING, EXPIRED, FAILED, PAID, REFUNDED, refreshed, standing
from ..flows.verification import find_payment, sync_payment
from ..links import onward_url
from ..models import Payment
from ..money import format_won
from ..tokens import BadToken, read_attempt, sign_attempt
from .bodies import text
from .card_results import arrive_with_card
from .cards import registration_of
from .checkout import payment_of
from .pages import error_page, nonce_of, parameters, private

RETURN_DEADLINE_SECONDS = 5.0
_TEMPLATES = {
    PAID: "portone/result_paid.html",
    REFUNDED: "portone/result_refunded.html",
    AWAITING: "portone/result_awaiting_deposit.html",
    FAILED: "portone/result_failed.html",
    EXPIRED: "portone/result_expired.html",
    CONFIRMING: "portone/result_confirming.html",
    CHECKING: "portone/result_checking.html",
}


@never_cache
@csrf_exempt
@transaction.non_atomic_requests
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
def return_(request: HttpRequest, token: str = "") -> HttpResponse:
    """m_redirect_url: ask PortOne, then send the browser to a clean page. GET and POST, without a session.

    Reached in every outcome and by anybody, any number of times; KG Inicis may come here by POST, and PortOne's own
    example lacks imp_uid.
    """
    given = parameters(request)
    if not token:
        # Anybody can come here any number of times: asked about only when nobody asked just now.
        if payment := find_payment(text(given, "merchant_uid", 40)):
            refreshed(payment, source="return")
        return private(HttpResponseRedirect(reverse("portone:result"), status=303))
    if key := registration_of(token):
        return arrive_with_card(key, token, text(given, "imp_uid", 32) or None)
    try:
        merchant_uid = read_attempt(token)
    except BadToken:
        return error_page(request, 404)
    sync_payment(merchant_uid, text(given, "imp_uid", 32) or None, source="return", deadline=RETURN_DEADLINE_SECONDS)
    return private(HttpResponseRedirect(reverse("portone:result", args=[token]), status=303))


@never_cache
@transaction.non_atomic_requests
@require_GET
def result(request: HttpRequest, token: str = "") -> HttpResponse:
    """The page that tells how an attempt stands; without a token, a neutral one that tells nothing."""
    if not token:
        context = {"support": get_config().support, "nonce": nonce_of(request)}
        return private(render(request, "portone/result_neutral.html", context))
    payment = payment_of(token)
    if payment is None:
        return error_page(request, 404)
    payment = refreshed(payment, source="result")
    state = standing(payment)
    context = _context(request, payment, state)
    return private(render(request, _TEMPLATES[state], context))


def _context(request: HttpRequest, payment: Payment, state: str) -> dict[str, Any]:
    order = payment.order
    if state in (PAID, REFUNDED) and not payment.is_received:
        # Another attempt paid this order: the page tells of that one.
        payment = Payment.objects.select_related("order").filter(paid_slot=order.pk).first() or payment
    can_retry = state in (FAILED, EXPIRED, CONFIRMING, AWAITING) and order.is_open
    return {
        "order": order,
        "payment": payment,
        "refund": payment.refunds.filter(state="succeeded").first() if payment.refunded_amount else None,
        "amount_text": format_won(payment.amount, getattr(request, "LANGUAGE_CODE", None) or "ko"),
        "status_url": reverse("portone:status", args=[sign_attempt(payment.merchant_uid)]),
        "return_url": onward_url(order),
        "support": get_config().support,
        "retry": _retry(request, payment, state) if can_retry else None,
        "nonce": nonce_of(request),
    }


def _retry(request: HttpRequest, payment: Payment, state: str) -> dict[str, Any]:
    another = state == AWAITING
    labels = {AWAITING: gettext("Pay another way"), CONFIRMING: gettext("Open the payment window again")}
    return button_context(
        payment.order,
        request,
        label=labels.get(state, gettext("Try again")),
        css_class="portone-button",
        channel=payment.channel,
        another=another,
        **_retry_options(payment, another=another),
    )


def _retry_options(payment: Payment, *, another: bool) -> dict[str, Any]:
    """The same options again; "another way" than a virtual account starts from a card."""
    if not another:
        return dict(payment.options)
    return {key: value for key, value in payment.options.items() if key in ("language", "app_scheme", "ios_app")}
