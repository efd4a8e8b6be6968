"""billing_key.charge(): one charge of a card on file, from a web request."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from portone_django.clock import later
from portone_django.exceptions import CardNotUsable, OrderConflict
from portone_django.flows import charging, verification
from portone_django.gateway import InsideTransaction, client
from portone_django.gateway.transport import Transport
from portone_django.gateway.wire import Deadline
from portone_django.models import BillingKey, Order, Payment
from tests.members import NO_FUNDS, Members
from tests.shop import Shop

pytestmark = pytest.mark.django_db
AGAIN = "/subscribe/payments/again"


@pytest.fixture
def card(members: Members) -> BillingKey:
    return members.card(members.user())


def taken(sandbox: Any) -> list[int]:
    return [each["amount"] for each in sandbox.transactions() if each["status"] == "paid" and each["amount"] > 1]


@pytest.mark.django_db(transaction=True)
def test_a_charge_makes_an_order_that_is_paid(shop: Shop, card: BillingKey) -> None:
    payment = card.charge(amount=5000, name="추가 용량 10GB")
    assert (payment.state, payment.order.state, payment.order.kind) == ("paid", "paid", "charge")
    assert payment.order.customer == card.customer
    assert shop.delivered(payment.order) == 1


def test_the_same_reference_charges_once(sandbox: Any, card: BillingKey) -> None:
    first = card.charge(amount=5000, name="사용료", reference="usage-2026-11")
    again = card.charge(amount=5000, name="사용료", reference="usage-2026-11")
    assert first.pk == again.pk
    assert taken(sandbox) == [5000]


def test_the_same_reference_for_another_amount_is_refused(sandbox: Any, card: BillingKey) -> None:
    card.charge(amount=5000, name="사용료", reference="usage-2026-11")
    with pytest.raises(OrderConflict, match="amount: 5000 there, 6000 asked"):
        card.charge(amount=6000, name="사용료", reference="usage-2026-11")
    assert taken(sandbox) == [5000]


def test_a_declined_charge_says_why_and_may_be_tried_again(members: Members) -> None:
    card = members.card(members.user(), NO_FUNDS)
    payment = card.charge(amount=5000, name="사용료", reference="usage")
    assert (payment.state, payment.fail_reason, payment.decline_kind) == ("failed", "[1254] 잔액부족", "soft")
    card.refresh_from_db()
    assert card.state == "failing"
    second = card.charge(amount=5000, name="사용료", reference="usage")
    assert second.attempt_no == 2
    assert second.order_id == payment.order_id


def test_a_lost_answer_is_confirmed_later_and_charged_once(members: Members, card: BillingKey) -> None:
    members.sandbox.faults.add("timeout_after", path=AGAIN)
    payment = card.charge(amount=5000, name="사용료", reference="usage")
    assert payment.is_open
    # The customer clicks again: nothing is sent a second time.
    assert card.charge(amount=5000, name="사용료", reference="usage").pk == payment.pk
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert payment.state == "paid"
    assert taken(members.sandbox) == [5000]


def test_a_lost_request_is_sent_again_only_after_two_looks_behind_the_quiet_period(
    members: Members, card: BillingKey
) -> None:
    members.sandbox.faults.add("timeout_before", path=AGAIN)
    payment = card.charge(amount=5000, name="사용료")
    for _ in range(3):
        members.ask_again()
        members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("unknown", 1)
    members.settle()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("paid", 2)
    assert taken(members.sandbox) == [5000]


def test_after_a_second_send_was_declined_no_new_uid_leaves_before_the_quiet_period_is_over(
    members: Members, card: BillingKey
) -> None:
    """E12: the first request may still be on its way."""
    members.sandbox.faults.add("timeout_before", path=AGAIN)
    first = card.charge(amount=5000, name="사용료", reference="usage")
    members.sandbox.faults.add("decline", code="1254")
    members.settle()
    first.refresh_from_db()
    assert (first.state, first.send_count) == ("failed", 2)
    assert card.charge(amount=5000, name="사용료", reference="usage") == first
    assert taken(members.sandbox) == []
    Payment.objects.filter(pk=first.pk).update(sent_at=later(-601))
    second = card.charge(amount=5000, name="사용료", reference="usage")
    assert (second.attempt_no, second.state) == (2, "paid")


@pytest.mark.parametrize("fault", ["http_400", "timeout_after", "timeout_before"])
def test_a_request_waits_no_longer_than_it_was_promised(
    members: Members, card: BillingKey, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """What is answered late leaves less for the questions after it."""
    members.sandbox.faults.add(fault, path=AGAIN)
    with monkeypatch.context() as patch:
        asked = Asked(patch, seconds=15.0)
        payment = card.charge(amount=5000, name="사용료", reference="usage", deadline=20)
        assert payment.is_open
        assert 15 <= asked.spent <= 20
        first = asked.spent
        members.quiet_period_passes()
        card.charge(amount=5000, name="사용료", reference="usage", deadline=20)
        assert asked.spent - first <= 20
    members.settle()
    payment.refresh_from_db()
    assert not payment.is_open


class Asked:
    """A PortOne whose every answer takes so long, or as long as it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
        self.spent = 0.0
        call = Transport.call

        def slow(transport: Transport, request: Any, read: Any, deadline: Deadline) -> Any:
            self.spent += min(seconds, deadline.remaining())
            return call(transport, request, read, deadline)

        monkeypatch.setattr(Transport, "call", slow)
        now = SimpleNamespace(monotonic=lambda: time.monotonic() + self.spent)
        for module in (charging, verification):
            monkeypatch.setattr(module, "time", now)


def test_a_wrong_setting_is_told_before_anything_is_sent_or_believed_to_be(
    members: Members, card: BillingKey, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    members.sandbox.faults.add("refuse", path=AGAIN)
    card.charge(amount=5000, name="사용료", reference="usage")
    members.ask_again()
    was = settings.PORTONE
    with monkeypatch.context() as patch:
        patch.setattr(client, "_overrides", [])
        settings.PORTONE = {**settings.PORTONE, "API_BASE": "ftp://portone.invalid"}
        with pytest.raises(ImproperlyConfigured, match="API_BASE"):
            card.charge(amount=5000, name="사용료", reference="usage")
        with pytest.raises(ImproperlyConfigured, match="API_BASE"):
            members.engine()
    [payment] = Payment.objects.all()
    assert (payment.state, payment.send_count, payment.lease_token) == ("pending", 0, "")
    settings.PORTONE = was
    assert members.engine().paid == 1
    assert taken(members.sandbox) == [5000]


def test_inside_a_transaction_nothing_is_charged(card: BillingKey, sandbox: Any) -> None:
    with transaction.atomic(durable=False), pytest.raises(InsideTransaction):
        _inside(card)
    assert Order.objects.count() == 0


def _inside(card: BillingKey) -> None:
    with transaction.atomic():
        transaction.get_connection().atomic_blocks[-1]._from_testcase = False
        card.charge(amount=5000, name="사용료")


@pytest.mark.parametrize("state", ["pending", "unusable", "superseded", "deleted", "failed"])
def test_a_card_that_is_not_usable_is_not_charged(card: BillingKey, sandbox: Any, state: str) -> None:
    BillingKey.objects.filter(pk=card.pk).update(state=state)
    with pytest.raises(CardNotUsable, match=state):
        card.charge(amount=5000, name="사용료")
    assert Payment.objects.count() == 0


def test_amounts_below_the_minimum_are_refused(card: BillingKey) -> None:
    with pytest.raises(ValueError, match="amount must be at least 100 won"):
        card.charge(amount=99, name="사용료")
    assert Order.objects.count() == 0
