"""The site's own URLs: one checkout page with three buttons, under a Content-Security-Policy that every page obeys."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template import engines
from django.urls import include, path

from portone_django.models import Order

# What docs/options.md promises to work with: no inline script, the SDK's origin, and the styles the SDK sets itself.
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' {sdk}; style-src 'self' 'unsafe-inline'; connect-src 'self' {sdk}; "
    "frame-src {sdk}; img-src 'self' data:; form-action 'self' {sdk}; base-uri 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>{% load portone %}
<html lang="{{ LANGUAGE_CODE }}"><head><meta charset="utf-8"><title>{{ order.name }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>{{ order.name }}</h1>
<section id="card">{% portone_checkout order pay_method="card" label="카드로 결제" %}</section>
<section id="vbank">{% portone_checkout order pay_method="vbank" label="가상계좌로 결제" %}</section>
<section id="wallet">{% portone_checkout order pay_method="kakaopay" label="카카오페이로 결제" %}</section>
</main></body></html>"""

CARDS = """<!doctype html>{% load portone %}
<html lang="{{ LANGUAGE_CODE }}"><head><meta charset="utf-8"><title>내 카드</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>내 카드</h1>
<section id="register">
{% portone_register_card user label="카드 등록" buyer_tel="010-0000-0000" return_url="/cards/" %}
</section>
</main></body></html>"""


class StrictPolicy:
    """Gives every request a nonce and every answer the policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce, sdk=settings.PORTONE["API_BASE"])
        return response


def checkout(request: HttpRequest, order_id: int) -> HttpResponse:
    """A shop's page; the browser may keep it, as it may keep most shops' pages."""
    order = get_object_or_404(Order, pk=order_id)
    return HttpResponse(engines["django"].from_string(PAGE).render({"order": order}, request))


def cards(request: HttpRequest) -> HttpResponse:
    """A customer's own cards, with the button that registers one."""
    return HttpResponse(engines["django"].from_string(CARDS).render({"user": request.user}, request))


def icon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it by themselves, and would complain."""
    return HttpResponse(status=204)


urlpatterns = [
    path("favicon.ico", icon),
    path("checkout/<int:order_id>/", checkout, name="checkout"),
    path("cards/", cards, name="cards"),
    path("portone/", include("portone_django.urls")),
]
