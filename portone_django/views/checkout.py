"""What static/portone/checkout.js talks to: start an attempt, complete it, ask how it stands."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from .. import checkout as public
from ..exceptions import OrderNotOpen, PaymentPending
from ..flows.checkout import Terms, start_attempt
from ..flows.standing import AWAITING, CONFIRMING, EXPIRED, FAILED, FINAL, PAID, refreshed, standing
from ..flows.verification import Outcome, sync_payment
from ..gateway import PortOneError
from ..links import onward_url
from ..models import Order, Payment
from ..reasons import failure_reason
from ..tokens import BadToken, read_attempt, read_checkout, sign_attempt
from ..window import InvalidOption
from .bodies import BadBody, read_body, text
from .pages import has_given_up, window_opens

logger = logging.getLogger("portone_django.views")

COMPLETE_DEADLINE_SECONDS = 5.0


@never_cache
@transaction.non_atomic_requests
@require_POST
@sensitive_post_parameters()
def start(request: HttpRequest) -> HttpResponse:
    """POST {token, another}: the parameters to open the window with, or where to go instead."""
    try:
        body = read_body(request)
        order_terms = read_checkout(text(body, "token", 8000))
    except BadBody as error:
        return refuse(error.status, "bad_request", str(error))
    except BadToken:
        return refuse(400, "bad_token", gettext("This page is too old. Please reload it and try again."))
    order = Order.objects.filter(pk=order_terms.order_id).first()
    if order is None:
        return refuse(404, "not_found", gettext("This order does not exist any more."))
    return _start(order, Terms(order_terms.channel, order_terms.options), another=body.get("another") is True)


@sensitive_variables("params")
def _start(order: Order, terms: Terms, *, another: bool) -> HttpResponse:
    try:
        payment = start_attempt(order, terms, another=another)
        params = public.request_pay_parameters(payment)
    except PaymentPending as pending:
        return _redirect(pending.merchant_uid)
    except OrderNotOpen as closed:
        return _closed(order, closed)
    except (ImproperlyConfigured, InvalidOption):
        logger.exception("Order %s cannot be paid: the configuration is wrong.", order.public_id)
        return refuse(503, "misconfigured", gettext("Payment is not available at the moment. Nothing was charged."))
    except PortOneError as error:
        logger.warning("Order %s cannot be paid now: %s", order.public_id, type(error).__name__)
        return refuse(503, "unavailable", gettext("Payment is not available at the moment. Nothing was charged."))
    return window_opens(params, sign_attempt(payment.merchant_uid))


def _closed(order: Order, closed: OrderNotOpen) -> HttpResponse:
    attempts = Payment.objects.filter(order=order)
    telling = attempts.filter(paid_slot=order.pk).first() or attempts.order_by("-attempt_no").first()
    if telling is not None:
        return _redirect(telling.merchant_uid)
    if order.is_paid and (url := onward_url(order)):
        return JsonResponse({"action": "redirect", "url": url})
    return refuse(409, f"order_{closed.state}", gettext("This order can no longer be paid."))


@never_cache
@transaction.non_atomic_requests
@require_POST
@sensitive_post_parameters()
def complete(request: HttpRequest, token: str) -> HttpResponse:
    """POST {imp_uid, error_code, error_msg} from the window's callback: how the attempt stands now.

    All of the body is a hint. An attempt that is already decided costs no call to PortOne.
    """
    payment = payment_of(token)
    if payment is None:
        return refuse(404, "not_found", gettext("This payment does not exist."))
    try:
        body = read_body(request)
    except BadBody as error:
        return refuse(error.status, "bad_request", str(error))
    imp_uid = text(body, "imp_uid", 32)
    # Another imp_uid than the one we know may be a second payment under the same merchant_uid.
    if payment.is_open or payment.state in ("failed", "expired") or imp_uid not in ("", payment.imp_uid):
        result = sync_payment(
            payment.merchant_uid, imp_uid or None, source="callback", deadline=COMPLETE_DEADLINE_SECONDS
        )
        payment = result.payment or payment
        # The window says that it ended and PortOne has nothing else to say: let the customer try again.
        if has_given_up(body) and result.outcome is Outcome.APPLIED and standing(payment) == CONFIRMING:
            return _answer(payment, FAILED)
    return _answer(payment, standing(payment))


@never_cache
@transaction.non_atomic_requests
@require_GET
def status(request: HttpRequest, token: str) -> HttpResponse:
    """GET: how the attempt stands, asking PortOne at most every few seconds; 404 for all that is not ours."""
    payment = payment_of(token)
    if payment is None:
        return refuse(404, "not_found", gettext("This payment does not exist."))
    state = standing(refreshed(payment, source="status"))
    return JsonResponse({"state": state, "final": state in FINAL, "url": reverse("portone:result", args=[token])})


def payment_of(token: str) -> Payment | None:
    """The attempt whose pages have this token."""
    try:
        merchant_uid = read_attempt(token)
    except BadToken:
        return None
    return Payment.objects.select_related("order").filter(merchant_uid=merchant_uid).first()


def _answer(payment: Payment, state: str) -> HttpResponse:
    # What PortOne has not decided is not called free of charge, whatever the window said.
    messages = {
        FAILED: gettext("The payment was not completed. Nothing was charged.")
        if payment.state == "failed"
        else gettext("The payment window was closed. You can try again; you will not be charged twice."),
        EXPIRED: gettext("The time to pay ran out. Nothing was charged."),
        PAID: "",
        AWAITING: "",
    }
    message = messages.get(state, "")
    if state == FAILED and payment.fail_reason:
        message = f"{message} ({failure_reason(payment.fail_reason)})"
    url = reverse("portone:result", args=[sign_attempt(payment.merchant_uid)])
    return JsonResponse({"state": state, "url": url, "message": message})


def _redirect(merchant_uid: str) -> HttpResponse:
    url = reverse("portone:result", args=[sign_attempt(merchant_uid)])
    return JsonResponse({"action": "redirect", "url": url})


def refuse(status: int, code: str, message: str, **more: Any) -> HttpResponse:
    """An error that the script shows below its button."""
    return JsonResponse({"error": {"code": code, "message": message, **more}}, status=status)
