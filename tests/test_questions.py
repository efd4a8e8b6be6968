"""Every question of a row is a question of its queryset, under the same name and with the same answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.utils import timezone

from portone_django import clock
from portone_django.models import BillingCycle, BillingKey, Subscription
from tests import factories

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 31, 1, 0, tzinfo=dt.UTC)
PAST, FUTURE = NOW - dt.timedelta(microseconds=1), NOW + dt.timedelta(microseconds=1)
MODELS = list(apps.get_app_config("portone").get_models())
HAVE_ACCESS = {"trialing", "active", "past_due"}


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def questions(model: type[models.Model]) -> list[str]:
    return [name for name in vars(model) if is_question(name) and isinstance(vars(model)[name], property)]


def is_question(name: str) -> bool:
    return name.startswith(("is_", "has_", "can_"))


def is_twin(row: models.Model, question: str) -> bool:
    answer = getattr(row, question)
    assert type(answer) is bool, question
    asked: Any = getattr(type(row)._default_manager, question)()
    return bool(asked.filter(pk=row.pk).exists() == answer)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_rows_and_querysets_are_asked_the_same_questions(model: Any) -> None:
    asked = {name for name in vars(type(model._default_manager.all())) if is_question(name)}
    inherited = {name for base in model.__mro__ for name in vars(base) if isinstance(vars(base)[name], property)}
    assert asked == {name for name in inherited if is_question(name)}


def every_subscription() -> Iterator[Subscription]:
    """Each state, with each way in which a cancellation and the days of grace can stand to now."""
    moments = (None, PAST, NOW, FUTURE)
    for state, cancel_at, grace_until in product(Subscription.State.values, moments, moments):
        yield factories.subscription(state=state, cancel_at=cancel_at, grace_until=grace_until)


def test_every_state_of_a_subscription_is_answered_alike_on_row_and_queryset() -> None:
    seen = 0
    for subscription in every_subscription():
        for question in questions(Subscription):
            assert is_twin(subscription, question), (question, subscription.state, subscription.cancel_at)
            seen += 1
    assert seen == 4 * 6 * 4 * 4


def test_every_state_of_a_bill_and_of_a_card_is_answered_alike_on_row_and_queryset() -> None:
    subscription = factories.subscription()
    for number, state in enumerate(BillingCycle.State.values, 1):
        bill = factories.cycle(subscription, state=state, number=number)
        assert all(is_twin(bill, question) for question in questions(BillingCycle)), state
    for state, deletion, is_default in product(BillingKey.State.values, BillingKey.Deletion.values, (True, False)):
        key = factories.billing_key(state=state, deletion=deletion, default=is_default)
        assert all(is_twin(key, question) for question in questions(BillingKey)), (state, deletion)


def test_only_what_is_paid_for_on_trial_or_within_the_days_of_grace_may_be_used() -> None:
    """Written out once, against both answers being wrong alike."""
    for subscription in every_subscription():
        expected = (
            subscription.state in HAVE_ACCESS
            and subscription.cancel_at in (None, FUTURE)
            and (subscription.state != "past_due" or subscription.grace_until == FUTURE)
        )
        assert subscription.has_access is expected, (subscription.state, subscription.cancel_at)


@pytest.mark.parametrize(
    ("question", "yes"),
    [
        ("is_live", {"trialing", "active", "past_due", "paused"}),
        ("is_ending", set()),
        ("is_past_due", {"past_due"}),
    ],
)
def test_states_are_what_they_are_called(question: str, yes: set[str]) -> None:
    rows = [factories.subscription(state=state) for state in Subscription.State.values]
    assert {row.state for row in rows if getattr(row, question)} == yes


def test_a_cancelled_subscription_is_ending_until_it_has_ended() -> None:
    rows = [factories.subscription(state=state, cancel_at=FUTURE) for state in Subscription.State.values]
    assert {row.state for row in rows if row.is_ending} == {"trialing", "active", "past_due", "paused"}
    assert clock.now() == NOW
