"""Plans and prices: what a customer agreed on stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError, QuerySet

from portone_django.models import Plan, Price, PriceChanged
from tests import factories

pytestmark = pytest.mark.django_db

CHANGES: dict[str, Any] = {
    "amount": 12900, "currency": "USD", "tax_free_amount": 900, "vat_amount": 900, "unit": "year", "every": 3,
    "code": "another",
}  # fmt: skip


@pytest.fixture
def price() -> Price:
    return factories.price(code="pro-monthly")


@pytest.mark.parametrize("field", CHANGES)
def test_a_price_does_not_change_on_its_row(price: Price, field: str) -> None:
    before = Price.objects.values().get()
    setattr(price, field, CHANGES[field])
    with pytest.raises(PriceChanged, match=rf"Price 'pro-monthly' cannot change {field}.* Write a new one"):
        price.save()
    with pytest.raises(PriceChanged):
        price.save(update_fields=[field])
    assert Price.objects.values().get() == before


@pytest.mark.parametrize("field", CHANGES)
def test_a_price_does_not_change_in_bulk(price: Price, field: str) -> None:
    before = Price.objects.values().get()
    with pytest.raises(PriceChanged, match=rf"A price cannot change {field}"):
        Price.objects.filter(is_offered=True).update(is_offered=False, **{field: CHANGES[field]})
    with pytest.raises(PriceChanged):
        price.plan.prices.update(**{field: CHANGES[field]})
    setattr(price, field, CHANGES[field])
    with pytest.raises(PriceChanged), transaction.atomic():
        Price.objects.bulk_update([price], [field])
    assert Price.objects.values().get() == before


def test_a_price_does_not_move_to_another_plan(price: Price) -> None:
    for change in ({"plan": factories.plan("team")}, {"plan_id": factories.plan("team").pk}):
        with pytest.raises(PriceChanged, match="cannot change plan_id"):
            Price.objects.update(**change)
    price.plan = factories.plan("team")
    with pytest.raises(PriceChanged, match="cannot change plan_id"):
        price.save()


def test_no_expression_and_no_conflicting_insert_passes_for_a_change(price: Price) -> None:
    with pytest.raises(PriceChanged):
        Price.objects.update(amount=F("amount") * 2)
    twin = Price(plan=price.plan, code=price.code, amount=1, unit="month")
    with pytest.raises(PriceChanged):
        Price.objects.bulk_create([twin], update_conflicts=True, update_fields=["amount"], unique_fields=["code"])
    price.refresh_from_db()
    assert price.amount == 9900


def test_a_price_can_be_withdrawn_and_offered_again(price: Price) -> None:
    price.is_offered = False
    price.save()
    Price.objects.update(is_offered=True)
    price.refresh_from_db()
    assert price.is_offered is True
    Price.objects.bulk_create([Price(plan=price.plan, code="pro-2027", amount=12900, unit="month")])
    assert price.plan.prices.count() == 2


def test_a_price_that_was_loaded_in_part_is_saved_as_it_is(price: Price) -> None:
    row = Price.objects.only("code").get()
    row.is_offered = False
    row.save()
    price.refresh_from_db()
    assert (price.is_offered, price.amount) == (False, 9900)


def test_what_somebody_subscribed_to_is_not_deleted(price: Price) -> None:
    factories.subscription(price=price)
    for row in (price, price.plan):
        with pytest.raises(ProtectedError):
            row.delete()


@pytest.mark.parametrize(
    "terms",
    [
        {"amount": -1}, {"every": 0}, {"every": 367}, {"tax_free_amount": 9901}, {"vat_amount": 9901},
        {"vat_amount": -1}, {"unit": "years"}, {"unit": ""},
    ],
)  # fmt: skip
def test_the_database_itself_refuses_impossible_prices(terms: dict[str, Any]) -> None:
    row = Price(**{"plan": factories.plan(), "code": "x", "amount": 9900, "unit": "month", **terms})
    with pytest.raises(IntegrityError), transaction.atomic():
        QuerySet(Price).bulk_create([row])


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"unit": "YEAR"}, r"unit must be day, week, month or year, not 'YEAR'\. Write: unit=\"month\""),
        ({"unit": "years"}, "unit must be .* not 'years'"),
        ({"unit": ""}, "unit must be .* not ''"),
        ({"amount": 99.5}, "amount must be an int of won, not 99.5"),
        ({"amount": "9900"}, "amount must be an int of won, not '9900'"),
        ({"amount": -1}, "amount must be between 0 and"),
        ({"vat_amount": 9901}, "vat_amount must be between 0 and"),
        ({"every": 0}, "every must be between 1 and 366, not 0"),
        ({"every": 1.5}, "every must be an int"),
        ({"code": ""}, "code must be lower-case letters, digits, - and _, not ''. Write: code=\"pro-monthly\""),
    ],
)
def test_a_price_that_could_not_be_billed_is_refused_with_the_line_to_write(terms: dict[str, Any], said: str) -> None:
    """It cannot be corrected later, and "YEAR" was once billed as a month."""
    with pytest.raises((TypeError, ValueError), match=said):
        factories.price(**terms)
    row = Price(**{"plan": factories.plan(), "code": "x", "amount": 9900, "unit": "month", **terms})
    with pytest.raises((TypeError, ValueError), match=said):
        Price.objects.bulk_create([row])
    assert not Price.objects.exists()


def test_a_plan_whose_code_nobody_could_ask_for_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not 'Pro Plan'\. Write: code=\"pro\""):
        Plan.objects.create(code="Pro Plan", name="프로")


@pytest.mark.parametrize("code", ["Pro", "pro plan", "", "-pro", "프로", "pro\n"])
def test_codes_are_lower_case_words(code: str) -> None:
    for row in (factories.plan(), factories.price()):
        row.code = code
        with pytest.raises(ValidationError) as refused:
            row.clean_fields()
        assert set(refused.value.message_dict) == {"code"}
