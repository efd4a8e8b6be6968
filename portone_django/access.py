"""Who may use what was subscribed to: one question, asked by views, templates and the API alike.

A visitor, a deactivated account, and a subscription that is paused, ended, not begun, past its `cancel_at`, or past due
beyond its days of grace get no access. A plan code that does not exist raises UnknownPlan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch
from django.utils.http import escape_leading_slashes

from .conf import get_config
from .exceptions import UnknownPlan
from .models import Plan, Subscription

__all__ = ["SubscriptionRequiredMixin", "check_plans", "is_subscribed", "require_plans", "subscription_required"]

View = Callable[..., Any]


def is_subscribed(user: Any, *plans: str) -> bool:
    """Whether the user may use one of the plans (by code) now; one query, none for a visitor.

    Raises UnknownPlan naming the plans there are, and TypeError without a plan or for what is no user.
    """
    check_plans(plans)
    # A page without a user, such as an error page, has None or "" for one.
    if user in (None, "") or not getattr(user, "is_authenticated", True):
        return False
    if not isinstance(user, get_user_model()):
        raise TypeError(
            f"is_subscribed() takes a user, not {type(user).__name__}. Write: is_subscribed(request.user, …)"
        )
    if user.pk is None or not user.is_active:
        return False
    paid = Subscription.objects.has_access().filter(customer=user, price__plan=OuterRef("pk"))
    found = dict(Plan.objects.filter(code__in=plans).annotate(is_mine=Exists(paid)).values_list("code", "is_mine"))
    if not found.keys() >= set(plans):
        require_plans(*plans)
    return any(found.values())


def require_plans(*plans: str) -> None:
    """Raise UnknownPlan unless all of these plans exist."""
    known = list(Plan.objects.values_list("code", flat=True))
    if missing := [code for code in plans if code not in known]:
        raise UnknownPlan(missing[0], known)


def check_plans(plans: Sequence[str]) -> None:
    """Raise TypeError unless at least one plan is named: what asks for no plan in particular lets nobody in."""
    if isinstance(plans, str) or not plans or not all(isinstance(code, str) for code in plans):
        raise TypeError(f'Name at least one plan by its code, not {plans!r}. Write: @subscription_required("pro")')


def subscription_required(*plans: str, redirect_to: str = "") -> Callable[[View], View]:
    """Let only subscribers of one of the plans into a view (sync or async): `@subscription_required("pro")`.

    A visitor goes to the login page and comes back. Others go to `redirect_to` or PORTONE["SUBSCRIBE_URL"] (the name of
    a view, a path or a URL), with `?next=` the page they wanted; without either they read portone/
    subscription_required.html, with status 403.
    """
    check_plans(plans)

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @wraps(view)
            async def guarded_async(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                refusal = await sync_to_async(_refusal)(request, plans, redirect_to)
                return refusal or await view(request, *args, **kwargs)

            return guarded_async

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return _refusal(request, plans, redirect_to) or view(request, *args, **kwargs)

        return guarded

    return decorate


class SubscriptionRequiredMixin:
    """The same for class-based views with sync handlers, before the view class: `plans = ("pro",)`, `redirect_to`."""

    plans: str | Sequence[str] = ()
    redirect_to = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        plans = (self.plans,) if isinstance(self.plans, str) else tuple(self.plans)
        refusal = _refusal(request, plans, self.redirect_to)
        return refusal or super().dispatch(request, *args, **kwargs)  # type: ignore[misc]


def _refusal(request: HttpRequest, plans: Sequence[str], redirect_to: str) -> HttpResponse | None:
    """The answer to whoever may not in, None for a subscriber."""
    user = getattr(request, "user", None)
    if user is None:
        raise ImproperlyConfigured(
            "A page for subscribers needs to know who asks. "
            'Write: MIDDLEWARE = [..., "django.contrib.auth.middleware.AuthenticationMiddleware", ...]'
        )
    if is_subscribed(user, *plans):
        return None
    here = escape_leading_slashes(request.get_full_path())  # //evil.example would be another site
    if not user.is_authenticated:
        return redirect_to_login(here)
    if url := redirect_to or get_config().subscribe_url:
        return redirect_to_login(here, _resolved(url, "redirect_to" if redirect_to else 'PORTONE["SUBSCRIBE_URL"]'))
    context = {
        "plans": Plan.objects.filter(code__in=plans),
        "waiting": Subscription.objects.for_plan(*plans)
        .filter(customer=user, state__in=("incomplete", "past_due", "paused"))
        .first(),
        "support": get_config().support,
        "nonce": str(getattr(request, "csp_nonce", "") or ""),
    }
    return render(request, "portone/subscription_required.html", context, status=403)


def _resolved(url: str, written: str) -> str:
    try:
        return resolve_url(url)
    except NoReverseMatch as error:
        key = '"SUBSCRIBE_URL": ' if written.startswith("PORTONE") else "redirect_to="
        raise ImproperlyConfigured(
            f"{written} is {url!r}: no view without arguments has this name. "
            f'Write: {key}"/pricing/"  # a path, a URL, or the name of such a view'
        ) from error
