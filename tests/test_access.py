"""Who may use what: the function, billing(user), the decorator, the mixin, the DRF permission and the filter agree."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject
from django.views.generic import TemplateView, View
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from portone_django.access import SubscriptionRequiredMixin, is_subscribed, subscription_required
from portone_django.billing import billing
from portone_django.clock import now
from portone_django.exceptions import UnknownPlan
from portone_django.models import Subscription
from portone_django.permissions import HasSubscription
from tests import factories

pytestmark = pytest.mark.django_db

Door = Callable[[Any], bool]


@subscription_required("pro")
def pro_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@subscription_required("pro")
async def async_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


class ProPage(SubscriptionRequiredMixin, View):
    plans = "pro"

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")


class ProApi(APIView):
    authentication_classes = [SessionAuthentication]
    permission_classes = [HasSubscription("pro")]

    def get(self, request: Any) -> HttpResponse:
        return HttpResponse("in")


def asked(user: Any, path: str = "/members/?page=2") -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = user
    return request


def api(view: type[APIView], user: Any) -> Any:
    request = APIRequestFactory().get("/api/")
    if user.is_authenticated:
        force_authenticate(request, user)
    return view.as_view()(request)


def template(user: Any, plans: str = "pro") -> str:
    source = "{% load portone %}{% if user|is_subscribed:plans %}in{% else %}out{% endif %}"
    return Template(source).render(Context({"user": user, "plans": plans}))


DOORS: dict[str, Door] = {
    "function": lambda user: is_subscribed(user, "pro"),
    "billing": lambda user: user.is_authenticated and user.pk is not None and billing(user).is_subscribed("pro"),
    "decorator": lambda user: pro_page(asked(user)).status_code == 200,
    "mixin": lambda user: ProPage.as_view()(asked(user)).status_code == 200,
    "permission": lambda user: api(ProApi, user).status_code == 200,
    "filter": lambda user: template(user) == "in",
}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    return DOORS[request.param]


@pytest.fixture
def user() -> Any:
    factories.plan("pro")
    return factories.UserFactory(email="member@example.com")


def test_a_subscriber_gets_in_and_each_door_asks_the_database_once(door: Door, user: Any) -> None:
    factories.subscription(user)
    with CaptureQueriesContext(connection) as captured:
        assert door(user)
    assert len(captured) == 1


def test_the_same_account_in_a_lazy_wrapper_gets_in_as_well(door: Door, user: Any) -> None:
    factories.subscription(user)
    assert door(SimpleLazyObject(lambda: user))


@pytest.mark.parametrize("state", ["incomplete", "paused", "ended"])
def test_nobody_gets_in_who_has_not_paid(door: Door, user: Any, state: str) -> None:
    factories.subscription(user, state=state)
    assert not door(user)


def test_a_bill_that_is_past_due_is_forgiven_for_the_days_of_grace_only(door: Door, user: Any) -> None:
    row = factories.subscription(user, state="past_due")
    assert door(user)
    Subscription.objects.filter(pk=row.pk).update(grace_until=now() - dt.timedelta(seconds=1))
    assert not door(user)


def test_a_cancelled_subscription_ends_on_time_even_if_the_machine_is_late(door: Door, user: Any) -> None:
    row = factories.subscription(user, cancel_at=now() + dt.timedelta(minutes=1))
    assert door(user)
    Subscription.objects.filter(pk=row.pk).update(cancel_at=now() - dt.timedelta(seconds=1))
    assert not door(user)


def test_another_plan_or_another_customer_opens_nothing(door: Door, user: Any) -> None:
    factories.subscription(user, price=factories.price("basic"))
    factories.subscription(price=factories.price("pro"))
    assert not door(user)


def test_a_visitor_does_not_get_in_and_costs_no_query(door: Door) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert not door(AnonymousUser())
    assert len(captured) == 0


def test_a_deactivated_or_deleted_account_does_not_get_in(door: Door, user: Any) -> None:
    factories.subscription(user)
    user.is_active = False
    assert not door(user)
    stale = get_user_model().objects.get(pk=user.pk)
    get_user_model().objects.filter(pk=user.pk).delete()
    assert not door(stale), "the subscription is kept, without its customer"
    assert Subscription.objects.has_access().count() == 1


def test_an_unknown_plan_raises_naming_those_there_are(door: Door, user: Any) -> None:
    factories.plan("pro").delete()
    factories.plan("prop")
    with pytest.raises(UnknownPlan, match=r"no plan 'pro'\. Did you mean 'prop'\? There are: 'prop'"):
        door(user)


def test_one_of_several_plans_is_enough_and_each_must_exist(user: Any) -> None:
    factories.plan("team")
    factories.subscription(user, price=factories.price("team"))
    assert is_subscribed(user, "pro", "team")
    assert template(user, "pro, team") == "in"
    with pytest.raises(UnknownPlan, match="'gold'"):
        is_subscribed(user, "team", "gold")


@pytest.mark.parametrize("plans", [(), (None,), ((),)])
def test_without_a_plan_nobody_is_asked_for_anything(user: Any, plans: tuple[Any, ...]) -> None:
    for ask in (subscription_required, HasSubscription, lambda *codes: is_subscribed(user, *codes)):
        with pytest.raises(TypeError, match="Name at least one plan"):
            ask(*plans)


def test_a_decorator_without_its_plan_says_so_where_it_is_written() -> None:
    with pytest.raises(TypeError, match=r'Write: @subscription_required\("pro"\)'):
        subscription_required(lambda request: HttpResponse())  # type: ignore[arg-type]


def test_a_class_without_its_plan_lets_nobody_in(user: Any) -> None:
    class Forgotten(SubscriptionRequiredMixin, TemplateView):
        template_name = "never.html"

    with pytest.raises(TypeError, match="Name at least one plan"):
        Forgotten.as_view()(asked(user))


def test_what_is_no_account_of_ours_is_no_customer_of_the_same_number(user: Any) -> None:
    class Machine:
        is_authenticated, is_active, pk = True, True, user.pk

    factories.subscription(user)
    with pytest.raises(TypeError, match="takes a user, not Machine"):
        is_subscribed(Machine(), "pro")
    with pytest.raises(TypeError, match="takes a user, not str"):
        is_subscribed("hong", "pro")


def test_a_page_without_a_user_is_a_visitors(user: Any) -> None:
    factories.subscription(user)
    assert [is_subscribed(nobody, "pro") for nobody in (None, "", AnonymousUser())] == [False] * 3


# Where those go who may not in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [pro_page, ProPage.as_view()], ids=["decorator", "mixin"])
def test_a_visitor_logs_in_and_comes_back(view: Any) -> None:
    response = view(asked(AnonymousUser()))
    assert (response.status_code, response.url) == (302, "/accounts/login/?next=/members/%3Fpage%3D2")


def test_others_are_sent_to_where_the_decorator_says(user: Any) -> None:
    view = subscription_required("pro", redirect_to="/pricing/?from=members")(lambda request: HttpResponse("in"))
    response = view(asked(user))
    assert (response.status_code, response.url) == (302, "/pricing/?from=members&next=/members/%3Fpage%3D2")


def test_others_are_sent_to_where_the_setting_says_by_the_name_of_a_view(user: Any, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "SUBSCRIBE_URL": "portone:result"}
    assert pro_page(asked(user)).url == "/portone/result/?next=/members/%3Fpage%3D2"


def test_an_address_that_leads_nowhere_is_named_with_the_line_to_write(user: Any, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "SUBSCRIBE_URL": "no-such-view"}
    with pytest.raises(ImproperlyConfigured, match=r'PORTONE\["SUBSCRIBE_URL"\] is .* Write: "SUBSCRIBE_URL": "/'):
        pro_page(asked(user))
    view = subscription_required("pro", redirect_to="shop:pricing")(lambda request: HttpResponse("in"))
    with pytest.raises(ImproperlyConfigured, match=r"^redirect_to is 'shop:pricing': .* Write: redirect_to=\"/"):
        view(asked(user))


def test_next_never_leads_to_another_site(user: Any, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "SUBSCRIBE_URL": "/pricing/"}
    request = asked(user, "/")
    request.path = "//evil.example/"
    assert pro_page(request).url == "/pricing/?next=/%252Fevil.example/"


@pytest.mark.parametrize("state", ["past_due", "paused", "incomplete"])
def test_without_such_an_address_a_page_says_what_is_missing(user: Any, state: str) -> None:
    plan = factories.plan("pro")
    plan.name = "<b>Pro</b>"
    plan.save()
    response = pro_page(asked(user))
    assert (response.status_code, "&lt;b&gt;Pro" in response.text) == (403, True)
    assert "portone-reason" not in response.text
    factories.subscription(user, state=state, grace_until=None)
    assert "portone-reason" in pro_page(asked(user)).text, "a bill is open, and that is all that is missing"


def test_a_page_without_the_middleware_is_a_fault_of_the_settings() -> None:
    with pytest.raises(ImproperlyConfigured, match="AuthenticationMiddleware"):
        pro_page(RequestFactory().get("/"))


def test_an_async_view_is_guarded_alike(user: Any) -> None:
    assert inspect.iscoroutinefunction(async_page)
    assert async_to_sync(async_page)(asked(user)).status_code == 403
    factories.subscription(user)
    assert async_to_sync(async_page)(asked(user)).content == b"in"


# The API ------------------------------------------------------------------------------------------------------------


def test_the_api_says_why_it_refuses(user: Any) -> None:
    response = api(ProApi, user)
    assert (response.status_code, response.data["detail"].code) == (403, "subscription_required")


def test_the_permission_can_be_subclassed_and_composed(user: Any) -> None:
    class ProOrTeam(HasSubscription):
        plans = ("pro", "team")

    class Composed(ProApi):
        permission_classes = [IsAuthenticated & (HasSubscription("pro") | HasSubscription("team")) & ProOrTeam]

    factories.plan("team")
    assert api(Composed, user).status_code == 403
    factories.subscription(user, price=factories.price("team"))
    assert api(Composed, user).status_code == 200
    assert api(Composed, AnonymousUser()).status_code == 403


# billing(user) ------------------------------------------------------------------------------------------------------


def test_the_subscription_to_show_is_one_with_access_and_then_the_newest(user: Any) -> None:
    assert billing(user).subscription("pro") is None
    factories.subscription(user, state="ended")
    assert billing(user).subscription("pro") is None
    used = factories.subscription(user)
    factories.subscription(user, state="paused", reference="second")
    assert billing(user).subscription("pro") == used
    other = factories.subscription(user, price=factories.price("basic"))
    assert billing(user).subscription() == other
    assert billing(user).subscription("basic") == other


def test_a_slip_of_the_pen_is_not_no_subscription(user: Any) -> None:
    with pytest.raises(UnknownPlan, match="'prro'"):
        billing(user).subscription("prro")


def test_all_subscriptions_are_listed_newest_first_and_only_the_customers_own(user: Any) -> None:
    first = factories.subscription(user, state="ended")
    second = factories.subscription(user)
    factories.subscription()
    with CaptureQueriesContext(connection) as captured:
        assert list(billing(user).subscriptions()) == [second, first]
        assert [each.price.plan.code for each in billing(user).subscriptions()] == ["pro", "pro"]
    assert len(captured) == 2
    assert list(billing(user).subscriptions().is_live().for_plan("pro")) == [second]
