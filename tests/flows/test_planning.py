"""Which bills are written when: after outages and jumps of the clock, beside spoilt rows, with nothing to charge."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest

from portone_django import clock
from portone_django.flows import planning
from portone_django.flows.planning import plan_due
from portone_django.gateway import get_client
from portone_django.models import BillingCycle, BillingKey, Order, Payment, Subscription
from portone_django.periods import period_start
from portone_django.subscriptions import subscribe
from tests.members import NO_FUNDS, Members

pytestmark = pytest.mark.django_db
AGAIN = "/subscribe/payments/again"
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def subscription(members: Members) -> Subscription:
    return members.subscribed()


def states(subscription: Subscription) -> list[str]:
    return list(subscription.cycles.order_by("number").values_list("state", flat=True))


def with_settings(settings: Any, **changes: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, **changes}


def sweep_for(members: Members, days: int) -> None:
    """Twice a day, as the worker would every half minute."""
    for _ in range(days * 2):
        clock.move(12 * HOUR)
        members.engine()


# Clocks that jump (D5) --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [HOUR, DAY, 40 * DAY])
def test_a_clock_that_jumps_back_charges_no_period_again(
    members: Members, subscription: Subscription, back: dt.timedelta
) -> None:
    members.renew(subscription)
    clock.move(-back)
    assert members.engine().taken == 0
    clock.move(back)
    assert members.engine().taken == 0
    assert members.taken(subscription) == [9900] * 2
    assert members.renew(subscription).number == 3
    assert members.taken(subscription) == [9900] * 3


def test_a_clock_that_swings_during_the_sweep_charges_each_period_once(members: Members) -> None:
    subscriptions = [members.subscribed() for _ in range(3)]
    members.move_to(subscriptions[0])
    swings = (-HOUR, HOUR, DAY, -DAY, -HOUR, DAY, HOUR, -DAY)
    for by in swings:
        members.engine(limit=1)
        clock.move(by)
    members.engine()
    for each in subscriptions:
        assert members.taken(each) == [9900] * 2
        each.refresh_from_db()
        assert (each.cycle_no, states(each)) == (2, ["paid", "paid"])


def test_a_clock_that_jumps_back_during_dunning_tries_no_sooner(members: Members, subscription: Subscription) -> None:
    members.change_card(subscription, NO_FUNDS)
    members.renew(subscription)
    tries = len(members.charges(subscription))
    clock.move(-DAY)
    members.engine()
    clock.move(DAY)
    members.engine()
    assert len(members.charges(subscription)) == tries


# Workers that were down (D6) --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "unit", "paid", "waived"),
    [
        ("current", "month", 2, 1), ("each", "month", 3, 0), ("none", "month", 1, 2),
        ("current", "week", 2, 6), ("none", "week", 1, 7),
    ],
)  # fmt: skip
def test_after_45_days_without_workers_catch_up_decides_which_periods_are_charged(
    members: Members, settings: Any, policy: str, unit: str, paid: int, waived: int
) -> None:
    with_settings(settings, CATCH_UP=policy)
    clock.move(dt.datetime(2027, 1, 31, 3, tzinfo=dt.UTC) - clock.now())
    subscription = members.subscribed(unit=unit)
    due = subscription.next_bill_at
    assert due is not None
    clock.move(due - clock.now() + (45 * DAY if unit == "month" else 46 * DAY))
    sweep_for(members, 2)
    assert (states(subscription).count("paid"), states(subscription).count("waived")) == (paid, waived)
    assert members.taken(subscription) == [9900] * paid
    sweep_for(members, 32)
    starts = list(subscription.cycles.order_by("number").values_list("number", "period_start", "period_end"))
    assert [number for number, _, _ in starts] == list(range(1, len(starts) + 1))
    assert all(end == start for (_, _, end), (_, start, _) in pairwise(starts))


@pytest.mark.parametrize("policy", ["current", "each", "none"])
@pytest.mark.parametrize("unit", ["week", "month"])
def test_after_45_days_without_workers_nobody_is_charged_twice_within_24_hours(
    members: Members, settings: Any, policy: str, unit: str
) -> None:
    with_settings(settings, CATCH_UP=policy)
    clock.move(dt.datetime(2027, 1, 31, 3, tzinfo=dt.UTC) - clock.now())
    subscription = members.subscribed(unit=unit)
    due = subscription.next_bill_at
    assert due is not None
    # The workers come back some hours before the next period begins.
    clock.move(due - clock.now() + (58 * DAY if unit == "month" else 48 * DAY) + 6 * HOUR)
    made: list[dt.datetime] = []
    for _ in range(60):
        if members.engine().paid:
            made.append(clock.now())
        clock.move(3 * HOUR)
    assert len(made) >= 1
    assert all(later - earlier >= DAY for earlier, later in pairwise(made)), made


@pytest.mark.parametrize("hour", [4, 14])
def test_after_45_days_without_workers_a_daily_plan_is_not_charged_for_days_that_are_over(
    members: Members, hour: int
) -> None:
    members.move_to_hour(hour)
    subscription = members.subscribed(unit="day")
    clock.move(45 * DAY)
    members.engine()
    members.engine()
    if hour < 10:
        assert members.taken(subscription) == [9900], "today's is taken at ten"
        members.renew(subscription)
    assert members.taken(subscription) == [9900] * 2
    assert states(subscription).count("waived") in (43, 44)


# The price, frozen (D8) -------------------------------------------------------------------------------------------


def test_a_price_that_changes_after_the_bill_was_written_changes_the_next_one_only(
    members: Members, subscription: Subscription
) -> None:
    members.move_to(subscription)
    [planned] = plan_due(1)
    Subscription.objects.filter(pk=subscription.pk).update(price=members.price(19900))
    members.engine()
    planned.refresh_from_db()
    assert (planned.state, planned.amount) == ("paid", 9900)
    members.renew(subscription)
    assert members.taken(subscription) == [9900, 9900, 19900]


def test_a_retry_takes_the_amount_of_its_bill_and_not_the_new_price(
    members: Members, subscription: Subscription
) -> None:
    key = members.change_card(subscription, NO_FUNDS)
    members.renew(subscription)
    Subscription.objects.filter(pk=subscription.pk).update(price=members.price(19900))
    members.change_card(subscription, "5594100000000001")
    assert members.renew(subscription).state == "paid"
    assert members.taken(subscription) == [9900, 9900]
    assert key.customer_uid not in {each.customer_uid for each in members.charges(subscription)[-1:]}


# Nothing to charge ------------------------------------------------------------------------------------------------


def test_a_free_bill_is_paid_without_portone_and_holds_up_nobody(members: Members) -> None:
    price = members.price(0)
    free = []
    for _ in range(9):
        user = members.user()
        free.append(subscribe(user, price, billing_key=members.card(user)))
    paying = members.subscribed()
    members.move_to(paying)
    assert members.engine(limit=5).paid == 1
    assert members.taken(paying) == [9900, 9900]
    assert [states(each) for each in free] == [["paid", "paid"]] * 9
    assert Order.objects.filter(amount=0, state="paid").count() == 18
    assert not Payment.objects.filter(amount=0).exists()


def test_bills_that_are_given_up_hold_up_nobody(members: Members) -> None:
    lapsed = [members.subscribed() for _ in range(9)]
    members.move_to(lapsed[-1])
    BillingKey.objects.filter(subscriptions__in=lapsed).update(state="unusable")
    members.engine()
    assert {members.bill(each).state for each in lapsed} == {"retrying"}
    paying = members.subscribed(unit="week")
    clock.move(8 * DAY)
    members.engine()
    assert {members.bill(each).state for each in lapsed} == {"uncollectible"}
    assert Payment.objects.filter(order__cycle__subscription=paying).count() == 2


def test_a_small_amount_is_carried_to_the_bill_that_makes_it_large_enough(members: Members) -> None:
    user = members.user()
    subscription = subscribe(user, members.price(40), billing_key=members.card(user))
    assert subscription.state == "active"
    for _ in range(5):
        members.renew(subscription)
    assert members.taken(subscription) == [120, 120]
    bills = BillingCycle.objects.order_by("number")
    assert [bill.amount for bill in bills] == [0, 0, 120, 0, 0, 120]
    assert [sum(line.amount for line in bill.lines.all()) for bill in bills] == [0, 0, 120, 0, 0, 120]


# Rows that are spoilt ---------------------------------------------------------------------------------------------


def test_a_subscription_that_cannot_be_billed_holds_up_no_other(
    members: Members, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [members.subscribed() for _ in range(3)]
    members.move_to(others[-1])
    draft = planning._draft

    def spoilt(each: Subscription, *arguments: Any, **options: Any) -> Any:
        if each.pk == subscription.pk:
            raise RuntimeError("spoilt")
        return draft(each, *arguments, **options)

    monkeypatch.setattr(planning, "_draft", spoilt)
    members.engine()
    assert [members.taken(each) for each in others] == [[9900, 9900]] * 3
    subscription.refresh_from_db()
    assert subscription.next_bill_at is not None
    assert subscription.next_bill_at > clock.now(), "it waits"
    monkeypatch.undo()
    members.renew(subscription)
    assert members.taken(subscription) == [9900, 9900]


def test_a_bill_of_the_same_period_that_is_there_already_is_written_by_nobody_again(
    members: Members, subscription: Subscription
) -> None:
    """What a database restored to an older copy of one table would bring: the number, not the bill, is gone."""
    members.renew(subscription)
    Subscription.objects.filter(pk=subscription.pk).update(cycle_no=1, next_bill_at=clock.now())
    members.engine()
    assert states(subscription) == ["paid", "paid"]
    assert members.taken(subscription) == [9900, 9900]


# No tries, and a pause --------------------------------------------------------------------------------------------


def test_without_days_to_try_again_a_bill_without_a_card_is_given_up_at_once(members: Members, settings: Any) -> None:
    with_settings(settings, DUNNING={"days": [], "then": "end"})
    subscription = members.subscribed()
    BillingKey.objects.filter(pk=subscription.billing_key_id).update(state="unusable")
    assert members.renew(subscription).state == "uncollectible"
    assert subscription.state == "ended"


def test_a_subscription_that_was_paused_today_can_go_on_today(members: Members, settings: Any) -> None:
    with_settings(settings, DUNNING={"days": [], "then": "pause"})
    subscription = members.subscribed()
    members.change_card(subscription, NO_FUNDS)
    members.renew(subscription)
    assert subscription.state == "paused"
    members.change_card(subscription, "5594100000000001")
    subscription.refresh_from_db()
    subscription.resume()
    assert subscription.state == "active"
    assert members.taken(subscription) == [9900, 9900]
    assert states(subscription) == ["paid", "uncollectible", "paid"]
    ends = [(each.period_start, each.period_end) for each in subscription.cycles.filter(state="paid").order_by("pk")]
    assert ends[0][1] <= ends[1][0], "no paid day twice"


def test_a_waived_period_that_turns_out_paid_after_all_is_paid_where_late_money_is_accepted(
    members: Members, settings: Any, subscription: Subscription
) -> None:
    with_settings(settings, LATE_PAYMENT="accept")
    members.move_to(subscription)
    clock.move(35 * DAY)
    members.engine(look_first=True, limit=1)
    [_, payment] = members.charges(subscription)
    assert (states(subscription), payment.state) == (["paid", "waived"], "expired")
    get_client().again(
        customer_uid=payment.customer_uid, merchant_uid=payment.merchant_uid, amount=9900, name=payment.name
    )
    assert payment.sync().state == "paid"
    assert states(subscription)[1] == "paid"


def test_workers_that_come_back_before_the_hour_of_a_new_period_do_not_charge_it_early(
    members: Members, subscription: Subscription
) -> None:
    """The period before it is over and waived; the new one is charged at its hour like any other."""
    members.renew(subscription)
    subscription.refresh_from_db()
    newest = members.bill(subscription)
    assert subscription.next_bill_at is not None
    following = period_start(subscription.anchor, "month", 1, newest.number + 2)
    ten = dt.datetime.combine(following, dt.time(10), dt.timezone(9 * HOUR))
    clock.move(ten - 5 * HOUR - clock.now())
    assert members.engine().taken == 0
    assert states(subscription) == ["paid", "paid", "waived"]
    clock.move(5 * HOUR + dt.timedelta(seconds=2))
    members.engine()
    assert states(subscription) == ["paid", "paid", "waived", "paid"]


def test_with_none_the_day_whose_hour_of_billing_is_still_to_come_is_not_called_missed(
    members: Members, settings: Any
) -> None:
    with_settings(settings, CATCH_UP="none")
    members.move_to_hour(4)
    subscription = members.subscribed(unit="day")
    clock.move(45 * DAY)
    members.engine()
    assert members.taken(subscription) == [9900]
    waived = subscription.cycles.filter(state="waived").order_by("number")
    assert waived.count() == 44
    assert all(each.due_at <= clock.now() for each in waived)
    members.renew(subscription)
    assert members.taken(subscription) == [9900] * 2
    assert members.bill(subscription).due_at <= clock.now()
