"""E008: what the URLconf really serves; E048: where those go who have not subscribed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from portone_django import urls, views
from portone_django.admin import PaymentAdmin, RefundAdmin
from portone_django.models import Payment, Refund

from .conftest import Said

View = Callable[..., HttpResponse]


def wrapped(view: View) -> View:
    @functools.wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs)

    return inner


def swallowed(view: View) -> View:
    """As many projects write it: without functools.wraps, so the marks of the view are lost."""

    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs)

    return inner


@pytest.fixture
def routed(settings: Any) -> Callable[..., None]:
    """Serve these patterns beside the app's own include."""

    def serve(*patterns: Any, with_ours: bool = True) -> None:
        module: Any = ModuleType("project_urls")
        ours = [path("portone/", include(urls))] if with_ours else []
        module.urlpatterns = [*patterns, *ours]
        settings.ROOT_URLCONF = module

    return serve


@pytest.mark.parametrize("url", ["", "portone:result", "/pricing/", "https://shop.example/pricing/"])
def test_a_page_for_those_who_have_not_subscribed_is_fine(said: Said, portone: Callable[..., None], url: str) -> None:
    portone(SUBSCRIBE_URL=url)
    assert said("portone.E048") == []


@pytest.mark.parametrize("url", ["no-such-view", "shop:pricing", "shop.views.pricing", "portone:status"])
def test_a_page_that_nobody_can_reach_is_found_before_the_first_visitor(
    said: Said, portone: Callable[..., None], url: str
) -> None:
    portone(SUBSCRIBE_URL=url)

    (message,) = said("portone.E048")

    assert (message.is_serious(), f'PORTONE["SUBSCRIBE_URL"] is {url!r}' in message.msg) == (True, True)
    assert message.hint
    assert message.hint.startswith('Write: "SUBSCRIBE_URL": "/')


def test_the_include_is_fine(said: Said, routed: Callable[..., None]) -> None:
    routed()
    assert said("portone.E008") == []


def test_a_missing_include_is_an_error_with_its_line(said: Said, routed: Callable[..., None]) -> None:
    routed(with_ours=False)

    (message,) = said("portone.E008")

    assert message.hint == 'Write, in the URLconf: path("portone/", include("portone_django.urls"))'


def test_exactly_webhook_confirm_and_return_are_exempt_from_csrf() -> None:
    exempt = {name for name in views.__all__ if getattr(getattr(views, name), "csrf_exempt", False)}
    assert exempt == {"webhook", "confirm", "return_"}


def test_a_project_view_that_wraps_ours_properly_is_fine(said: Said, routed: Callable[..., None]) -> None:
    routed(path("hook/", wrapped(views.webhook)), path("go/", functools.partial(wrapped(views.start))))
    assert [each.msg for each in said("portone.E008") if '"go/"' not in each.msg] == []


@pytest.mark.parametrize("name", ["start", "complete", "status", "result"])
def test_exempting_another_view_is_an_error(said: Said, routed: Callable[..., None], name: str) -> None:
    routed(path("open/", csrf_exempt(getattr(views, name))))

    (message,) = said("portone.E008")

    assert f'"open/" ({name}) is exempt' in message.msg


@pytest.mark.parametrize("name", ["webhook", "confirm", "return_"])
def test_a_wrapper_that_loses_the_exemption_is_an_error(said: Said, routed: Callable[..., None], name: str) -> None:
    routed(path("hook/", transaction.non_atomic_requests(swallowed(getattr(views, name)))))

    (message,) = said("portone.E008")

    assert "asks for a CSRF token" in message.msg
    assert message.hint
    assert "@csrf_exempt" in message.hint


def test_a_wrapper_that_puts_a_view_back_into_a_transaction_is_an_error(
    said: Said, routed: Callable[..., None]
) -> None:
    routed(path("again/", csrf_exempt(swallowed(views.webhook))))

    (message,) = said("portone.E008")

    assert "runs inside a transaction of default" in message.msg
    assert message.hint
    assert "non_atomic_requests(using='default')" in message.hint


def test_atomic_requests_on_another_database_is_seen(
    said: Said, routed: Callable[..., None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed()
    monkeypatch.setitem(settings.DATABASES, "reports", {"ATOMIC_REQUESTS": True})

    messages = said("portone.E008")

    assert len(messages) == len(urls.urlpatterns)
    assert all("using='reports'" in str(each.hint) for each in messages)


def test_the_projects_other_views_are_none_of_our_business(said: Said, routed: Callable[..., None]) -> None:
    @csrf_exempt
    def theirs(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    routed(path("theirs/", theirs))
    assert said("portone.E008") == []


def test_a_worker_without_a_site_is_not_asked_for_routes(said: Said, settings: Any) -> None:
    del settings.ROOT_URLCONF
    assert said("portone.E008") == []


# The admin's decision pages ----------------------------------------------------------------------------------------

DECISIONS = {"payment": 5, "refund": 2}


def site(payments: type[PaymentAdmin] = PaymentAdmin, base: type[AdminSite] = AdminSite) -> Any:
    """The URLs of a project's own admin site."""
    found = base(name="own")
    found.register(Payment, payments)
    found.register(Refund, RefundAdmin)
    return path("desk/", found.urls)


def test_the_admins_decision_pages_are_fine_on_any_site(said: Said, routed: Callable[..., None]) -> None:
    routed(path("admin/", admin.site.urls), site())
    assert said("portone.E008") == []


def test_a_site_without_our_pages_has_nothing_to_say(said: Said, routed: Callable[..., None]) -> None:
    routed(path("admin/", AdminSite(name="empty").urls))
    assert said("portone.E008") == []


@pytest.mark.parametrize("wrap", [swallowed, wrapped])
def test_a_decision_page_that_a_project_puts_into_a_transaction_is_an_error(
    said: Said, routed: Callable[..., None], wrap: Callable[[View], View]
) -> None:
    class Wrapping(PaymentAdmin):
        def get_urls(self) -> list[Any]:
            found = super().get_urls()
            for pattern in found[: DECISIONS["payment"]]:
                pattern.callback = wrap(pattern.callback)
                pattern.callback.__dict__.pop("_non_atomic_requests", None)
            return found

    routed(site(Wrapping))

    messages = said("portone.E008")

    assert len(messages) == DECISIONS["payment"]
    assert '"desk/portone/payment/<int:object_id>/refund/" (admin refund) runs inside a transaction' in messages[0].msg


def test_a_site_that_exempts_its_pages_from_csrf_protection_is_an_error(
    said: Said, routed: Callable[..., None]
) -> None:
    class Open(AdminSite):
        def admin_view(self, view: Any, cacheable: bool = False) -> Any:
            return csrf_exempt(super().admin_view(view, cacheable))

    routed(site(base=Open))

    messages = said("portone.E008")

    assert len(messages) == sum(DECISIONS.values())
    assert "(admin refund) is exempt from CSRF protection" in messages[0].msg


def test_atomic_requests_on_another_database_leaves_the_decision_pages_outside(
    said: Said, routed: Callable[..., None], another_database: Callable[..., str]
) -> None:
    connections.settings[another_database()]["ATOMIC_REQUESTS"] = True
    routed(site())

    messages = said("portone.E008")

    assert len(messages) == len(urls.urlpatterns), "the project decorates the app's own include itself"
    assert all("desk/" not in each.msg for each in messages)
