"""A bill tried again from the desk, and a subscription taken up again: charged once for each button."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from portone_django.clock import later
from portone_django.models import BillingCycle, BillingKey, Event, Payment, Subscription
from tests.factories import cycle, subscription
from tests.members import GOOD, NO_FUNDS, STOLEN, Members

from .desk import ALL, Operator, decisions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator() -> Operator:
    return Operator(*ALL)


@pytest.fixture
def late(members: Members) -> Subscription:
    """Somebody whose renewal was declined."""
    kept = members.subscribed(NO_FUNDS)
    members.renew(kept)
    return kept


def retried(kept: Subscription) -> list[tuple[str, Any]]:
    events = Event.objects.filter(subscription=kept, kind="bill.retried").order_by("pk")
    return [(event.source, event.data["user"]) for event in events]


def test_opening_the_page_charges_nothing(operator: Operator, members: Members, late: Subscription) -> None:
    operator.open("subscription_retry", late.pk)
    assert "Charge KRW 9,900 now" in operator.page
    assert len(members.charges(late)) == 2


def test_a_bill_is_charged_now_and_paid(operator: Operator, members: Members, late: Subscription) -> None:
    members.change_card(late, GOOD)
    operator.open("subscription_retry", late.pk).press()
    assert "KRW 9,900 are paid." in operator.text
    late.refresh_from_db()
    assert late.state == "active"
    assert members.taken(late) == [9900, 9900]
    assert retried(late) == [("admin", operator.user.pk)]


def test_a_decline_is_told_with_its_reason(operator: Operator, members: Members, late: Subscription) -> None:
    operator.open("subscription_retry", late.pk).press()
    why = members.charges(late)[-1].fail_reason
    assert f"The card was declined for KRW 9,900: {why}" in operator.text


def test_the_same_button_pressed_again_after_a_decline_charges_nothing_more(
    operator: Operator, members: Members, late: Subscription
) -> None:
    operator.open("subscription_retry", late.pk)
    fields = operator.fields()
    for _ in range(3):
        answer = operator.browser.post(operator.url, fields, follow=True)
        assert "The card was declined" in answer.content.decode()
    assert len(members.charges(late)) == 3
    operator.open("subscription_retry", late.pk).press()
    assert len(members.charges(late)) == 4, "a page opened anew has a new button"


def test_the_same_button_pressed_again_after_it_paid_tells_that_it_is_paid(
    operator: Operator, members: Members, late: Subscription
) -> None:
    members.change_card(late, GOOD)
    operator.open("subscription_retry", late.pk)
    fields = operator.fields()
    for _ in range(2):
        assert "are paid." in operator.browser.post(operator.url, fields, follow=True).content.decode()
    assert members.taken(late) == [9900, 9900]


def test_a_charge_that_is_not_decided_stands_in_the_way_and_is_named(
    operator: Operator, members: Members, late: Subscription
) -> None:
    members.change_card(late, GOOD)
    members.sandbox.faults.add("drop_after", path="/subscribe/payments/again")
    members.sandbox.faults.add("http_503", path="/payments/*", times=9)
    operator.open("subscription_retry", late.pk)
    fields = operator.fields()
    operator.press()
    assert "It is not known yet whether KRW 9,900 are paid." in operator.text
    payment = members.charges(late)[-1]
    operator.open("subscription_retry", late.pk)
    assert f"Charge {payment.merchant_uid} of it is not decided yet" in operator.text
    assert reverse("admin:portone_payment_change", args=[payment.pk]) in operator.page
    assert "submit-row" not in operator.page
    operator.browser.post(operator.url, {**fields, "attempt": "99"})
    assert len(members.charges(late)) == 3
    assert len(retried(late)) == 1


def test_a_charge_that_was_sent_twice_is_given_its_time(
    operator: Operator, members: Members, late: Subscription
) -> None:
    Payment.objects.filter(pk=members.charges(late)[-1].pk).update(send_count=2, sent_at=later(-5))
    operator.open("subscription_retry", late.pk).press()
    assert "Nothing was charged: the last charge may still be on its way." in operator.text
    assert len(members.charges(late)) == 2


def test_a_card_that_needs_replacing_is_not_charged_and_its_state_is_told(operator: Operator, members: Members) -> None:
    kept = members.subscribed(STOLEN)
    members.renew(kept)
    operator.open("subscription_retry", kept.pk)
    assert "cannot be charged (Not usable): its customer has to use another one." in operator.text
    assert "submit-row" not in operator.page
    bill = members.bill(kept)
    operator.press(bill=str(bill.pk), attempt="9")
    assert "Nothing was charged" in operator.text
    assert len(members.charges(kept)) == 2
    assert retried(kept) == []


def test_without_a_card_or_an_open_bill_there_is_no_button(operator: Operator) -> None:
    kept = subscription()
    assert "No bill is open" in operator.open("subscription_retry", kept.pk).text
    cycle(kept, state="retrying")
    operator.open("subscription_retry", kept.pk)
    assert "It has no card" in operator.text
    assert "submit-row" not in operator.page


def test_a_bill_of_somebody_else_is_not_charged(operator: Operator, members: Members, late: Subscription) -> None:
    other = subscription()
    bill = members.bill(late)
    members.change_card(late, GOOD)
    answer = operator.browser.post(
        reverse("admin:portone_subscription_retry", args=[other.pk]), {"bill": bill.pk, "attempt": "2"}
    )
    assert answer.status_code == 200
    assert len(members.charges(late)) == 2


def test_portones_refusal_is_told_as_its_own(operator: Operator, members: Members, late: Subscription) -> None:
    members.change_card(late, GOOD)
    bill = members.bill(late)
    from tests.factories import PaymentFactory

    PaymentFactory(
        order=bill.order, attempt_no=9, state="failed", open_slot=None, decline_kind="refused", refusal="점검 중"
    )
    operator.browser.post(
        reverse("admin:portone_subscription_retry", args=[late.pk]), {"bill": bill.pk, "attempt": "2"}
    )
    operator.open("subscription_change", late.pk)
    assert "PortOne refused the charge of KRW 9,900: 점검 중" in operator.text


# Taking up again -------------------------------------------------------------------------------------------------


def test_a_cancellation_is_taken_back_once(operator: Operator, members: Members) -> None:
    kept = members.subscribed()
    kept.cancel()
    operator.open("subscription_resume", kept.pk)
    kept.refresh_from_db()
    assert kept.is_ending
    fields = operator.fields()
    operator.press()
    assert "The subscription goes on." in operator.text
    operator.browser.post(reverse("admin:portone_subscription_resume", args=[kept.pk]), fields)
    kept.refresh_from_db()
    assert (kept.is_ending, kept.next_bill_at is not None) == (False, True)
    event = Event.objects.get(subscription=kept, kind="subscription.resumed")
    assert (event.source, event.data) == ("admin", {"user": operator.user.pk})
    assert members.taken(kept) == [9900]


def test_after_a_pause_a_new_period_is_charged_once(operator: Operator, members: Members) -> None:
    kept = members.subscribed()
    Subscription.objects.filter(pk=kept.pk).update(state="paused", next_bill_at=None)
    operator.open("subscription_resume", kept.pk)
    assert "KRW 9,900 are charged to its card now" in operator.text
    fields = operator.fields()
    operator.press()
    assert "KRW 9,900 are paid." in operator.text
    operator.browser.post(reverse("admin:portone_subscription_resume", args=[kept.pk]), fields)
    kept.refresh_from_db()
    assert (kept.state, members.taken(kept)) == ("active", [9900, 9900])
    asked = Event.objects.get(subscription=kept, kind="subscription.resume_asked")
    assert (asked.source, asked.data) == ("admin", {"user": operator.user.pk})


def test_a_paused_one_without_a_usable_card_is_not_taken_up(operator: Operator, members: Members) -> None:
    kept = members.subscribed()
    Subscription.objects.filter(pk=kept.pk).update(state="paused", next_bill_at=None)
    BillingKey.objects.filter(pk=kept.billing_key_id).update(state="unusable")
    operator.open("subscription_resume", kept.pk)
    assert "its customer has to use another one" in operator.text
    operator.press(newest=str(kept.cycle_no))
    assert "Nothing was charged" in operator.text
    assert BillingCycle.objects.count() == 1


def test_the_buttons_are_what_is_possible_now(operator: Operator, members: Members, late: Subscription) -> None:
    def buttons(kept: Subscription) -> list[str]:
        page = operator.open("subscription_change", kept.pk).page
        return [url.rstrip("/").rpartition("/")[2] for url in decisions(page)]

    fine = members.subscribed()
    assert buttons(fine) == ["cancel"]
    assert buttons(late) == ["cancel", "retry"]
    fine.cancel()
    assert buttons(fine) == ["cancel", "resume"]
    fine.cancel(when="now")
    assert buttons(fine) == []
