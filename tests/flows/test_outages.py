"""What is PortOne's fault, ours, or the moment's: no customer pays twice for it, or loses what they have."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F

from portone_django import clock
from portone_django.models import BillingCycle, Event, Payment, Subscription
from portone_django.subscriptions import use_key
from tests.members import NO_FUNDS, STOLEN, Members

pytestmark = pytest.mark.django_db
AGAIN = "/subscribe/payments/again"
HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize("number", [STOLEN, NO_FUNDS])
def test_a_new_card_pays_at_once_when_the_old_ones_answer_comes_after_it(members: Members, number: str) -> None:
    """D9: the charge was undecided when the card was changed; then it turns out declined."""
    subscription = members.subscribed(number)
    members.sandbox.faults.add("timeout_after", path=AGAIN)
    members.renew(subscription)
    assert [each.state for each in members.charges(subscription)] == ["paid", "unknown"]
    use_key(subscription, members.card(subscription.customer))
    members.settle()
    subscription.refresh_from_db()
    assert [each.state for each in members.charges(subscription)] == ["paid", "failed", "paid"]
    assert (subscription.state, members.bill(subscription).state) == ("active", "paid")
    assert members.taken(subscription) == [9900, 9900]
    assert not Event.objects.filter(kind="subscription.card_needed").exists(), "the new card is there"


@pytest.mark.parametrize(("unit", "days"), [("month", 45), ("week", 8), ("day", 2)])
def test_after_an_outage_of_portone_nobody_pays_twice_within_24_hours(members: Members, unit: str, days: int) -> None:
    """D6, with workers that were there all the time."""
    subscription = members.subscribed(unit=unit)
    members.move_to(subscription)
    members.sandbox.faults.add("refuse", path=AGAIN, times=10_000)
    for _ in range(days):
        members.engine()
        clock.move(24 * HOUR)
    members.sandbox.faults.clear()
    paid: list[dt.datetime] = []
    for _ in range(60):
        members.ask_again()
        if members.engine().paid:
            paid.append(clock.now())
        clock.move(HOUR)
    assert paid
    assert all(later - earlier >= 23 * HOUR for earlier, later in pairwise(paid)), paid


def test_what_portone_refuses_for_a_whole_period_ends_no_subscription(members: Members) -> None:
    """Our settings, or PortOne's: no card said no."""
    subscription = members.subscribed(unit="day")
    members.move_to(subscription)
    members.sandbox.faults.add("http_400", path=AGAIN, times=10_000)
    for _ in range(40):
        members.engine()
        members.settle(1)
        clock.move(HOUR)
    members.sandbox.faults.clear()
    for _ in range(60):
        members.engine()
        members.settle(1)
        clock.move(HOUR)
    subscription.refresh_from_db()
    assert subscription.state == "active"
    assert not Event.objects.filter(kind__in=("bill.given_up", "subscription.ended")).exists()
    assert subscription.cycles.filter(state="paid").count() >= 2


@pytest.mark.parametrize(("policy", "amounts"), [("current", [9900] * 2), ("each", [9900] * 3)])
@pytest.mark.parametrize(("fault", "sent"), [("refuse", 0), ("timeout_before", 1)])
def test_a_bill_of_which_nothing_arrived_before_its_period_was_over_is_a_missed_one(
    members: Members, settings: Any, policy: str, amounts: list[int], fault: str, sent: int
) -> None:
    """It was written, and that is all: as if it had not been written."""
    settings.PORTONE = {**settings.PORTONE, "CATCH_UP": policy}
    subscription = members.subscribed()
    members.sandbox.faults.add(fault, path=AGAIN, times=1000)
    members.renew(subscription)
    assert members.charges(subscription)[-1].send_count == sent
    clock.move(dt.timedelta(days=45))
    members.sandbox.faults.clear()
    for _ in range(4):
        members.settle(3)
        clock.move(24 * HOUR)
    assert members.taken(subscription) == amounts
    states = list(subscription.cycles.order_by("number").values_list("state", flat=True))
    assert states == ["paid", "waived" if policy == "current" else "paid", "paid"]
    subscription.refresh_from_db()
    assert subscription.state == "active"


def test_a_retry_that_an_outage_kept_until_the_period_was_over_is_the_last_one(members: Members) -> None:
    """Declined before, and then never sent: dunning ends it, and no later money is taken for that time."""
    subscription = members.subscribed(NO_FUNDS)
    members.renew(subscription)
    members.sandbox.faults.add("refuse", path=AGAIN, times=1000)
    members.renew(subscription)
    assert [each.send_count for each in members.charges(subscription)] == [1, 1, 0]
    clock.move(dt.timedelta(days=45))
    members.sandbox.faults.clear()
    members.ask_again()
    members.engine()
    subscription.refresh_from_db()
    assert (subscription.state, subscription.end_reason) == ("ended", "unpaid")
    assert members.bill(subscription).state == "uncollectible"
    assert members.taken(subscription) == [9900]


@pytest.mark.parametrize("failures", [0, 1])
def test_whoever_pays_in_the_last_night_of_a_period_keeps_the_subscription(members: Members, failures: int) -> None:
    """Its last day is over at midnight, and the next bill is due at ten: until then, and when asked for, it is paid."""
    subscription = members.subscribed(NO_FUNDS, unit="week")
    bill = members.renew(subscription)
    while bill.next_step_at is not None and bill.next_step_at < bill.next_due_at:
        bill = members.renew(subscription)
    clock.move(bill.next_due_at - 2 * HOUR - clock.now())
    assert clock.today() >= bill.period_end
    BillingCycle.objects.filter(pk=bill.pk).update(failures=F("failures") * failures)
    use_key(subscription, members.card(subscription.customer))
    subscription.refresh_from_db()
    assert (subscription.state, members.bill(subscription).state) == ("active", "paid")
    assert members.taken(subscription) == [9900, 9900]


def test_a_bill_of_a_cancelled_subscription_that_came_to_nothing_leads_to_no_other(members: Members) -> None:
    subscriptions = [members.subscribed() for _ in range(3)]
    members.move_to(subscriptions[-1])
    members.sandbox.faults.add("timeout_before", path=AGAIN, times=3)
    members.engine()
    for each in subscriptions:
        each.refresh_from_db()
        each.cancel(when="now", refund="none")
    clock.move(dt.timedelta(days=45))
    for _ in range(3):
        members.quiet_period_passes()
        members.engine(limit=3)
    members.engine(limit=1)
    for each in subscriptions:
        each.refresh_from_db()
        assert (each.state, each.end_reason, members.bill(each).state) == ("ended", "cancelled", "void")
        assert members.taken(each) == [9900]


def test_what_was_sent_and_is_missed_is_watched_for_a_while(members: Members) -> None:
    """Its money may come after all, and goes back."""
    subscription = members.subscribed()
    members.sandbox.faults.add("timeout_before", path=AGAIN)
    members.renew(subscription)
    clock.move(dt.timedelta(days=45))
    members.settle(3)
    missed = Payment.objects.get(order__cycle__number=2)
    assert (missed.state, missed.send_count) == ("expired", 1)
    assert missed.next_check_at is not None


def test_a_late_bill_is_followed_by_a_day_of_rest_also_when_it_was_cancelled_and_resumed(members: Members) -> None:
    """D6."""
    subscription = members.subscribed(unit="week")
    members.move_to(subscription)
    clock.move(7 * 24 * HOUR - 11 * HOUR)  # in its last hour, and eleven before the next one
    paid_at = clock.now()
    assert members.engine().paid == 1
    subscription.refresh_from_db()
    rested = subscription.next_bill_at
    assert rested is not None
    assert rested >= paid_at + 24 * HOUR
    subscription.cancel()
    subscription.resume()
    subscription.refresh_from_db()
    assert subscription.next_bill_at is not None
    assert abs(subscription.next_bill_at - rested) < dt.timedelta(minutes=1)


def test_a_charge_of_a_deleted_account_that_waits_to_be_sent_is_not(members: Members) -> None:
    """It was written before, and PortOne was away."""
    subscription = members.subscribed()
    members.sandbox.faults.add("refuse", path=AGAIN)
    members.renew(subscription)
    assert [each.send_count for each in members.charges(subscription)] == [1, 0]
    subscription.customer.delete()
    members.ask_again()
    members.engine()
    subscription = Subscription.objects.get(pk=subscription.pk)
    assert (subscription.state, members.bill(subscription).state) == ("ended", "void")
    assert members.taken(subscription) == [9900]


@pytest.mark.parametrize("number", [None, NO_FUNDS])
def test_a_customer_whose_account_is_deleted_is_never_charged_again(members: Members, number: Any) -> None:
    """Nobody is left who could see it, or cancel it."""
    subscription = members.subscribed(*([number] if number else []))
    if number:
        members.renew(subscription)
        assert members.bill(subscription).state == "retrying"
    subscription.customer.delete()
    for _ in range(3):
        subscription.refresh_from_db()
        if subscription.next_bill_at is None and not subscription.cycles.exclude(next_step_at=None).exists():
            break
        members.move_to(subscription)
        members.engine()
    subscription = Subscription.objects.get(pk=subscription.pk)
    assert (subscription.state, members.taken(subscription)) == ("ended", [9900])
    assert Event.objects.filter(kind="subscription.ended", subscription=subscription).count() == 1
