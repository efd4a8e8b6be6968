"""What the pages of a payment and those of a card have in common."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from ..conf import get_config
from .bodies import BadBody, read_body

_PAGES = ("complete", "status", "result")


def window_opens(params: dict[str, Any], token: str, pages: str = "") -> HttpResponse:
    """What the script opens the window with, and the addresses of the token's pages (`pages`: their names' prefix)."""
    return JsonResponse(
        {
            "action": "open",
            "user_code": get_config().user_code,
            "params": params,
            **{f"{page}_url": reverse(f"portone:{pages}{page}", args=[token]) for page in _PAGES},
        }
    )


def has_given_up(body: dict[str, Any]) -> bool:
    """Whether the window says that it ended without success; a hint like all it says. PortOne once wrote error_coe."""
    return bool(body.get("error_code") or body.get("error_coe") or body.get("error_msg"))


def parameters(request: HttpRequest) -> dict[str, Any]:
    """What came with the navigation, by GET or POST."""
    given: dict[str, Any] = request.GET.dict()
    if request.method == "POST":
        try:
            given = {**given, **read_body(request)}
        except BadBody:
            return given
    return given


def error_page(request: HttpRequest, status: int) -> HttpResponse:
    """The page for a link that is not ours."""
    context = {
        "title": gettext("This page does not exist"),
        "message": gettext("The link is incomplete or has expired. Nothing was charged by opening it."),
        "support": get_config().support,
        "nonce": nonce_of(request),
    }
    return private(render(request, "portone/error.html", context, status=status))


def nonce_of(request: HttpRequest) -> str:
    """The nonce of the project's Content-Security-Policy, if it has one."""
    return str(getattr(request, "csp_nonce", "") or "")


def private(response: HttpResponse) -> HttpResponse:
    """For the customer alone: no referrer, no search engine, no frame."""
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["X-Frame-Options"] = "DENY"
    return response
