"""Cancelling at the desk: with the paid period or now, and exactly the won that the page said go back."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from portone_django import clock
from portone_django.models import BillingCycle, Event, Refund, Subscription
from tests.members import NO_FUNDS, Members

from .desk import ALL, Operator, decisions

pytestmark = pytest.mark.django_db(transaction=True)

MANAGER = tuple(each for each in ALL if each != "refund_payment")


@pytest.fixture
def operator() -> Operator:
    return Operator(*ALL)


def offered(operator: Operator) -> list[str]:
    return re.findall(r'name="decision" value="([^"]+)"', operator.page)


def cancelled(kept: Subscription) -> list[tuple[str, dict[str, Any]]]:
    events = Event.objects.filter(subscription=kept, kind="subscription.cancelled").order_by("pk")
    return [(event.source, event.data) for event in events]


def paid_back(members: Members, kept: Subscription) -> list[int]:
    uids = [payment.merchant_uid for payment in members.charges(kept)]
    return [record["cancel_amount"] for uid in uids for record in members.sandbox.payments_of(uid)]


def decide(operator: Operator, kept: Subscription, beginning: str, **typed: str) -> Operator:
    operator.open("subscription_cancel", kept.pk)
    (value,) = [each for each in offered(operator) if each.startswith(beginning)]
    return operator.press(decision=value, **{"reason": "고객 요청", **typed})


def test_the_page_says_what_would_go_back_and_looking_changes_nothing(operator: Operator, members: Members) -> None:
    kept = members.subscribed(amount=31000)
    start, end = kept.period_start, kept.period_end
    assert start
    assert end
    unused = 31000 * ((end - start).days - 1) // (end - start).days
    operator.open("subscription_cancel", kept.pk)
    assert offered(operator) == ["period_end:none:0", "now:none:0", f"now:unused:{unused}", "now:all:31000"]
    assert f"goes back: KRW {unused:,} of KRW 31,000" in operator.text
    kept.refresh_from_db()
    assert (kept.state, kept.cancel_at) == ("active", None)


def test_with_the_paid_period_it_goes_on_until_then_and_the_operator_is_on_record(
    operator: Operator, members: Members
) -> None:
    kept = members.subscribed()
    decide(operator, kept, "period_end")
    assert "it ends with its paid period" in operator.text
    kept.refresh_from_db()
    assert (kept.state, kept.is_ending, kept.next_bill_at) == ("active", True, None)
    ((source, data),) = cancelled(kept)
    assert (source, data["user"], data["reason"]) == ("admin", operator.user.pk, "고객 요청")
    assert offered(operator.open("subscription_cancel", kept.pk))[0] == "now:none:0"


def test_now_needs_a_tick(operator: Operator, members: Members) -> None:
    kept = members.subscribed()
    decide(operator, kept, "now:none")
    assert "Tick the box if you are sure." in operator.text
    kept.refresh_from_db()
    assert kept.state == "active"
    decide(operator, kept, "now:none", is_sure="on")
    assert "The subscription is over." in operator.text
    kept.refresh_from_db()
    assert kept.state == "ended"
    assert paid_back(members, kept) == [0]


@pytest.mark.parametrize("how", ["unused", "all"])
def test_what_the_page_said_goes_back_once_in_the_operators_name(
    operator: Operator, members: Members, how: str
) -> None:
    kept = members.subscribed(amount=31000)
    operator.open("subscription_cancel", kept.pk)
    (value,) = [each for each in offered(operator) if f":{how}:" in each]
    amount = int(value.rpartition(":")[2])
    for _ in range(2):
        operator.browser.post(operator.url, {"decision": value, "reason": "고객 요청", "is_sure": "on"})
    refund = Refund.objects.get()
    assert (refund.amount, refund.state, refund.source, refund.reason) == (amount, "succeeded", "admin", "고객 요청")
    assert refund.requested_by == operator.user
    assert paid_back(members, kept) == [amount]
    assert len(cancelled(kept)) == 1


def test_the_outcome_of_the_refund_is_told(operator: Operator, members: Members) -> None:
    kept = members.subscribed(amount=31000)
    decide(operator, kept, "now:all", is_sure="on")
    assert "The subscription is over." in operator.text
    assert "KRW 31,000 went back." in operator.text


def test_a_page_from_yesterday_refunds_nothing_but_shows_todays_amount(operator: Operator, members: Members) -> None:
    kept = members.subscribed(amount=31000)
    operator.open("subscription_cancel", kept.pk)
    (old,) = [each for each in offered(operator) if ":unused:" in each]
    clock.move(dt.timedelta(days=1))
    operator.press(decision=old, reason="x", is_sure="on")
    assert "This has changed meanwhile: choose again." in operator.text
    (new,) = [each for each in offered(operator) if ":unused:" in each]
    assert int(new.rpartition(":")[2]) < int(old.rpartition(":")[2])
    kept.refresh_from_db()
    assert (kept.state, Refund.objects.count()) == ("active", 0)


def test_a_refund_needs_the_permission_to_refund(members: Members) -> None:
    kept = members.subscribed()
    operator = Operator(*MANAGER)
    operator.open("subscription_cancel", kept.pk)
    assert offered(operator) == ["period_end:none:0", "now:none:0"]
    assert "you need the permission to refund" in operator.text
    operator.press(decision="now:all:9900", reason="x", is_sure="on")
    kept.refresh_from_db()
    assert (kept.state, Refund.objects.count()) == ("active", 0)


def test_an_undecided_refund_stops_it_and_is_explained(operator: Operator, members: Members) -> None:
    kept = members.subscribed()
    (payment,) = members.charges(kept)
    members.sandbox.faults.add("http_503", path="/payments/cancel", times=9)
    payment.refund(amount=100, reason="x")
    decide(operator, kept, "now:all", is_sure="on")
    assert "A refund of KRW 100 is not decided yet" in operator.text
    kept.refresh_from_db()
    assert (kept.state, cancelled(kept)) == ("active", [])


def test_a_declined_bill_is_voided_and_there_is_no_paid_period_to_end_with(
    operator: Operator, members: Members
) -> None:
    kept = members.subscribed(NO_FUNDS)
    members.renew(kept)
    operator.open("subscription_cancel", kept.pk)
    assert "The open bill is voided" in operator.text
    assert offered(operator) == ["now:none:0"]
    decide(operator, kept, "now:none", is_sure="on")
    kept.refresh_from_db()
    assert (kept.state, members.bill(kept).state) == ("ended", "void")


def test_while_a_charge_is_undecided_it_ends_when_that_is_and_its_money_goes_back(
    operator: Operator, members: Members
) -> None:
    kept = members.subscribed()
    members.move_to(kept)
    members.sandbox.faults.add("drop_after", path="/subscribe/payments/again")
    members.sandbox.faults.add("http_503", path="/payments/*", times=3)
    members.engine()
    assert members.charges(kept)[-1].state == "unknown"
    members.sandbox.faults.clear()
    operator.open("subscription_cancel", kept.pk)
    assert "A charge of the open bill is not decided yet" in operator.text
    url, typed = operator.url, {"decision": "now:none:0", "reason": "x", "is_sure": "on"}
    operator.press(**typed)
    operator.browser.post(url, typed)
    assert "It is cancelled. A charge is not decided yet" in operator.text
    assert not any("cancel" in url for url in decisions(operator.page)), "once is enough"
    assert len(cancelled(kept)) == 1
    members.settle()
    kept.refresh_from_db()
    assert kept.state == "ended"
    assert BillingCycle.objects.filter(subscription=kept, state="paid").count() == 2
    assert Refund.objects.get().amount == 9900


def test_a_subscription_that_is_over_has_nothing_to_cancel(operator: Operator, members: Members) -> None:
    kept = members.subscribed()
    kept.cancel(when="now")
    operator.open("subscription_cancel", kept.pk)
    assert "submit-row" not in operator.page
    operator.browser.post(operator.url, {"decision": "now:none:0", "reason": "x", "is_sure": "on"})
    assert len(cancelled(kept)) == 1
