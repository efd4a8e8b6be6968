"""Cancelling, another card and trying again, wherever a charge of the open bill is: planned, on its way, undecided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from portone_django import clock
from portone_django.clock import Tick, later
from portone_django.exceptions import BillPending
from portone_django.flows.charging import Charge
from portone_django.flows.planning import plan_due
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.stepping import end_cancelled
from portone_django.models import Payment, Refund, Subscription
from portone_django.subscriptions import cancel, retry_now, subscribe, use_key
from tests.members import NO_FUNDS, Members
from tests.shop import the_quiet_period_passes

pytestmark = pytest.mark.django_db(transaction=True)
AGAIN = "/subscribe/payments/again"


@pytest.fixture
def subscription(members: Members) -> Subscription:
    return members.subscribed()


def renewed_under(members: Members, subscription: Subscription, fault: str, **options: Any) -> Payment:
    """Its next bill charged once, while PortOne behaves like that."""
    members.sandbox.faults.add(fault, path=AGAIN, **options)
    members.renew(subscription)
    members.sandbox.faults.clear()
    return members.charges(subscription)[-1]


@contextmanager
def just_after(select: str, deed: Callable[[], Any]) -> Iterator[None]:
    """Another process does `deed` right after a SELECT that contains those words, once."""
    waiting = [deed]

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if waiting and sql.startswith("SELECT") and select in sql.replace("`", '"'):
            waiting.pop()()
        return result

    with connection.execute_wrapper(listen):
        yield
    assert not waiting, "nobody asked that"


# Cancelled while a charge is not decided --------------------------------------------------------------------------


def test_a_bill_that_never_reached_portone_is_not_charged_after_a_cancellation(
    members: Members, subscription: Subscription
) -> None:
    payment = renewed_under(members, subscription, "refuse", times=9)
    assert (payment.state, payment.sent_at, payment.send_count) == ("pending", None, 0)
    cancel(subscription, when="now")
    assert subscription.state == "ended"
    members.settle()
    assert members.taken(subscription) == [9900]
    payment.refresh_from_db()
    assert (payment.state, payment.open_slot) == ("expired", None)


def test_a_bill_that_turns_out_paid_after_a_cancellation_goes_back_in_full(
    members: Members, subscription: Subscription
) -> None:
    payment = renewed_under(members, subscription, "timeout_after")
    cancel(subscription, when="now")
    assert subscription.state != "ended", "the charge is not decided"
    assert not subscription.has_access
    members.ask_again()
    members.engine()
    the_quiet_period_passes()
    reconcile()
    payment.refresh_from_db()
    subscription.refresh_from_db()
    assert (payment.state, subscription.state, subscription.end_reason) == ("refunded", "ended", "cancelled")
    [record] = members.sandbox.payments_of(payment.merchant_uid)
    assert record["cancel_amount"] == record["amount"] == 9900


def test_a_cancellation_between_the_answer_and_its_settlement_sends_the_money_back(
    members: Members, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The charge settles what it read with its claim; by then the customer has cancelled."""
    again = Charge._again

    def answered(charge: Charge) -> Any:
        record = again(charge)
        cancel(Subscription.objects.get(pk=subscription.pk), when="now")
        return record

    monkeypatch.setattr(Charge, "_again", answered)
    members.renew(subscription)
    assert Refund.objects.get(payment=members.charges(subscription)[-1]).amount == 9900
    assert (subscription.state, subscription.end_reason) == ("ended", "cancelled")


def test_it_goes_back_also_when_the_host_that_settles_it_is_behind_the_one_that_cancelled(
    members: Members, subscription: Subscription
) -> None:
    payment = renewed_under(members, subscription, "timeout_after")
    cancel(subscription, when="now")
    clock.move(dt.timedelta(minutes=-10))
    members.ask_again()
    members.engine()
    assert Refund.objects.get(payment=payment).amount == 9900
    subscription.refresh_from_db()
    assert subscription.state == "ended"


def test_it_ends_quietly_when_an_operator_has_cancelled_the_payment_at_portone_already(
    members: Members, subscription: Subscription
) -> None:
    payment = renewed_under(members, subscription, "timeout_after")
    cancel(subscription, when="now")
    [record] = members.sandbox.payments_of(payment.merchant_uid)
    members.sandbox.console_cancel(record["imp_uid"])
    members.ask_again()
    assert members.engine().broken == 0
    payment.refresh_from_db()
    subscription.refresh_from_db()
    assert (payment.state, subscription.state) == ("refunded", "ended")
    assert Refund.objects.get(payment=payment).source == "console"


def test_a_cancelled_subscription_whose_charge_is_declined_ends_unpaid_and_unasked(
    members: Members, subscription: Subscription
) -> None:
    members.change_card(subscription, NO_FUNDS)
    payment = renewed_under(members, subscription, "timeout_after")
    cancel(subscription, when="now")
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    subscription.refresh_from_db()
    assert (payment.state, members.bill(subscription).state, subscription.state) == ("failed", "void", "ended")


def test_a_first_bill_that_is_not_decided_within_a_day_begins_the_subscription_when_it_turns_out_paid(
    members: Members,
) -> None:
    members.sandbox.faults.add("timeout_after", path=AGAIN)
    user = members.user()
    subscription = subscribe(user, members.price(), billing_key=members.card(user))
    assert subscription.state == "incomplete"
    clock.move(dt.timedelta(hours=25))
    assert end_cancelled() == 0, "its charge is not decided"
    members.ask_again()
    members.engine()
    subscription.refresh_from_db()
    assert (subscription.state, subscription.cancel_at) == ("active", None)
    assert members.taken(subscription) == [9900]


def test_cancellations_that_wait_for_a_person_hold_up_no_other_end(members: Members) -> None:
    waiting = [members.subscribed() for _ in range(4)]
    members.sandbox.faults.add("timeout_before", path=AGAIN, times=4)
    members.move_to(waiting[-1])
    members.engine()
    for each in waiting:
        cancel(each, when="now")
    Payment.objects.filter(state="unknown").update(state="review", charge_due_at=None)
    other = members.subscribed()
    cancel(other)
    assert other.cancel_at is not None
    clock.move(other.cancel_at - clock.now() + dt.timedelta(seconds=1))
    plan_due(4)
    other.refresh_from_db()
    assert other.state == "ended"
    assert [Subscription.objects.get(pk=each.pk).state for each in waiting] == ["active"] * 4


def test_a_subscription_that_cannot_be_ended_holds_up_no_charge(
    members: Members, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = members.subscribed()
    cancel(spoilt)
    from portone_django.flows import stepping

    end = stepping.end_subscription

    def poisoned(each: Subscription, *arguments: Any) -> None:
        if each.pk == spoilt.pk:
            raise RuntimeError("spoilt")
        end(each, *arguments)

    monkeypatch.setattr(stepping, "end_subscription", poisoned)
    members.renew(subscription)
    assert members.taken(subscription) == [9900, 9900]


# Another card, or another try -------------------------------------------------------------------------------------


def test_another_card_pays_a_bill_that_never_reached_portone(members: Members, subscription: Subscription) -> None:
    first = renewed_under(members, subscription, "refuse", times=9)
    use_key(subscription, members.card(subscription.customer))
    first.refresh_from_db()
    second = members.charges(subscription)[-1]
    assert (first.state, second.state, second.attempt_no) == ("expired", "paid", 2)
    members.settle()
    assert members.taken(subscription) == [9900, 9900]


def test_another_card_pays_nothing_while_the_old_one_may_have_paid(
    members: Members, subscription: Subscription
) -> None:
    payment = renewed_under(members, subscription, "timeout_after")
    use_key(subscription, members.card(subscription.customer))
    assert len(members.charges(subscription)) == 2, "the first bill's and this one"
    with pytest.raises(BillPending):
        retry_now(subscription)
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert payment.state == "paid"
    assert members.taken(subscription) == [9900, 9900]


def test_another_card_leaves_a_charge_alone_that_leaves_at_this_moment(
    members: Members, subscription: Subscription
) -> None:
    members.move_to(subscription)
    [payment] = plan_due(1)
    other = members.card(subscription.customer)

    def intent() -> None:
        """What a worker commits that has claimed the charge."""
        Payment.objects.filter(pk=payment.pk).update(
            state="pending", sent_at=Tick(), send_count=1, charge_due_at=later(120)
        )

    # Right after the other process has read the attempt as one that was not sent.
    with just_after('"send_count" = ', intent):
        use_key(subscription, other)
    payment.refresh_from_db()
    assert (payment.state, payment.open_slot) == ("pending", payment.order_id)
    assert len(members.charges(subscription)) == 2


def test_a_worker_that_claimed_a_charge_does_not_send_it_once_another_card_is_used(
    members: Members, subscription: Subscription
) -> None:
    import time

    from portone_django.flows.charging import Learned

    members.move_to(subscription)
    [payment] = plan_due(1, lease="a" * 32)
    use_key(subscription, members.card(subscription.customer))
    assert Charge(payment, claimed_at=time.monotonic()).run() is Learned.NOTHING
    assert members.taken(subscription) == [9900, 9900]
    assert [each.state for each in members.charges(subscription)] == ["paid", "expired", "paid"]


def test_trying_again_while_a_worker_has_the_charge_sends_nothing_twice(
    members: Members, subscription: Subscription
) -> None:
    members.move_to(subscription)
    [payment] = plan_due(1, lease="a" * 32)
    retry_now(subscription)
    payment.refresh_from_db()
    assert (payment.state, payment.lease_token) == ("created", "a" * 32)
    assert members.taken(subscription) == [9900]


def test_a_first_try_that_turns_out_paid_stops_a_second_one_that_was_not_sent(
    members: Members, subscription: Subscription
) -> None:
    members.sandbox.faults.add("late_paid", seconds=60, answer="failed")
    members.renew(subscription)
    first = members.charges(subscription)[-1]
    assert first.state == "failed"
    second = renewed_under(members, subscription, "refuse", times=9)
    assert (second.state, second.attempt_no) == ("pending", 2)
    members.sandbox.advance(61)
    assert first.sync().state == "paid"
    members.settle()
    second.refresh_from_db()
    assert second.state == "expired"
    assert members.taken(subscription) == [9900, 9900]
    subscription.refresh_from_db()
    assert subscription.state == "active"
