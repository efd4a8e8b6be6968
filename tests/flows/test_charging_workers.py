"""What becomes of a charge by what happens to the process that makes it (E11 to E15)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.core.management import call_command

from portone_django.clock import later, tick
from portone_django.exceptions import BillPending
from portone_django.flows import charging
from portone_django.flows.attempts import UNSENT
from portone_django.flows.charging import FENCE_SECONDS, Charge, Learned
from portone_django.flows.claims import claim
from portone_django.flows.drain import drain
from portone_django.flows.planning import plan_due
from portone_django.models import Payment, Subscription
from portone_django.sandbox.adapter import SandboxAdapter
from portone_django.subscriptions import retry_now
from tests.members import Members

pytestmark = pytest.mark.django_db
AGAIN = "/subscribe/payments/again"


@pytest.fixture
def subscription(members: Members) -> Subscription:
    return members.subscribed()


def test_a_worker_that_slept_past_the_fence_sends_nothing_and_gives_the_charge_back(
    members: Members, subscription: Subscription
) -> None:
    members.move_to(subscription)
    [payment] = plan_due(1, lease="a" * 32)
    charge = Charge(payment, claimed_at=time.monotonic() - FENCE_SECONDS - 1)
    assert charge.run() is Learned.NOTHING
    payment.refresh_from_db()
    assert (payment.state, payment.send_count, payment.lease_token) == ("created", 0, "")
    assert members.taken(subscription) == [9900]
    assert members.engine().paid == 1


@pytest.mark.parametrize("fault", ["", "timeout_after", "timeout_before"])
def test_a_worker_that_slept_longer_than_its_lease_sends_nothing_after_another_took_over(
    members: Members, subscription: Subscription, fault: str
) -> None:
    members.sandbox.settings.set(duplicate_mode="none")
    members.move_to(subscription)
    [payment] = plan_due(1, lease="a" * 32)
    Payment.objects.filter(pk=payment.pk).update(charge_due_at=later(-1))
    if fault:
        members.sandbox.faults.add(fault, path=AGAIN)
    members.engine()
    # Awake again, and believing that no time has passed: no fence would stop it.
    assert Charge(payment, claimed_at=time.monotonic()).run() is Learned.NOTHING
    members.settle()
    payment.refresh_from_db()
    assert payment.state == "paid"
    assert members.taken(subscription) == [9900, 9900]


class Sleeper:
    """A worker that is put to sleep right after it committed its intent, for longer than any lease."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> None:
        self.monkeypatch, self.meanwhile, self.slept = monkeypatch, meanwhile, 0.0
        intend = charging.intend

        def sleepy(payments: Sequence[Payment], **options: Any) -> list[Payment]:
            done = intend(payments, **options)
            if done and not self.slept:
                self.slept = 3600.0
                self.meanwhile()
            return done

        monkeypatch.setattr(charging, "intend", sleepy)
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + self.slept)
        monkeypatch.setattr(charging, "time", clock)


def test_a_worker_that_slept_after_its_intent_wakes_after_a_second_attempt_was_paid_and_sends_nothing(
    members: Members, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    members.sandbox.settings.set(duplicate_mode="none")
    members.move_to(subscription)

    def another_worker() -> None:
        """Looks, waits, sends the same uid again: declined. The customer brings a card, the second attempt is paid."""
        # The clock that the second worker reads has gone on as well.
        from portone_django.flows import drain as drains

        shifted = SimpleNamespace(monotonic=lambda: time.monotonic() + sleeper.slept)
        monkeypatch.setattr(drains, "time", shifted)
        members.sandbox.faults.add("decline", code="1254")
        members.settle()
        first = members.charges(subscription)[-1]
        assert (first.state, first.send_count) == ("failed", 2)
        Payment.objects.filter(pk=first.pk).update(sent_at=later(-601))
        members.change_card(subscription, "5594100000000001")
        members.renew(subscription)
        assert members.charges(subscription)[-1].state == "paid"

    [payment] = plan_due(1, lease="a" * 32)
    sleeper = Sleeper(monkeypatch, another_worker)
    Charge(payment, claimed_at=time.monotonic()).run()
    assert sleeper.slept
    assert members.taken(subscription) == [9900, 9900]
    assert [each.state for each in members.charges(subscription)] == ["paid", "failed", "paid"]


def test_after_a_second_send_was_declined_no_new_uid_leaves_before_the_quiet_period_is_over(
    members: Members, subscription: Subscription
) -> None:
    members.sandbox.faults.add("timeout_before", path=AGAIN)
    members.renew(subscription)
    members.sandbox.faults.add("decline", code="1254")
    members.settle()
    first = members.charges(subscription)[-1]
    assert (first.state, first.send_count) == ("failed", 2)
    members.change_card(subscription, "5594100000000001")
    with pytest.raises(BillPending):
        retry_now(subscription)
    assert len(members.charges(subscription)) == 2
    Payment.objects.filter(pk=first.pk).update(sent_at=later(-601))
    assert retry_now(subscription).state == "active"
    assert members.taken(subscription) == [9900, 9900]


def test_a_charge_that_is_left_behind_again_and_again_is_a_persons(
    members: Members, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It kills whoever works on it, such as by its memory: nobody writes what became of it."""

    def die(charge: Charge) -> None:
        raise SystemExit

    members.sandbox.faults.add("timeout_after", path=AGAIN)
    members.renew(subscription)
    with monkeypatch.context() as patch:
        patch.setattr(Charge, "_ask", die)
        for _ in range(charging.MOST_CRASHES):
            members.ask_again()
            [payment] = claim(1)
            assert payment.crash_count < charging.MOST_CRASHES
            with pytest.raises(SystemExit):
                Charge(payment, claimed_at=time.monotonic()).run()
    members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.open_slot) == ("review", payment.order_id)
    assert members.bill(subscription).is_open
    members.settle()
    assert len(members.charges(subscription)) == 2, "no second attempt beside it"


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_claimed(members: Members, concurrency: int) -> None:
    members.due_at_once(6)
    stopped: list[bool] = []
    report = drain(
        concurrency=concurrency, is_stopped=lambda: bool(stopped), progress=lambda report: stopped.append(True)
    )
    assert 1 <= report.paid <= concurrency
    waiting = Payment.objects.filter(UNSENT)
    assert {(each.lease_token, each.send_count) for each in waiting} <= {("", 0)}
    assert report.paid + waiting.count() == report.taken
    assert all(each.charge_due_at is not None and each.charge_due_at <= tick() for each in waiting)
    assert members.engine().paid == 6 - report.paid


def test_sigterm_ends_the_loop_of_the_command_between_two_charges(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriptions = members.due_at_once(4)
    send, before = SandboxAdapter.send, signal.getsignal(signal.SIGTERM)

    def deployed(adapter: SandboxAdapter, request: Any, **options: Any) -> Any:
        answer = send(adapter, request, **options)
        if AGAIN in request.url and signal.getsignal(signal.SIGTERM) is not before:
            os.kill(os.getpid(), signal.SIGTERM)
        return answer

    monkeypatch.setattr(SandboxAdapter, "send", deployed)
    call_command("portone_charge_due", "--loop", "--quiet", "--concurrency", "1")
    paid = Payment.objects.filter(order__cycle__number=2, state="paid")
    assert paid.count() == 1, "the charge on its way was finished"
    assert not Payment.objects.exclude(lease_token="").exists()
    monkeypatch.undo()
    members.engine()
    assert all(members.taken(each) == [9900, 9900] for each in subscriptions)


@pytest.mark.parametrize("interruption", [SoftTimeLimitExceeded, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("is_charged", [True, False])
def test_whatever_interrupts_the_reading_of_the_answer_leaves_the_charge_unknown(
    members: Members,
    subscription: Subscription,
    monkeypatch: pytest.MonkeyPatch,
    interruption: type[BaseException],
    is_charged: bool,
) -> None:
    members.move_to(subscription)
    send = SandboxAdapter.send

    def interrupted(adapter: SandboxAdapter, request: Any, **options: Any) -> Any:
        if AGAIN not in request.url:
            return send(adapter, request, **options)
        if is_charged:
            send(adapter, request, **options)
        raise interruption

    with monkeypatch.context() as patch:
        patch.setattr(SandboxAdapter, "send", interrupted)
        with suppress(interruption):
            members.engine()
    payment = members.charges(subscription)[-1]
    assert (payment.state, payment.send_count) == ("unknown", 1)
    members.settle()
    payment.refresh_from_db()
    assert (payment.state, payment.send_count) == ("paid", 1 if is_charged else 2)
    assert members.taken(subscription) == [9900, 9900]
