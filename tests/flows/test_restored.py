"""A database restored from a copy, and --look-first: what was charged since the copy is found, not repeated."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from portone_django.models import BillingCycle, CycleLine, Event, Order, Payment, Subscription
from tests.members import Members

pytestmark = pytest.mark.django_db
KEPT = ("cycle_no", "period_start", "period_end", "next_bill_at", "carried_amount", "state")


@pytest.fixture
def copied(members: Members) -> tuple[Subscription, dict[str, Any]]:
    """A subscriber, and what the copy says of them; PortOne refuses no uid, so nothing but the look saves anybody."""
    members.sandbox.settings.set(duplicate_mode="none")
    subscription = members.subscribed()
    return subscription, Subscription.objects.values(*KEPT).get(pk=subscription.pk)


def restore(subscription: Subscription, copy: dict[str, Any]) -> None:
    """Every commit since the copy is gone."""
    lost = BillingCycle.objects.filter(subscription=subscription, number__gt=copy["cycle_no"])
    orders = list(lost.values_list("order_id", flat=True))
    Event.objects.filter(order__in=orders).delete()
    Payment.objects.filter(order__in=orders).delete()
    CycleLine.objects.filter(cycle__in=lost).delete()
    lost.delete()
    Order.objects.filter(pk__in=orders).delete()
    Subscription.objects.filter(pk=subscription.pk).update(**copy)


def look_first(concurrency: int = 1) -> None:
    call_command("portone_charge_due", "--look-first", "--concurrency", str(concurrency), stdout=StringIO())


def states(subscription: Subscription) -> list[tuple[int, str]]:
    return list(
        BillingCycle.objects.filter(subscription=subscription).order_by("number").values_list("number", "state")
    )


def test_every_period_that_was_charged_since_the_copy_is_found_in_one_go(
    members: Members, copied: tuple[Subscription, dict[str, Any]]
) -> None:
    subscription, copy = copied
    for _ in range(3):
        members.renew(subscription)
    restore(subscription, copy)
    look_first()
    subscription.refresh_from_db()
    assert states(subscription) == [(1, "paid"), (2, "paid"), (3, "paid"), (4, "paid")]
    assert members.taken(subscription) == [9900] * 4
    assert members.engine().taken == 0
    assert members.renew(subscription).number == 5
    assert members.taken(subscription) == [9900] * 5


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
def test_threads_that_look_wait_for_the_period_before(
    members: Members, copied: tuple[Subscription, dict[str, Any]]
) -> None:
    subscription, copy = copied
    for _ in range(3):
        members.renew(subscription)
    restore(subscription, copy)
    look_first(concurrency=4)
    assert states(subscription) == [(1, "paid"), (2, "paid"), (3, "paid"), (4, "paid")]
    assert members.taken(subscription) == [9900] * 4


def test_a_period_that_was_missed_and_is_over_is_not_charged_by_the_look(
    members: Members, copied: tuple[Subscription, dict[str, Any]]
) -> None:
    """CATCH_UP is "current": the look makes no bill of what nobody had charged."""
    subscription, copy = copied
    members.renew(subscription)
    for _ in range(2):
        members.move_by_a_period(subscription)
    restore(subscription, copy)
    look_first()
    assert states(subscription) == [(1, "paid"), (2, "paid"), (3, "waived"), (4, "paid")]
    assert members.taken(subscription) == [9900] * 3


def test_with_each_the_look_still_takes_no_two_periods_within_a_day(
    members: Members, copied: tuple[Subscription, dict[str, Any]], settings: Any
) -> None:
    settings.PORTONE = {**settings.PORTONE, "CATCH_UP": "each"}
    subscription, copy = copied
    members.renew(subscription)
    for _ in range(2):
        members.move_by_a_period(subscription)
    restore(subscription, copy)
    look_first()
    assert states(subscription) == [(1, "paid"), (2, "paid"), (3, "paid")]
    assert members.taken(subscription) == [9900] * 3
    members.move_to(subscription)
    look_first()
    assert states(subscription)[-1] == (4, "paid")
