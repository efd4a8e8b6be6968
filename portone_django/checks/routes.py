"""Whether the URLconf has our views as they must be served, and the page that SUBSCRIBE_URL names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import DEFAULT_DB_ALIAS
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from .registration import check, readable_config

View = Callable[..., Any]

# PortOne and KG Inicis call these without a cookie of ours; everything else keeps Django's protection.
_EXEMPT = {"webhook", "confirm", "return_"}
_INCLUDE = 'Write, in the URLconf: path("portone/", include("portone_django.urls"))'
_DEEPEST_WRAPPING = 5
# What admin/deciding.py writes on its views; an AdminSite of the project's own serves them, too.
_MARK = "portone_decision"


@check("portone.E008")
def check_routes() -> Iterator[CheckMessage]:
    """Looks at what the URLconf really calls, so a project's own wrapper around a view of ours counts."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return  # a worker without a site
    try:
        reverse("portone:webhook")
    except NoReverseMatch:
        yield _fault("The webhook is not routed: PortOne's notifications would be lost.", _INCLUDE)
        return
    views = _our_views()
    for route, callback in _callbacks(get_resolver().url_patterns):
        name = _ours(callback, views)
        if name is not None:
            yield from _faults(route, name, callback)


@check("portone.E048")
def check_subscribe_url() -> Iterator[CheckMessage]:
    """Whoever has not subscribed is sent there: a wrong name would be a 500 for the first of them."""
    config = readable_config()
    if config is None or not config.subscribe_url or not getattr(settings, "ROOT_URLCONF", None):
        return
    try:
        leads_somewhere = resolve_url(config.subscribe_url).startswith(("/", "https://", "http://"))
    except NoReverseMatch:
        leads_somewhere = False
    if not leads_somewhere:
        yield Error(
            f'PORTONE["SUBSCRIBE_URL"] is {config.subscribe_url!r}: no view without arguments has this name.',
            hint='Write: "SUBSCRIBE_URL": "/pricing/"  # a path, a URL, or the name of such a view',
            id="portone.E048",
        )


def _faults(route: str, name: str, callback: View) -> Iterator[CheckMessage]:
    apart: set[str] = getattr(callback, "_non_atomic_requests", set())
    if missing := sorted(_transactional_aliases() - apart):
        yield _fault(
            f'"{route}" ({name}) runs inside a transaction of {", ".join(missing)}: PortOne must never be called '
            "inside one.",
            " ".join(
                f"Write, on the outermost decorator: @transaction.non_atomic_requests(using={m!r})" for m in missing
            ),
        )
    is_exempt = bool(getattr(callback, "csrf_exempt", False))
    if is_exempt and name not in _EXEMPT:
        yield _fault(
            f'"{route}" ({name}) is exempt from CSRF protection: another site could press the button.',
            "Remove csrf_exempt from it; exactly webhook, confirm and return are exempt.",
        )
    if not is_exempt and name in _EXEMPT:
        yield _fault(
            f'"{route}" ({name}) asks for a CSRF token, which PortOne does not have.',
            "Write, on the outermost decorator: @csrf_exempt (or use functools.wraps in yours).",
        )


def _transactional_aliases() -> set[str]:
    with_requests = {alias for alias, each in settings.DATABASES.items() if each.get("ATOMIC_REQUESTS")}
    return with_requests | {DEFAULT_DB_ALIAS}


def _callbacks(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, View]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _callbacks(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def _our_views() -> dict[str, View]:
    from .. import views

    return {name: getattr(views, name) for name in views.__all__}


def _ours(callback: Any, views: dict[str, View], depth: int = 0) -> str | None:
    """The name of the view of ours that the callback is or wraps, also without functools.wraps."""
    name = next((name for name, view in views.items() if view is callback), None) or _marked(callback)
    if name is not None or depth >= _DEEPEST_WRAPPING:
        return name
    if isinstance(callback, partial):
        return _ours(callback.func, views, depth + 1)
    inner = [callback.__wrapped__] if hasattr(callback, "__wrapped__") else _closed_over(callback)
    return next((found for each in inner if (found := _ours(each, views, depth + 1))), None)


def _marked(callback: Any) -> str | None:
    mark = getattr(callback, _MARK, None)
    return mark if isinstance(mark, str) else None


def _closed_over(callback: Any) -> list[Any]:
    contents = []
    for cell in getattr(callback, "__closure__", None) or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            continue  # a name that is not bound yet
    return [each for each in contents if callable(each)]


def _fault(sentence: str, hint: str) -> Error:
    return Error(sentence, hint=hint, id="portone.E008")
