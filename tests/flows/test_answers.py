"""Answers that come while others are written are written with the next commit, and none depends on another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from portone_django import signals
from portone_django.clock import later
from portone_django.flows import answers, dispatch, drain, settlement
from portone_django.flows.charging import AT_ONCE_SECONDS, Charge, Learned
from portone_django.flows.claims import intend
from portone_django.flows.planning import plan_due
from portone_django.gateway import InsideTransaction
from portone_django.models import BillingCycle, Event, Payment, Subscription
from portone_django.sandbox.adapter import SandboxAdapter
from portone_django.subscriptions import cancel
from tests.members import Members


def in_threads(test: Any) -> Any:
    """Threads have connections of their own, which SQLite's database in memory does not allow."""
    return pytest.mark.server(pytest.mark.django_db(transaction=True)(test))


AGAIN = "/subscribe/payments/again"


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many answers each commit took. The first one is slow, so that others come meanwhile."""
    sizes: list[int] = []
    apply = settlement.apply_claimed

    def slowly(found: Any, **options: Any) -> None:
        sizes.append(len(found))
        if len(sizes) == 1:
            time.sleep(0.5)
        apply(found, **options)

    monkeypatch.setattr(answers, "apply_claimed", slowly)
    return sizes


def wait_until(is_so: Callable[[], object], complaint: str) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, complaint
        time.sleep(0.05)


@in_threads
def test_what_is_answered_during_a_commit_goes_into_the_next(members: Members, batches: list[int]) -> None:
    subscriptions = members.due_at_once(8)
    report = members.engine(concurrency=8)
    assert (report.paid, report.broken) == (8, 0)
    assert sum(batches) == 8
    assert max(batches) > 1
    for each in subscriptions:
        assert members.taken(each) == [9900, 9900]
        assert Subscription.objects.get(pk=each.pk).state == "active"
    for kind in ("payment.paid", "order.paid", "bill.paid"):
        assert Event.objects.filter(kind=kind, created_at__gt=members.bill(subscriptions[0]).created_at).count() == 8


@in_threads
def test_one_that_was_written_meanwhile_keeps_no_other_from_being_settled(
    members: Members, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook was faster than the answer."""
    subscriptions = members.due_at_once(6)
    send, lock, hurried = SandboxAdapter.send, threading.Lock(), []

    def with_a_webhook(adapter: SandboxAdapter, request: Any, **options: Any) -> Any:
        answer = send(adapter, request, **options)
        if AGAIN in request.url:
            with lock:
                is_first = len(hurried) < 2
                hurried.append(request)
            if is_first:
                Payment.objects.get(merchant_uid=json.loads(request.body)["merchant_uid"]).sync()
        return answer

    monkeypatch.setattr(SandboxAdapter, "send", with_a_webhook)
    report = members.engine(concurrency=6)
    assert (report.paid, report.broken, report.undecided) == (6, 0, 0)
    for each in subscriptions:
        assert members.taken(each) == [9900, 9900]
        assert members.bill(each).state == "paid"
        assert Event.objects.filter(effect=f"bill.paid:{members.bill(each).pk}").count() == 1


@in_threads
def test_a_slow_receiver_holds_up_no_commit(members: Members) -> None:
    """While one thread tells the shop, the others write."""
    members.due_at_once(6)
    running, most = [0], [0]
    lock = threading.Lock()

    def slow(**_: Any) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.3)
        with lock:
            running[0] -= 1

    signals.order_paid.connect(slow)
    try:
        report = members.engine(concurrency=6)
    finally:
        signals.order_paid.disconnect(slow)
    assert report.paid == 6
    assert most[0] > 1, "two threads told the shop at the same time"
    assert not Event.objects.filter(kind="order.paid", dispatched_at=None).exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_first", [True, False], ids=["alone in its commit", "in a commit with others"])
def test_a_row_that_a_shop_has_locked_holds_up_its_own_charge_only(
    members: Members, batches: list[int], monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    subscriptions = members.due_at_once(6)
    worker = threading.Thread(target=lambda: (members.engine(concurrency=6), connection.close()))
    has_sent, is_locked, send = threading.Event(), threading.Event(), SandboxAdapter.send
    first = subscriptions[0 if is_first else 1].billing_key.customer_uid

    def one_before_the_others(adapter: SandboxAdapter, request: Any, **options: Any) -> Any:
        if AGAIN in request.url:
            has_sent.set()
            assert is_locked.wait(60)
            if json.loads(request.body)["customer_uid"] != first:
                wait_until(lambda: batches, "the first answer was not written")
        return send(adapter, request, **options)

    monkeypatch.setattr(SandboxAdapter, "send", one_before_the_others)
    worker.start()
    assert has_sent.wait(60)
    with transaction.atomic():
        list(BillingCycle.objects.select_for_update().filter(subscription=subscriptions[0]))
        is_locked.set()
        others = BillingCycle.objects.is_paid().filter(number=2)
        wait_until(lambda: others.count() == 5, "the others were not settled")
        assert worker.is_alive()
    worker.join(60)
    assert not worker.is_alive()
    assert [members.taken(each) for each in subscriptions] == [[9900, 9900]] * 6
    assert not BillingCycle.objects.is_open().exists()


# What was intended and waits in the queue ----------------------------------------------------------------------------


def intended(members: Members) -> Payment:
    members.move_to(members.subscribed())
    [payment] = intend(plan_due(1, lease="a" * 32))
    return payment


@pytest.mark.django_db
def test_what_was_intended_is_not_sent_once_its_lease_is_over(members: Members) -> None:
    """The host was suspended, and its clocks with it: only the database knows for how long."""
    payment = intended(members)
    Payment.objects.filter(pk=payment.pk).update(charge_due_at=later(-1))
    now = time.monotonic()
    assert Charge(payment, claimed_at=now, intended_at=now - 2 * AT_ONCE_SECONDS).run() is Learned.NOTHING
    assert members.sandbox.payments_of(payment.merchant_uid) == []
    members.settle()
    payment.refresh_from_db()
    assert (payment.state, len(members.sandbox.payments_of(payment.merchant_uid))) == ("paid", 1)


@pytest.mark.django_db
def test_what_waited_too_long_goes_back_unsent_and_says_nothing_of_portone(members: Members) -> None:
    payment = intended(members)
    charge = Charge(payment, claimed_at=time.monotonic() - 3600, intended_at=time.monotonic())
    assert charge.run() is Learned.NOTHING, "the breaker counts what is silent"
    payment.refresh_from_db()
    assert (payment.state, payment.sent_at, payment.send_count, payment.lease_token) == ("pending", None, 0, "")
    members.settle()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("paid", 1)


@pytest.mark.django_db
def test_what_a_worker_that_stops_gives_back_is_sent_by_the_next_one_at_once(members: Members) -> None:
    payment = intended(members)
    Charge(payment, claimed_at=time.monotonic(), intended_at=time.monotonic()).give_back()
    assert members.engine().paid == 1
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("paid", 1)


@pytest.mark.django_db
def test_an_intent_that_somebody_dropped_meanwhile_is_left_out(members: Members) -> None:
    subscriptions = members.due_at_once(3)
    planned = plan_due(3, lease="a" * 32)
    cancel(subscriptions[1], when="now")
    sent = intend(planned)
    assert {each.order.cycle.subscription_id for each in sent} == {subscriptions[0].pk, subscriptions[2].pk}


@pytest.mark.django_db(transaction=True)
def test_nothing_is_drained_inside_a_transaction(members: Members) -> None:
    """The threads would send what this transaction has not committed."""
    subscription = members.subscribed()
    members.move_to(subscription)
    with transaction.atomic(), pytest.raises(InsideTransaction):
        members.engine()
    assert members.taken(subscription) == [9900]


@pytest.mark.django_db
def test_in_a_testcase_a_drain_works_alone(members: Members) -> None:
    subscription = members.subscribed()
    members.move_to(subscription)
    assert members.engine(concurrency=8).paid == 1
    assert members.taken(subscription) == [9900, 9900]


@pytest.mark.django_db(transaction=True)
def test_what_was_told_is_noted_while_others_are_still_told(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_NOTED_EVERY_SECONDS", -1.0)
    told: list[Any] = []

    def killed(**given: Any) -> None:
        told.append(given["event_id"])
        if len(told) == 2:
            raise SystemExit

    signals.bill_paid.connect(killed)
    try:
        first = members.subscribed()
        members.move_to(first)
        order = first.cycles.get().order
        events = [dispatch.new_event("bill.paid", order=order, subscription=first, source="engine") for _ in range(2)]
        told.clear()
        with pytest.raises(SystemExit):
            dispatch._send_all(Event.objects.bulk_create(events))
    finally:
        signals.bill_paid.disconnect(killed)
    assert [Event.objects.get(event_id=each).dispatched_at is None for each in told] == [False, True]


# What is intended ahead --------------------------------------------------------------------------------------------


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many charges were intended and not answered, at each send."""
    counts: list[int] = []
    send = SandboxAdapter.send

    def counted(adapter: SandboxAdapter, request: Any, **options: Any) -> Any:
        if AGAIN in request.url:
            counts.append(Payment.objects.filter(state="pending", sent_at__isnull=False).count())
            time.sleep(0.05)
        return send(adapter, request, **options)

    monkeypatch.setattr(SandboxAdapter, "send", counted)
    return counts


@in_threads
def test_a_slow_worker_intends_no_more_than_its_threads_send(members: Members, ahead: list[int]) -> None:
    """A killed one leaves each as sent, and after three of these a person would have to look."""
    subscriptions = members.due_at_once(12)
    ahead.clear()
    assert members.engine(concurrency=2).paid == 12
    assert len(ahead) == 12
    assert max(ahead) <= 2
    assert [members.taken(each) for each in subscriptions] == [[9900, 9900]] * 12


@in_threads
def test_a_fast_worker_intends_several_at_once_and_sends_each_once(
    members: Members, ahead: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "INTENDED_SECONDS", 1.0)
    subscriptions = members.due_at_once(30)
    ahead.clear()
    assert members.engine(concurrency=2).paid == 30
    assert len(ahead) == 30
    assert max(ahead) > 2
    assert [members.taken(each) for each in subscriptions] == [[9900, 9900]] * 30
    assert set(Payment.objects.filter(order__cycle__number=2).values_list("state", "send_count")) == {("paid", 1)}


@in_threads
def test_what_cannot_be_intended_together_is_by_itself(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "INTENDED_SECONDS", 60.0)
    refused: list[int] = []

    def away(payments: Any, **options: Any) -> Any:
        refused.append(len(payments))
        raise OperationalError("the lock wait timed out")

    monkeypatch.setattr(drain, "intend", away)
    subscriptions = members.due_at_once(12)
    assert members.engine(concurrency=2).paid == 12
    assert refused
    assert [members.taken(each) for each in subscriptions] == [[9900, 9900]] * 12
