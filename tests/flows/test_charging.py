"""What becomes of one charge by what PortOne answers."""

from __future__ import annotations

from typing import Any

import pytest

from portone_django.clock import later, tick
from portone_django.flows import charging
from portone_django.flows.charging import Charge
from portone_django.flows.planning import plan_due
from portone_django.gateway import get_client
from portone_django.models import BillingKey, Event, Payment, Subscription
from portone_django.subscriptions import use_key
from tests.members import NO_FUNDS, Members
from tests.wire import late_ones_land

pytestmark = pytest.mark.django_db
AGAIN = "/subscribe/payments/again"


@pytest.fixture
def card(members: Members) -> BillingKey:
    return members.card(members.user())


@pytest.fixture
def subscription(members: Members) -> Subscription:
    return members.subscribed()


def charged(members: Members, card: BillingKey, fault: str = "", times: int = 1, **options: Any) -> Payment:
    """5,000 won of the card, asked for once, while PortOne behaves like that."""
    if fault:
        members.sandbox.faults.add(fault, path=AGAIN, times=times, **options)
    payment = card.charge(amount=5000, name="사용료", deadline=20)
    members.sandbox.faults.clear()
    return payment


def taken(members: Members) -> list[int]:
    """What PortOne's ledger says was taken, of the charges of 5,000 won."""
    found = [each for each in members.sandbox.transactions() if each["status"] in ("paid", "cancelled")]
    return [each["amount"] for each in found if each["amount"] == 5000]


def settled(members: Members, payment: Payment) -> Payment:
    """After all the time that an undecided charge can need."""
    members.settle()
    payment.refresh_from_db()
    return payment


def due_in(payment: Payment) -> float:
    payment.refresh_from_db()
    assert payment.charge_due_at is not None
    return (payment.charge_due_at - tick()).total_seconds()


# Each answer to POST /subscribe/payments/again ----------------------------------------------------------------------


def test_an_answer_that_says_paid_is_paid_at_once(members: Members, card: BillingKey) -> None:
    payment = charged(members, card)
    assert (payment.state, payment.send_count, payment.charge_due_at) == ("paid", 1, None)
    assert Event.objects.filter(kind="order.paid", order=payment.order).count() == 1
    assert taken(members) == [5000]


@pytest.mark.parametrize("fault", ["refuse", "connect_timeout"])
def test_what_never_left_this_machine_waits_as_if_never_tried(members: Members, card: BillingKey, fault: str) -> None:
    payment = charged(members, card, fault, times=9)
    assert (payment.state, payment.sent_at, payment.send_count, payment.crash_count) == ("pending", None, 0, 0)
    assert 10 < due_in(payment) <= charging.RETRY_SECONDS
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("paid", 1)
    assert taken(members) == [5000]


def test_a_token_that_has_expired_is_renewed_within_the_charge(members: Members, card: BillingKey) -> None:
    assert charged(members, card, "expired_token").state == "paid"
    assert taken(members) == [5000]


def test_a_second_401_was_surely_not_executed(members: Members, card: BillingKey) -> None:
    payment = charged(members, card, "expired_token", times=9)
    assert (payment.state, payment.sent_at, payment.send_count) == ("pending", None, 0)
    assert settled(members, payment).state == "paid"
    assert taken(members) == [5000]


@pytest.mark.parametrize("fault", ["http_403", "http_404", "http_400"])
def test_a_refusal_is_believed_only_after_the_quiet_period_and_is_no_decline(
    members: Members, card: BillingKey, fault: str
) -> None:
    payment = charged(members, card, fault)
    assert (payment.state, payment.send_count) == ("unknown", 1)
    assert payment.refusal
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert payment.state == "unknown", "the quiet period is not over"
    settled(members, payment)
    assert (payment.state, payment.decline_kind, payment.send_count) == ("failed", "refused", 1)
    card.refresh_from_db()
    assert card.state == "active", "nothing was learned of the card"
    assert taken(members) == []


@pytest.mark.parametrize("fault", ["http_403", "http_400"])
def test_a_refusal_of_what_was_charged_all_the_same_is_paid_at_once(
    members: Members, card: BillingKey, fault: str
) -> None:
    payment = charged(members, card, fault, performed=True)
    assert payment.state == "paid"
    assert taken(members) == [5000]


def test_429_rests_for_as_long_as_portone_asks_and_is_looked_up_before_anything_else(
    members: Members, card: BillingKey
) -> None:
    payment = charged(members, card, "http_429", retry_after=300)
    assert (payment.state, payment.send_count) == ("unknown", 1)
    assert 290 < due_in(payment) <= 300
    settled(members, payment)
    assert (payment.state, payment.send_count) == ("paid", 2)
    assert taken(members) == [5000]


def test_an_answer_whose_amount_differs_is_a_persons(members: Members, card: BillingKey) -> None:
    members.sandbox.faults.add("tampered", amount=50)
    payment = charged(members, card)
    assert payment.state == "quarantined"
    assert "amount" in payment.quarantine_reason
    assert settled(members, payment).state == "quarantined"
    assert payment.send_count == 1


def test_an_answer_that_says_failed_is_a_decline(members: Members) -> None:
    card = members.card(members.user(), NO_FUNDS)
    payment = charged(members, card)
    assert (payment.state, payment.decline_kind, payment.open_slot) == ("failed", "soft", None)
    assert taken(members) == []


@pytest.mark.parametrize("then", ["paid", "nothing"])
def test_an_answer_that_says_neither_is_asked_about_and_never_sent_again(
    members: Members, card: BillingKey, then: str
) -> None:
    members.sandbox.faults.add("late_paid", seconds=60, answer="ready")
    payment = charged(members, card)
    assert payment.state == "unknown"
    settled(members, payment)
    assert (payment.state, payment.send_count) == ("unknown", 1)
    if then == "paid":
        members.sandbox.advance(61)
        assert settled(members, payment).state == "paid"
        assert taken(members) == [5000]
    else:
        Payment.objects.update(sent_at=later(-8 * 24 * 3600))
        members.ask_again()
        members.engine()
        payment.refresh_from_db()
        assert (payment.state, payment.open_slot) == ("review", payment.order_id)


LOST = ["timeout", "drop"]
UNREADABLE = ["truncated", "malformed", "wrong_length", "html_200", "empty_200", "duplicate_keys", "oversized"]
TROUBLE = ["http_500", "http_502", "http_503", "http_504", "redirect"]


# The sandbox's redirect performs nothing.
UNCERTAIN = [
    (fault, is_performed)
    for fault in (*LOST, *UNREADABLE, *TROUBLE)
    for is_performed in ((False,) if fault == "redirect" else (True, False))
]


@pytest.mark.parametrize(("fault", "is_performed"), UNCERTAIN)
def test_an_outcome_that_cannot_be_read_is_unknown_and_ends_by_asking(
    members: Members, card: BillingKey, fault: str, is_performed: bool
) -> None:
    options: dict[str, Any] = {"performed": is_performed}
    if fault in LOST:
        fault, options = f"{fault}_{'after' if is_performed else 'before'}", {}
    payment = charged(members, card, fault, **options)
    assert (payment.state, payment.send_count, payment.lease_token) == ("unknown", 1, "")
    assert 0 < due_in(payment) <= charging.RETRY_SECONDS
    settled(members, payment)
    assert (payment.state, payment.send_count) == ("paid", 1 if is_performed else 2)
    assert taken(members) == [5000]
    assert Event.objects.filter(kind="order.paid", order=payment.order).count() == 1


def test_a_charge_of_another_uid_in_the_answer_is_not_believed(
    members: Members, card: BillingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = charged(members, card)
    record = get_client().get_payment(str(other.imp_uid), include_sandbox=True)
    monkeypatch.setattr(Charge, "_again", lambda self: record)
    payment = charged(members, card)
    assert payment.state == "unknown"
    monkeypatch.undo()
    assert settled(members, payment).imp_uid != other.imp_uid
    assert taken(members) == [5000, 5000]


# Refusals: the card that is gone, the uid that is paid --------------------------------------------------------------


def test_a_card_that_is_gone_at_portone_needs_another_one_and_no_second_try(
    members: Members, subscription: Subscription
) -> None:
    assert subscription.billing_key is not None
    get_client().delete_billing_key(subscription.billing_key.customer_uid)
    members.renew(subscription)
    members.settle()
    payment, bill = members.charges(subscription)[-1], members.bill(subscription)
    assert (payment.state, payment.decline_kind, bill.state) == ("failed", "needs_new_card", "retrying")
    assert Event.objects.filter(kind="subscription.card_needed", subscription=subscription).count() == 1
    subscription.billing_key.refresh_from_db()
    assert subscription.billing_key.state == "unusable"
    subscription.refresh_from_db()
    assert subscription.state == "past_due"
    use_key(subscription, members.card(subscription.customer))
    assert subscription.state == "active"
    assert members.taken(subscription) == [9900, 9900]


@pytest.mark.parametrize("mode", ["strict", "weak"])
def test_a_uid_that_portone_refuses_as_paid_is_found_to_be_paid(
    members: Members, subscription: Subscription, mode: str
) -> None:
    members.sandbox.settings.set(duplicate_mode=mode)
    members.move_to(subscription)
    [planned] = plan_due(1)
    # What a lost commit would have left behind at PortOne.
    get_client().again(
        customer_uid=planned.customer_uid, merchant_uid=planned.merchant_uid, amount=9900, name=planned.name
    )
    members.engine()
    planned.refresh_from_db()
    assert planned.state == "paid"
    assert members.taken(subscription) == [9900, 9900]


def test_a_second_send_that_is_refused_is_a_persons_and_gets_no_third_one_nor_another_uid(
    members: Members, card: BillingKey
) -> None:
    payment = charged(members, card, "timeout_before")
    members.quiet_period_passes()
    members.engine()
    members.sandbox.faults.add("http_400", path=AGAIN, times=9)
    settled(members, payment)
    assert (payment.state, payment.send_count) == ("review", 2)
    assert payment.open_slot == payment.order_id


def test_three_sends_that_left_no_trace_are_a_persons(members: Members, card: BillingKey) -> None:
    payment = charged(members, card, "timeout_before")
    members.sandbox.faults.add("timeout_before", path=AGAIN, times=9)
    members.settle(12)
    payment.refresh_from_db()
    assert (payment.state, payment.send_count, payment.charge_due_at) == ("review", 3, None)


def test_a_charge_that_is_to_be_sent_again_is_looked_up_right_before(members: Members, card: BillingKey) -> None:
    """The worker that saw nothing twice dies before it sends, and the next one comes days later."""
    members.sandbox.settings.set(duplicate_mode="none")
    payment = charged(members, card, "timeout_before")
    Payment.objects.update(state="pending", sent_at=None, charge_due_at=later(-1))
    get_client().again(
        customer_uid=payment.customer_uid, merchant_uid=payment.merchant_uid, amount=5000, name=payment.name
    )
    members.engine()
    payment.refresh_from_db()
    assert payment.state == "paid"
    assert taken(members) == [5000]


# Late charges and late reads (G3, G17) ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["weak", "none"])
@pytest.mark.django_db(transaction=True)
def test_a_charge_that_lands_after_the_look_is_found_and_not_sent_again(
    members: Members, card: BillingKey, mode: str
) -> None:
    members.sandbox.settings.set(duplicate_mode=mode)
    payment = charged(members, card, "timeout_late", seconds=4)
    for _ in range(3):
        members.ask_again()
        members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("unknown", 1)
    assert taken(members) == [], "the test asks before the charge lands"
    late_ones_land()
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("paid", 1)
    assert taken(members) == [5000]


def test_looks_before_the_quiet_period_is_over_count_for_nothing(members: Members, card: BillingKey) -> None:
    payment = charged(members, card, "timeout_before")
    for _ in range(3):
        Payment.objects.exclude(unseen_at=None).update(unseen_at=later(-61))
        members.ask_again()
        members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count, payment.unseen_at) == ("unknown", 1, None)


@pytest.mark.parametrize("mode", ["weak", "none"])
def test_one_look_that_sees_nothing_after_the_quiet_period_is_not_believed(
    members: Members, card: BillingKey, mode: str
) -> None:
    members.sandbox.settings.set(duplicate_mode=mode)
    members.sandbox.faults.add("lag", seconds=45)
    payment = charged(members, card, "timeout_after")
    members.sandbox.faults.add("lag", seconds=45)
    members.quiet_period_passes()
    members.engine()
    payment.refresh_from_db()
    assert payment.unseen_at is not None, "the first look saw nothing"
    Payment.objects.update(charge_due_at=later(-1))
    members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("unknown", 1), "a minute must lie between the looks"
    members.sandbox.advance(60)
    members.quiet_period_passes()
    members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("paid", 1)
    assert taken(members) == [5000]


def test_a_paid_charge_that_stays_invisible_for_an_hour_is_refused_and_not_charged_twice_in_weak_mode(
    members: Members, card: BillingKey
) -> None:
    members.sandbox.settings.set(duplicate_mode="weak")
    members.sandbox.faults.add("lag", seconds=3600)
    payment = charged(members, card, "timeout_after")
    members.sandbox.faults.add("lag", seconds=3600, times=100)
    members.settle(9)
    payment.refresh_from_db()
    assert taken(members) == [5000]
    assert Payment.objects.filter(order=payment.order).count() == 1
    assert payment.state in ("unknown", "review")
