"""What a worker learns of PortOne while it charges: when it stops, rests and tries again (G18, 4.2)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from portone_django import clock
from portone_django.flows.attempts import UNSENT
from portone_django.flows.charging import Charge, Learned
from portone_django.flows.claims import claim
from portone_django.flows.drain import ChargeBreaker, forget_outage
from portone_django.gateway import Client, Refused
from portone_django.models import BillingCycle, Event, Payment, Subscription
from tests.members import Members

pytestmark = pytest.mark.django_db
AGAIN = "/subscribe/payments/again"


@pytest.fixture
def subscription(members: Members) -> Subscription:
    return members.subscribed()


@pytest.mark.parametrize("fault", ["http_400", "timeout_before", "refuse"])
def test_ten_in_a_row_without_an_answer_or_refused_stop_the_worker_and_mail_nobody(
    members: Members, fault: str
) -> None:
    subscriptions = members.due_at_once(13)
    members.sandbox.faults.add(fault, path=AGAIN, times=1000)
    report = members.engine()
    assert report.gave_up
    assert (report.paid, report.declined) == (0, 0)
    calls = Payment.objects.filter(order__cycle__number=2, send_count__gt=0).count()
    assert calls <= 12, "ten, and what was on its way"
    members.settle(2)
    assert not Event.objects.filter(kind__in=("bill.failed", "subscription.card_needed", "bill.given_up")).exists()
    assert not Event.objects.exclude(notice_due_at=None).filter(kind="bill.failed").exists()
    assert {Subscription.objects.get(pk=each.pk).state for each in subscriptions} == {"active"}
    assert not BillingCycle.objects.filter(failures__gt=0).exists()


def test_one_answer_closes_the_breaker_and_a_look_up_does_not_excuse_refusals() -> None:
    breaker = ChargeBreaker()
    for _ in range(9):
        breaker.note(Learned.SILENT)
    breaker.note(Learned.ANSWERED)
    breaker.note(Learned.SILENT)
    assert not breaker.is_open
    for _ in range(10):
        breaker.note(Learned.REFUSED)
        breaker.note(Learned.LOOKED)
    assert breaker.is_open


def test_after_it_gave_up_one_charge_alone_shows_whether_portone_is_back(members: Members) -> None:
    """G19: no crowd at the door of a PortOne that has just come back, or has not."""
    members.due_at_once(15)
    members.sandbox.faults.add("timeout_before", path=AGAIN, times=1000)
    assert members.engine().gave_up
    sent = Payment.objects.filter(send_count__gt=0).count()
    for more in (1, 2):
        assert members.engine().gave_up
        assert Payment.objects.filter(send_count__gt=0).count() == sent + more
    members.sandbox.faults.clear()
    report = members.engine()
    assert (report.gave_up, report.paid) == (False, 15 - 10 - 2), "the others follow at once"


def test_one_charge_whose_record_cannot_be_read_holds_up_nobody(members: Members) -> None:
    """PortOne is there: drain after drain one row alone is no outage."""
    [spoilt, *others] = members.due_at_once(4)
    Subscription.objects.filter(pk__in=[each.pk for each in others]).update(next_bill_at=None)
    members.sandbox.faults.add("refuse", path=AGAIN)
    members.engine()
    [payment] = Payment.objects.filter(order__cycle__number=2)
    Payment.objects.filter(pk=payment.pk).update(look_first=True)
    members.sandbox.faults.add("html_200", path=f"/payments/findAll/{payment.merchant_uid}*", times=100_000)
    for _ in range(14):
        members.ask_again()
        assert not members.engine().gave_up
    Subscription.objects.filter(pk__in=[each.pk for each in others]).update(next_bill_at=clock.now())
    members.ask_again()
    members.engine()
    assert [members.taken(each) for each in others] == [[9900, 9900]] * 3
    assert members.taken(spoilt) == [9900]


def test_what_portone_refuses_again_and_again_holds_up_no_other_bill(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminated channel, retried each hour: ten refusals end a drain, and the next one begins as usual."""
    both = members.due_at_once(43)
    good, bad = both[:3], both[3:]
    Subscription.objects.filter(pk__in=[each.pk for each in good]).update(next_bill_at=None)
    gone = {each.billing_key.customer_uid for each in bad if each.billing_key is not None}
    again = Client.again

    def refused(client: Client, **fields: Any) -> Any:
        if fields["customer_uid"] in gone:
            raise Refused(code=-1, message="계약이 해지된 상점", call="again")
        return again(client, **fields)

    monkeypatch.setattr(Client, "again", refused)
    for _ in range(12):
        members.engine()
    Subscription.objects.filter(pk__in=[each.pk for each in good]).update(next_bill_at=clock.now())
    for _ in range(6):
        members.quiet_period_passes()
        members.engine()
    assert [members.taken(each) for each in good] == [[9900, 9900]] * 3


def test_a_rest_that_portone_asked_for_holds_for_the_next_drain(members: Members) -> None:
    members.due_at_once(3)
    members.sandbox.faults.add("http_429", path=AGAIN, retry_after=30)
    assert members.engine().gave_up
    report = members.engine()
    assert (report.gave_up, report.taken) == (True, 0)
    forget_outage()
    assert members.engine().paid == 2


def test_after_429_the_worker_rests_and_the_others_of_the_batch_are_not_sent(
    members: Members, caplog: pytest.LogCaptureFixture
) -> None:
    members.due_at_once(5)
    members.sandbox.faults.add("http_429", path=AGAIN, times=1000, retry_after=30)
    report = members.engine()
    assert report.gave_up
    assert "asks us to send less" in caplog.text
    assert "does not answer" not in caplog.text
    assert Payment.objects.filter(order__cycle__number=2, send_count=1).count() == 1
    assert Payment.objects.filter(UNSENT, lease_token="").count() == report.taken - 1


def test_a_worker_that_stops_because_portone_is_away_leaves_nothing_behind(
    members: Members, subscription: Subscription
) -> None:
    """What was claimed and given back was not left behind by a crash, however often that happens."""
    members.sandbox.faults.add("timeout_after", path=AGAIN)
    members.renew(subscription)
    for _ in range(8):
        members.ask_again()
        [payment] = claim(1)
        Charge(payment, claimed_at=time.monotonic()).give_back()
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert payment.state == "paid"
