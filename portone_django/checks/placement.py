"""Whether the rest of the project's settings leaves the app what it relies on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import DEFAULT_DB_ALIAS, router
from django.utils.module_loading import import_string

from ..middleware import CheckoutMiddleware
from ..models import Order, Payment
from .registration import check

_SECURITY = "django.middleware.security.SecurityMiddleware"
_CHECKOUT = "portone_django.middleware.CheckoutMiddleware"
_TEMPLATES = "django.template.backends.django.DjangoTemplates"
_REQUEST = "django.template.context_processors.request"


@check("portone.E024")
def check_router() -> Iterator[CheckMessage]:
    """Our transactions and locks are on "default"; a replica's answer may be seconds old."""
    for model in (Order, Payment):
        for verb, alias in (("reads", router.db_for_read(model)), ("writes", router.db_for_write(model))):
            if alias != DEFAULT_DB_ALIAS:
                yield Error(
                    f'A database router sends the {verb} of {model.__name__} to "{alias}": states would be decided on '
                    "old rows, outside our transactions.",
                    hint='In the router, write: if model._meta.app_label == "portone": return "default"',
                    id="portone.E024",
                )


@check("portone.W029")
def check_opener_policy() -> Iterator[CheckMessage]:
    """Django's default, same-origin, cuts the page off from the payment window that it opened."""
    if getattr(settings, "SECURE_CROSS_ORIGIN_OPENER_POLICY", None) != "same-origin":
        return
    if _SECURITY not in settings.MIDDLEWARE or any(_is_checkout(each) for each in settings.MIDDLEWARE):
        return
    yield Warning(
        "Pages are sent with Cross-Origin-Opener-Policy: same-origin, which cuts off payment windows that open as a "
        "popup.",
        hint=f'Write, after SecurityMiddleware: MIDDLEWARE = [..., "{_CHECKOUT}", ...]',
        id="portone.W029",
    )


@check("portone.W044")
def check_persistent_connections() -> Iterator[CheckMessage]:
    """A stale connection fails on the first query after a payment was taken."""
    database = settings.DATABASES.get(DEFAULT_DB_ALIAS, {})
    if "sqlite3" in database.get("ENGINE", ""):
        return
    if database.get("CONN_MAX_AGE", 0) != 0 and not database.get("CONN_HEALTH_CHECKS"):
        yield Warning(
            'DATABASES["default"] keeps connections (CONN_MAX_AGE) without looking whether they still live.',
            hint='Write: DATABASES["default"]["CONN_HEALTH_CHECKS"] = True',
            id="portone.W044",
        )


@check("portone.W046")
def check_request_in_templates() -> Iterator[CheckMessage]:
    """{% portone_checkout %} needs the request for its CSRF token."""
    engines: list[dict[str, Any]] = settings.TEMPLATES
    for engine in engines:
        options = engine.get("OPTIONS", {})
        if engine.get("BACKEND") == _TEMPLATES and _REQUEST not in options.get("context_processors", ()):
            yield Warning(
                "Templates get no `request`, which {% portone_checkout %} needs.",
                hint=f'Write: TEMPLATES = [{{…, "OPTIONS": {{"context_processors": ["{_REQUEST}", …]}}}}]',
                id="portone.W046",
            )


def _is_checkout(path: str) -> bool:
    if path == _CHECKOUT:
        return True
    try:
        middleware = import_string(path)
    except ImportError:
        return False  # Django itself stops on it
    return isinstance(middleware, type) and issubclass(middleware, CheckoutMiddleware)
