"""Plans and prices at the desk: added, taken off the shelf, and never rewritten under those who subscribed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from portone_django.models import Event, Plan, Price
from tests.factories import plan, price, subscription

from .desk import Operator

pytestmark = pytest.mark.django_db

ADD = {"code": "pro-monthly", "amount": "9,900원", "unit": "month", "every": "1", "is_offered": "on"}


def add_price(client: Client, **typed: Any) -> Any:
    fields = {"plan": plan().pk, **ADD, **typed}
    return client.post(reverse("admin:portone_price_add"), fields, headers={"accept-language": "en"})


def superuser_pk(client: Client) -> int:
    return int(client.session["_auth_user_id"])


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_a_plan_is_added_and_who_did_it_is_on_record(superuser: Client) -> None:
    typed = {"code": "pro", "name": "프로", "description": "모든 기능", "is_offered": "on"}
    assert superuser.post(reverse("admin:portone_plan_add"), typed).status_code == 302
    made = Plan.objects.get()
    assert (made.code, made.name, made.description, made.is_offered) == ("pro", "프로", "모든 기능", True)
    assert LogEntry.objects.get().get_edited_object() == made
    [event] = Event.objects.all()
    assert (event.kind, event.source) == ("plan.added", "admin")
    assert event.data == {"code": "pro", "user": superuser_pk(superuser)}


def test_a_plans_code_is_fixed_and_the_rest_is_not() -> None:
    known = price("pro").plan
    operator = Operator(is_superuser=True).open("plan_change", known.pk)
    fields = {name: value for name, value in operator.fields().items() if name != "is_offered"}
    operator.browser.post(operator.url, {**fields, "code": "other", "name": "프로", "description": "x"})
    known.refresh_from_db()
    assert (known.code, known.name, known.is_offered) == ("pro", "프로", False)


@pytest.mark.parametrize("code", ["Pro", "pro plan", "프로", "-pro", "pro\n"])
def test_a_code_that_code_cannot_ask_for_is_refused(superuser: Client, code: str) -> None:
    response = superuser.post(reverse("admin:portone_plan_add"), {"code": code, "name": "x"})
    if code == "pro\n":  # what surrounds a text is taken off
        assert Plan.objects.get().code == "pro"
    else:
        assert list(errors(response)) == ["code"]


def test_a_plans_page_has_its_prices_and_a_button_for_another(superuser: Client, staff: Callable[..., Client]) -> None:
    known = price("pro", amount=99000, every=3)
    url = reverse("admin:portone_plan_change", args=[known.plan_id])
    shown = superuser.get(url, headers={"accept-language": "en"}).content.decode()
    add = f"{reverse('admin:portone_price_add')}?plan={known.plan_id}"
    assert f'<a href="{add}" class="portone-decision">Add a price</a>' in shown
    assert "KRW 99,000" in shown
    assert "3 × month" in shown
    assert reverse("admin:portone_price_change", args=[known.pk]) in shown
    assert f'<option value="{known.plan_id}" selected>' in superuser.get(add).content.decode()
    assert "Add a price" not in staff("view_plan").get(url, headers={"accept-language": "en"}).content.decode()


def test_a_price_is_added_in_won_as_people_write_them(superuser: Client) -> None:
    assert add_price(superuser, tax_free_amount="900", vat_amount="818").status_code == 302
    made = Price.objects.get()
    assert (made.amount, made.tax_free_amount, made.vat_amount) == (9900, 900, 818)
    assert (made.plan.code, made.unit, made.every, made.currency) == ("pro", "month", 1, "KRW")


def test_the_form_says_what_less_than_the_least_charge_means(superuser: Client, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "MINIMUM_CHARGE": 500}
    url = reverse("admin:portone_price_add")
    shown = superuser.get(url, headers={"accept-language": "en"}).content.decode()
    assert "Less than KRW 500 is carried to the next bill" in shown


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"amount": "-1"}, "amount"),
        ({"amount": "99.5"}, "amount"),
        ({"amount": "1000000000000"}, "amount"),
        ({"every": "0"}, "every"),
        ({"every": "100000"}, "every"),
        ({"tax_free_amount": "9901"}, "tax_free_amount"),
        ({"tax_free_amount": "9000", "vat_amount": "901"}, "vat_amount"),
        ({"vat_amount": "9901"}, "vat_amount"),
        ({"unit": "hour"}, "unit"),
        ({"code": "Pro"}, "code"),
        ({"plan": ""}, "plan"),
    ],
)
def test_a_price_that_cannot_be_is_refused_beside_its_field(
    superuser: Client, typed: dict[str, str], field: str
) -> None:
    assert list(errors(add_price(superuser, **typed))) == [field]
    assert not Price.objects.exists()


def test_a_code_that_is_taken_is_refused(superuser: Client) -> None:
    price("pro", code="pro-monthly")
    assert list(errors(add_price(superuser))) == ["code"]


def test_of_a_known_price_only_the_offer_changes(superuser: Client) -> None:
    known = price("pro", amount=9900, code="pro-monthly")
    subscription(price=known)
    forged = {"plan": plan("other").pk, "code": "x", "amount": "1", "unit": "day", "every": "2", "vat_amount": "1"}
    url = reverse("admin:portone_price_change", args=[known.pk])
    assert superuser.post(url, forged).status_code == 302
    before = known
    known = Price.objects.get()
    assert known.is_offered is False
    assert all(getattr(known, name) == getattr(before, name) for name in Price.FROZEN)
    superuser.post(url, {**forged, "is_offered": "on"})
    assert Price.objects.get().is_offered is True
    superuser.post(url, {**forged, "is_offered": "on"})
    trail = [(each.kind, each.data) for each in Event.objects.filter(kind__startswith="price.").order_by("pk")]
    who = {"code": "pro-monthly", "user": superuser_pk(superuser)}
    assert trail == [("price.changed", {**who, "is_offered": offered}) for offered in (False, True)]


def test_a_price_is_deleted_only_while_nobody_subscribed_to_it_and_a_plan_never(superuser: Client) -> None:
    taken, wrong = price("pro"), price("pro")
    subscription(price=taken)
    answers = [
        superuser.post(reverse("admin:portone_price_delete", args=[each.pk]), {"post": "yes"}).status_code
        for each in (taken, wrong)
    ]
    assert answers == [403, 302]
    assert list(Price.objects.all()) == [taken]
    assert [(each.kind, each.data["code"]) for each in Event.objects.all()] == [("price.deleted", wrong.code)]
    url = reverse("admin:portone_plan_delete", args=[taken.plan_id])
    assert superuser.post(url, {"post": "yes"}).status_code == 403


def test_nothing_is_deleted_in_bulk(superuser: Client) -> None:
    known = price("pro")
    for model, row in (("plan", known.plan), ("price", known)):
        url = reverse(f"admin:portone_{model}_changelist")
        superuser.post(url, {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"})
        assert 'name="action"' not in superuser.get(url).content.decode()
    assert Price.objects.get() == known


@pytest.mark.parametrize("model", ["plan", "price"])
def test_viewing_is_not_changing(staff: Callable[..., Client], model: str) -> None:
    known = price("pro")
    row: Any = known.plan if model == "plan" else known
    client = staff(f"view_{model}")
    url = reverse(f"admin:portone_{model}_change", args=[row.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "x"}).status_code == 403
    assert client.post(reverse(f"admin:portone_{model}_add"), ADD).status_code == 403


def test_a_list_costs_the_same_with_one_price_and_with_many(superuser: Client) -> None:
    from .test_readonly import listing, queries

    price("pro")
    one = {model: queries(superuser, listing(model)) for model in ("plan", "price")}
    for number in range(9):
        price(f"plan{number}")
    assert {model: queries(superuser, listing(model)) for model in one} == one
