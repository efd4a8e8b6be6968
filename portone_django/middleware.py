"""Optional middleware: lets the pages with a pay button keep the payment window that they open."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class CheckoutMiddleware:
    """Sends `Cross-Origin-Opener-Policy: same-origin-allow-popups` with pages that rendered a pay button.

    Django's default, `same-origin`, cuts a popup off from the page that opened it. List it after
    SecurityMiddleware, which leaves a header alone that is already there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "portone_checkout", False):
            response.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
        return response
