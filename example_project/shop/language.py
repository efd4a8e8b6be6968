"""A Korean shop is Korean until its visitor switches, whatever the browser was installed in."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class KoreanFirstMiddleware:
    """Keeps Accept-Language from LocaleMiddleware, which then goes by the switch's cookie or LANGUAGE_CODE."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META.pop("HTTP_ACCEPT_LANGUAGE", None)
        return self.get_response(request)
