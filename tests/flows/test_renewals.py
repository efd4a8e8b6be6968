"""A subscription from its first bill to its end, by the engine, against the sandbox's ledger."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portone_django import clock
from portone_django.clock import later
from portone_django.models import BillingCycle, Event, Payment, Subscription
from portone_django.subscriptions import retry_now, subscribe, use_key
from tests.members import NO_FUNDS, STOLEN, Members

pytestmark = pytest.mark.django_db


def test_the_first_bill_is_paid_when_it_is_subscribed(members: Members) -> None:
    user = members.user()
    subscription = subscribe(user, members.price(9900), billing_key=members.card(user))
    assert subscription.state == "active"
    assert subscription.has_access
    assert members.taken(subscription) == [9900]
    bill = members.bill(subscription)
    assert (bill.state, bill.number, bill.order.state) == ("paid", 1, "paid")
    assert Event.objects.filter(kind="subscription.started", subscription=subscription).count() == 1


def test_six_renewals_follow_the_anchor_over_month_ends(members: Members) -> None:
    start = dt.datetime(2027, 1, 31, 3, tzinfo=dt.UTC)
    clock.move(start - clock.now())
    subscription = members.subscribed(amount=9900)
    for _ in range(6):
        assert members.renew(subscription).state == "paid"
    starts = list(BillingCycle.objects.order_by("number").values_list("period_start", flat=True))
    assert [f"{day:%m-%d}" for day in starts] == ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31"]
    assert members.taken(subscription) == [9900] * 7
    assert members.engine().taken == 0


def test_a_soft_decline_is_tried_again_and_recovers(members: Members) -> None:
    subscription = members.subscribed()
    members.change_card(subscription, NO_FUNDS)
    bill = members.renew(subscription)
    subscription.refresh_from_db()
    assert (bill.state, bill.failures, subscription.state) == ("retrying", 1, "past_due")
    assert subscription.has_access
    assert bill.next_step_at is not None
    members.change_card(subscription, "5594100000000001")
    bill = members.renew(subscription)
    subscription.refresh_from_db()
    assert (bill.number, bill.state, subscription.state) == (2, "paid", "active")
    assert members.taken(subscription) == [9900, 9900]
    assert len({payment.merchant_uid for payment in members.charges(subscription)}) == 3


def test_a_card_that_was_declined_is_well_again_as_soon_as_it_pays_anything(members: Members) -> None:
    subscription = members.subscribed()
    card = subscription.billing_key
    assert card is not None
    members.sandbox.faults.add("decline", code="1254")
    card.charge(amount=5000, name="사용료")
    card.refresh_from_db()
    assert card.state == "failing"
    assert members.renew(subscription).state == "paid"
    card.refresh_from_db()
    assert (card.state, card.fail_reason) == ("active", "")


def test_a_card_that_declines_one_bill_and_pays_the_next_of_the_same_moment_is_well(members: Members) -> None:
    one, two = members.subscribed(), members.subscribed()
    card = one.billing_key
    assert card is not None
    Subscription.objects.filter(pk=two.pk).update(billing_key=card, customer=one.customer)
    members.move_to(two)
    members.sandbox.faults.add("decline", code="1254")
    report = members.engine()
    assert (report.paid, report.declined) == (1, 1)
    card.refresh_from_db()
    assert card.state == "active"


def test_a_card_that_never_pays_ends_the_subscription_after_five_tries(members: Members) -> None:
    subscription = members.subscribed(NO_FUNDS)
    for _ in range(12):
        if subscription.state == "ended":
            break
        members.renew(subscription)
    assert (subscription.state, subscription.end_reason) == ("ended", "unpaid")
    assert members.bill(subscription).state == "uncollectible"
    assert len(members.charges(subscription)) == 1 + 5
    assert members.bill(subscription).order.state == "cancelled"


def test_tries_that_the_customer_asks_for_take_none_of_the_machines_and_end_nothing(members: Members) -> None:
    subscription = members.subscribed(NO_FUNDS)
    planned = members.renew(subscription).next_step_at
    for _ in range(6):
        clock.move(dt.timedelta(minutes=1))
        retry_now(subscription)
    bill = members.bill(subscription)
    assert (subscription.state, bill.state, bill.failures, bill.next_step_at) == ("past_due", "retrying", 1, planned)
    for _ in range(4):
        members.renew(subscription)
    assert (subscription.state, subscription.end_reason) == ("ended", "unpaid")
    assert len(members.charges(subscription)) == 1 + 6 + 5


@pytest.mark.parametrize(("number", "days"), [(NO_FUNDS, 1), (STOLEN, 7)])
def test_another_card_that_is_declined_as_well_is_tried_by_the_same_rules(
    members: Members, number: str, days: int
) -> None:
    """The first one was stolen, and nothing but giving up was planned."""
    subscription = members.subscribed(STOLEN)
    members.renew(subscription)
    use_key(subscription, members.card(subscription.customer, number))
    bill = members.bill(subscription)
    assert (bill.state, bill.failures) == ("retrying", 1)
    assert bill.next_step_at is not None
    assert (bill.next_step_at - bill.due_at).days == days


def test_a_hopeless_card_tried_by_hand_leaves_time_for_another_one(members: Members) -> None:
    """A try was planned for tomorrow: it must not become the day on which all is over."""
    subscription = members.subscribed(NO_FUNDS)
    bill = members.renew(subscription)
    use_key(subscription, members.card(subscription.customer, STOLEN))
    after = members.bill(subscription)
    assert after.next_step_at is not None
    assert (after.decline_kind, (after.next_step_at - bill.due_at).days) == ("needs_new_card", 7)
    for _ in range(3):  # nor does it move on with every try
        clock.move(dt.timedelta(hours=30))
        use_key(subscription, members.card(subscription.customer, STOLEN))
    assert members.bill(subscription).next_step_at == after.next_step_at
    use_key(subscription, members.card(subscription.customer))
    subscription.refresh_from_db()
    assert subscription.state == "active"


def test_a_try_by_hand_that_portone_refuses_changes_nothing(members: Members) -> None:
    subscription = members.subscribed(NO_FUNDS)
    bill = members.renew(subscription)
    members.sandbox.faults.add("http_400", path="/subscribe/payments/again")
    retry_now(subscription)
    for _ in range(3):
        members.quiet_period_passes()
        members.engine()
    after = members.bill(subscription)
    assert [each.state for each in members.charges(subscription)] == ["paid", "failed", "failed"]
    assert (after.failures, after.decline_kind, after.next_step_at) == (1, "soft", bill.next_step_at)


def test_another_card_that_waited_for_the_answer_of_the_last_takes_no_try_of_the_machines(members: Members) -> None:
    subscription = members.subscribed(NO_FUNDS)
    for _ in range(4):
        bill = members.renew(subscription)
    assert bill.failures == 4
    clock.move(dt.timedelta(hours=5))
    members.sandbox.faults.add("timeout_after", path="/subscribe/payments/again")
    retry_now(subscription)
    use_key(subscription, members.card(subscription.customer, NO_FUNDS))
    members.settle(2)
    subscription.refresh_from_db()
    after = members.bill(subscription)
    assert [each.state for each in members.charges(subscription)][-3:] == ["failed"] * 3
    assert (subscription.state, after.failures, after.next_step_at) == ("past_due", 4, bill.next_step_at)


def test_a_stolen_card_is_not_tried_again(members: Members) -> None:
    subscription = members.subscribed(STOLEN)
    bill = members.renew(subscription)
    assert bill.decline_kind == "needs_new_card"
    assert Event.objects.filter(kind="subscription.card_needed", subscription=subscription).count() == 1
    members.renew(subscription)
    assert subscription.state == "ended"
    assert len(members.charges(subscription)) == 2


def test_a_charge_whose_answer_is_lost_is_found_and_not_repeated(members: Members) -> None:
    subscription = members.subscribed()
    members.sandbox.faults.add("timeout_after", path="/subscribe/payments/again")
    members.renew(subscription)
    payment = members.charges(subscription)[-1]
    assert payment.state == "unknown"
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert payment.state == "paid"
    assert members.taken(subscription) == [9900, 9900]


@pytest.fixture
def subscription(members: Members) -> Subscription:
    return members.subscribed()


def test_nothing_is_charged_before_the_day_and_the_hour(members: Members, subscription: Subscription) -> None:
    due = subscription.next_bill_at
    assert due is not None
    clock.move(due - clock.now() - dt.timedelta(minutes=1))
    assert members.engine().taken == 0
    local = due.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert local.hour == 10


def test_payments_keep_their_lease_fields_empty_once_decided(members: Members, subscription: Subscription) -> None:
    decided: Any = Payment.objects.get(order__cycle__subscription=subscription)
    assert (decided.charge_due_at, decided.lease_token, decided.open_slot) == (None, "", None)


def test_what_was_in_review_and_went_back_is_charged_anew(members: Members) -> None:
    subscription = members.subscribed()
    members.sandbox.settings.set(webhook_mode="off")
    members.sandbox.faults.add("timeout_after", path="/subscribe/payments/again")
    members.sandbox.faults.add("http_503", method="GET", times=50)
    members.renew(subscription)
    payment = members.charges(subscription)[-1]
    Payment.objects.filter(pk=payment.pk).update(sent_at=later(-8 * 24 * 3600))
    members.ask_again()
    members.engine()
    members.sandbox.faults.clear()
    payment.sync()
    assert (payment.state, payment.open_slot) == ("review", payment.order_id)
    members.sandbox.console_cancel(payment.imp_uid)
    payment.sync()
    assert (payment.state, payment.open_slot) == ("refunded", None)
    bill = retry_now(Subscription.objects.get(pk=subscription.pk))
    assert members.bill(subscription).state == "paid", bill
    assert len(members.charges(subscription)) == 3


def test_what_came_to_nothing_is_not_sent_again_after_a_cancellation(members: Members) -> None:
    subscription = members.subscribed()
    members.sandbox.faults.add("timeout_before", path="/subscribe/payments/again")
    members.renew(subscription)
    Subscription.objects.get(pk=subscription.pk).cancel()
    members.settle(4)
    subscription.refresh_from_db()
    assert members.taken(subscription) == [9900]
    assert (subscription.state, members.bill(subscription).state) == ("ended", "void")
