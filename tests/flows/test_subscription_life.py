"""Any life of a subscription ends where PortOne's ledger says: each period paid at most once, and nothing forgotten."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from portone_django import clock
from portone_django.conf import get_config
from portone_django.exceptions import BillPending, CardNotUsable, NotRefundable, RefundPending, SubscriptionEnded
from portone_django.flows.attempts import UNSENT
from portone_django.flows.drain import forget_outage
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import Client, override_client, transport
from portone_django.models import (
    BillingCycle,
    BillingKey,
    Clock,
    CycleLine,
    Event,
    Heartbeat,
    Order,
    Payment,
    Plan,
    Price,
    Refund,
    Subscription,
)
from portone_django.sandbox.adapter import mount
from portone_django.sandbox.ledger import Refused, Sandbox
from portone_django.subscriptions import cancel, resume, retry_now, subscribe, use_key
from tests import ledgers
from tests.members import GOOD, NO_FUNDS, STOLEN, Members
from tests.shop import the_quiet_period_passes

EXAMPLES = int(os.environ.get("CONVERGENCE_EXAMPLES", "60"))
STEPS = int(os.environ.get("CONVERGENCE_STEPS", "30"))
AGAIN = "/subscribe/payments/again"
AMOUNT = 9900
WIRE = ["timeout_after", "timeout_before", "drop_after", "html_200", "refuse", "http_400", "http_429"]
# What the public doors may say, and then nothing has happened.
REFUSALS = (BillPending, CardNotUsable, NotRefundable, RefundPending, SubscriptionEnded)


class Life(RuleBasedStateMachine):
    """One customer, one subscription; PortOne refuses no paid merchant_uid."""

    @initialize(
        unit=st.sampled_from(["month", "week", "day"]),
        then=st.sampled_from(["end", "pause", "keep"]),
        catch_up=st.sampled_from(["current", "each", "none"]),
    )
    def begin(self, unit: str, then: str, catch_up: str) -> None:
        forget_outage()
        self.stack = ExitStack()
        dunning = {"days": [1, 3], "then": then}
        portone = {**django_settings.PORTONE, "MOVABLE_CLOCK": True, "DUNNING": dunning, "CATCH_UP": catch_up}
        self.stack.enter_context(override_settings(PORTONE=portone))
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        config = get_config()
        keys = {"imp_key": config.imp_key, "imp_secret": config.imp_secret}
        self.sandbox = Sandbox(Path(folder) / "p.sqlite3", **keys)
        self.stack.callback(self.sandbox.close)
        self.sandbox.settings.set(webhook_mode="off", duplicate_mode="none")
        session = requests.Session()
        mount(session, self.sandbox, config.api_base)
        self.stack.enter_context(override_client(Client(api_base=config.api_base, session=session, **keys)))
        self.members = Members(self.sandbox)
        self.user = self.members.user()
        card = self.members.card(self.user)
        self.subscription = subscribe(self.user, self.members.price(AMOUNT, unit=unit), billing_key=card)
        self.latest = clock.now()

    # PortOne, and time ------------------------------------------------------------------------------------------

    @rule(fault=st.sampled_from(WIRE))
    def an_answer_is_lost(self, fault: str) -> None:
        self.sandbox.faults.add(fault, path=AGAIN)

    @rule()
    def a_charge_lands_late(self) -> None:
        self.sandbox.faults.add("late_paid", seconds=60, answer="ready")

    @rule()
    def the_card_company_says_no(self) -> None:
        self.sandbox.faults.add("decline", code="1254")

    @rule(hours=st.sampled_from([-1, 1, 24, 24, 24 * 8, 24 * 45]))
    def time_goes_by(self, hours: int) -> None:
        clock.move(dt.timedelta(hours=hours))
        self.latest = max(self.latest, clock.now())
        self.sandbox.advance(max(hours, 0) * 3600)

    @rule()
    def the_next_thing_is_due(self) -> None:
        self.members.move_to(self.subscription) if self._has_plans() else None
        self.latest = max(self.latest, clock.now())

    # Workers ----------------------------------------------------------------------------------------------------

    @rule()
    def engine(self) -> None:
        self.members.engine()

    @rule()
    def engine_asks(self) -> None:
        self.members.ask_again()
        self.members.engine()

    @rule()
    def engine_after_the_quiet_period(self) -> None:
        self.members.quiet_period_passes()
        self.members.engine()

    @rule()
    def sweep(self) -> None:
        the_quiet_period_passes()
        reconcile()

    @rule(nth=st.integers(0, 5))
    def webhook(self, nth: int) -> None:
        charges = self.members.charges(self.subscription)
        charges[nth % len(charges)].sync(source="webhook") if charges else None

    # Customer and operator --------------------------------------------------------------------------------------

    @rule(when=st.sampled_from(["now", "period_end"]), refund=st.sampled_from(["none", "unused", "all"]))
    def cancel(self, when: str, refund: str) -> None:
        with suppress(*REFUSALS):
            cancel(self._again(), when=when, refund="none" if when == "period_end" else refund)

    @rule()
    def resume(self) -> None:
        with suppress(*REFUSALS):
            resume(self._again())

    @rule()
    def retry(self) -> None:
        with suppress(*REFUSALS):
            retry_now(self._again())

    @rule(number=st.sampled_from([GOOD, GOOD, NO_FUNDS, STOLEN]))
    def use_another_card(self, number: str) -> None:
        with suppress(*REFUSALS):
            use_key(self._again(), self.members.card(self.user, number))

    @rule(nth=st.integers(0, 5))
    def cancelled_in_the_console(self, nth: int) -> None:
        paid = [each for each in self.sandbox.transactions() if each["status"] == "paid"]
        if paid:
            with suppress(Refused):
                self.sandbox.console_cancel(paid[nth % len(paid)]["imp_uid"], None)

    def _again(self) -> Subscription:
        self.subscription.refresh_from_db()
        return self.subscription

    def _has_plans(self) -> bool:
        steps = BillingCycle.objects.exclude(next_step_at=None)
        return self._again().next_bill_at is not None or steps.exists()

    # What must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def at_most_one_bill_and_one_attempt_is_open(self) -> None:
        if not hasattr(self, "subscription"):
            return
        assert BillingCycle.objects.is_open().count() <= 1
        assert Payment.objects.exclude(open_slot=None).count() <= 1

    @invariant()
    def no_period_is_paid_twice_or_early(self) -> None:
        if not hasattr(self, "subscription"):
            return
        assert [each for each in ledgers.double_charges(self.sandbox) if "times" in each] == []
        bills = list(self.subscription.cycles.order_by("period_start"))
        assert all(earlier.period_end <= later.period_start for earlier, later in pairwise(bills))
        begun = [each for each in bills if each.number > 1 and not self._is_first_after_pause(each)]
        self.latest = max(self.latest, clock.now())  # real time passes, too
        assert all(each.due_at <= self.latest for each in begun)

    def _is_first_after_pause(self, bill: BillingCycle) -> bool:
        before = self.subscription.cycles.filter(number=bill.number - 1).first()
        return before is not None and before.period_end != bill.period_start

    @invariant()
    def what_is_over_stays_over(self) -> None:
        if not hasattr(self, "subscription"):
            return
        if self._again().state == "ended":
            assert (self.subscription.next_bill_at, self.subscription.live_slot) == (None, None)
            assert not Payment.objects.filter(UNSENT).exists()

    def teardown(self) -> None:
        if not hasattr(self, "subscription"):
            return
        try:
            self._everything_settles()
        finally:
            self.stack.close()
            BillingKey.objects.update(subscription=None, replaces=None)
            models: tuple[Any, ...] = (
                Event, Refund, Payment, CycleLine, BillingCycle, Order, Subscription, BillingKey, Price, Plan, Clock,
                Heartbeat, get_user_model(),
            )  # fmt: skip
            for model in models:
                model.objects.all().delete()
            clock._forget_offset()

    def _everything_settles(self) -> None:
        self.sandbox.faults.clear()
        self.sandbox.advance(3600)
        for _ in range(6):
            self.members.settle(3)
            for payment in self.members.charges(self.subscription):
                payment.sync()
            the_quiet_period_passes()
            reconcile()
        assert ledgers.stuck_charges() + ledgers.stuck() == []
        held = {each.merchant_uid for each in Payment.objects.filter(state__in=("review", "quarantined"))}
        found = ledgers.double_charges(self.sandbox)
        assert [each for each in found if not any(uid in each for uid in held)] == []
        paid = BillingCycle.objects.filter(state="paid")
        assert Event.objects.filter(kind="bill.paid").count() == paid.count()
        for bill in paid:
            assert Payment.objects.filter(paid_slot=bill.order_id).count() == 1
        if self._again().cancel_refund == "all" and self.subscription.state == "ended":
            # Nobody pays for what was cancelled while it was charged.
            late = [each for each in self.members.charges(self.subscription) if self._is_after_the_end(each)]
            assert all(each.state == "refunded" for each in late if each.is_received)

    def _is_after_the_end(self, payment: Payment) -> bool:
        ended_at, bill = self.subscription.ended_at, payment.order.cycle
        is_renewal = bill.number > 1  # the first one is paid at once, before the hour at which it would be due
        return is_renewal and bill.paid_at is not None and ended_at is not None and bill.due_at > ended_at


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(900)
def test_any_life_of_a_subscription_ends_where_portones_ledger_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "REPEAT_PAUSES", (0.0, 0.0))
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.fixture(autouse=True)
def _no_leftover_clock() -> Iterator[None]:
    yield
    clock._forget_offset()
