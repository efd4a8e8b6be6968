"""Any order of the same facts ends in the same state: PortOne's own ledger is the oracle.

Every webhook is dropped unless a rule delivers one; answers may be stale and committed late.
"""

from __future__ import annotations

import copy
import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from django.test import override_settings
from django.urls import reverse
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from portone_django import clock, evidence
from portone_django.conf import get_config
from portone_django.exceptions import NotRefundable, RefundPending
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.settlement import apply_records
from portone_django.gateway import Client, get_client, override_client
from portone_django.models import Clock, Event, Heartbeat, Order, Payment, Refund, WebhookDelivery
from portone_django.sandbox.adapter import mount
from portone_django.sandbox.ledger import Refused, Sandbox, WindowRefused
from tests.shop import Shop

EXAMPLES = int(os.environ.get("CONVERGENCE_EXAMPLES", "60"))
STEPS = int(os.environ.get("CONVERGENCE_STEPS", "30"))


class Convergence(RuleBasedStateMachine):
    """One order, any number of clicks, windows, decisions, hints, lost and late answers, and hours gone by."""

    attempts = Bundle("attempts")
    windows = Bundle("windows")
    answers = Bundle("answers")

    @initialize(amount=st.sampled_from([1000, 12900, 91216]), refuse=st.sampled_from(["strict", "none"]))
    def begin(self, amount: int, refuse: str) -> None:
        self.stack = ExitStack()
        portone = {**_portone(), "MOVABLE_CLOCK": True}
        self.stack.enter_context(override_settings(PORTONE=portone))
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        config = get_config()
        self.sandbox = Sandbox(Path(folder) / "p.sqlite3", imp_key=config.imp_key, imp_secret=config.imp_secret)
        self.sandbox.settings.set(webhook_mode="off", duplicate_mode=refuse)
        session = requests.Session()
        mount(session, self.sandbox, config.api_base)
        client = Client(api_base=config.api_base, imp_key=config.imp_key, imp_secret=config.imp_secret, session=session)
        self.stack.enter_context(override_client(client))
        self.shop = Shop(self.sandbox)
        self.order = self.shop.order(amount=amount)
        self.page = copy.copy(self.order)  # the page in the customer's browser, rendered long ago

    # What the customer does -------------------------------------------------------------------------------------

    @rule(target=attempts, method=st.sampled_from(["card", "vbank"]), another=st.booleans())
    def click(self, method: str, another: bool) -> dict[str, Any] | None:
        started = self.shop.click(self.page, pay_method=method, another=another)
        return started if started.get("action") == "open" else None

    @rule(target=windows, started=attempts, amount=st.sampled_from([None, None, None, 1]))
    def open_window(self, started: dict[str, Any] | None, amount: int | None) -> str | None:
        if started is None:
            return None
        try:
            return self.shop.window(started, **({"amount": amount} if amount else {}))
        except WindowRefused:
            return None

    @rule(imp_uid=windows, deed=st.sampled_from(["approve", "approve", "fail", "issue", "deposit"]))
    def decide(self, imp_uid: str | None, deed: str) -> None:
        if imp_uid is None:
            return
        deeds = {
            "approve": lambda: self.sandbox.approve(imp_uid, pay_method="card", card_code="366"),
            "fail": lambda: self.sandbox.fail(imp_uid, "사용자가 결제를 취소하셨습니다"),
            "issue": lambda: self.sandbox.issue_vbank(imp_uid, bank_code="088"),
            "deposit": lambda: self.sandbox.deposit(imp_uid),
        }
        try:
            deeds[deed]()
        except (Refused, WindowRefused):
            return

    @rule(imp_uid=windows, amount=st.sampled_from([None, 300]))
    def cancel_in_the_console(self, imp_uid: str | None, amount: int | None) -> None:
        if imp_uid is not None:
            try:
                self.sandbox.console_cancel(imp_uid, amount)
            except Refused:
                return

    # What the shop sends back -----------------------------------------------------------------------------------

    @rule(fault=st.sampled_from(["timeout_after", "timeout_before", "http_500", "drop_after", "html_200", "refuse"]))
    def break_a_cancel(self, fault: str) -> None:
        self.sandbox.faults.add(fault, path="/payments/cancel")

    @rule(amount=st.sampled_from([None, 300, 300, 900]), nth=st.integers(0, 3))
    def refund(self, amount: int | None, nth: int) -> None:
        received = [each for each in Payment.objects.order_by("pk") if each.is_received]
        if received:
            try:
                received[nth % len(received)].refund(amount=amount, reason="환불")
            except (NotRefundable, RefundPending, ValueError):
                return

    @rule()
    def the_quiet_period_passes(self) -> None:
        self.shop.quiet()
        reconcile()

    # What reaches us --------------------------------------------------------------------------------------------

    @rule(started=attempts, imp_uid=windows, status=st.sampled_from(["ready", "paid", "failed", "cancelled"]))
    def webhook(self, started: dict[str, Any] | None, imp_uid: str | None, status: str) -> None:
        if started is not None:
            self.shop.webhook(merchant_uid=started["params"]["merchant_uid"], imp_uid=imp_uid or "", status=status)

    @rule(started=attempts, imp_uid=windows, error=st.sampled_from([None, "F0001"]))
    def callback(self, started: dict[str, Any] | None, imp_uid: str | None, error: str | None) -> None:
        if started is not None:
            self.shop.callback(started, imp_uid, error_code=error)

    @rule(started=attempts, imp_uid=windows)
    def come_back(self, started: dict[str, Any] | None, imp_uid: str | None) -> None:
        if started is not None:
            self.shop.come_back(started, **({"imp_uid": imp_uid} if imp_uid else {}))

    @rule()
    def sweep(self) -> None:
        reconcile(everything=True)

    @rule(target=answers, started=attempts)
    def ask(self, started: dict[str, Any] | None) -> tuple[str, Any] | None:
        if started is None:
            return None
        uid = started["params"]["merchant_uid"]
        return uid, get_client().find_all_payments(uid)

    @rule(answer=answers)
    def commit_a_stale_answer(self, answer: tuple[str, Any] | None) -> None:
        if answer is not None:
            apply_records(answer[0], answer[1], source="test")

    @rule(hours=st.sampled_from([0.2, 1, 30]))
    def time_goes_by(self, hours: float) -> None:
        by = dt.timedelta(hours=hours)
        clock.move(by)
        self.sandbox.advance(int(by.total_seconds()))

    @rule()
    def change_the_cart(self) -> None:
        self.order.refresh_from_db()
        undecided = Payment.objects.filter(open_slot=self.order.pk, state__in=("unknown", "awaiting_deposit"))
        if self.order.state == "open" and not undecided.exists():
            self.order.change(amount=self.order.amount + 100)

    # What must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_delivered_that_portone_does_not_show_as_paid(self) -> None:
        if not hasattr(self, "order"):
            return
        self.order.refresh_from_db()
        delivered = self.shop.delivered(self.order)
        assert delivered <= 1
        assert delivered == int(self.order.is_paid)
        if delivered:
            payment = Payment.objects.get(paid_slot=self.order.pk)
            record = self.sandbox.payment(payment.imp_uid)
            assert record["status"] in ("paid", "cancelled")
            assert record["amount"] == payment.amount
        assert Payment.objects.filter(open_slot=self.order.pk).count() <= 1

    def teardown(self) -> None:
        if not hasattr(self, "order"):
            return
        try:
            self._everything_settles()
        finally:
            self.shop.close()
            self.stack.close()
            for model in (Event, WebhookDelivery, Refund, Payment, Order, Clock, Heartbeat):
                model.objects.all().delete()
            clock._forget_offset()

    def _everything_settles(self) -> None:
        self.sandbox.faults.clear()
        for _ in range(4):
            for payment in Payment.objects.all():
                payment.sync()
            self.shop.quiet()
            for refund in Refund.objects.all().is_open():
                refund.sync()
        assert not Refund.objects.all().is_open().exclude(state="review").exists()
        for payment in Payment.objects.all():
            self._equals_the_ledger(payment)
        received = [each for each in Payment.objects.all() if each.is_received]
        self.order.refresh_from_db()
        assert self.order.is_paid or all(each.hold_reason for each in received)

    def _equals_the_ledger(self, payment: Payment) -> None:
        ledger = [_Seen(record) for record in self.sandbox.payments_of(payment.merchant_uid)]
        paid = [each for each in ledger if evidence.finding(each) == evidence.PAID]
        refunds = Refund.objects.filter(payment=payment, state="succeeded").exclude(source="external")
        for imp_uid in {each.imp_uid for each in refunds}:
            history = self.sandbox.payment(imp_uid)["cancel_history"]
            assert sorted(each.amount for each in refunds if each.imp_uid == imp_uid) == sorted(
                each["amount"] for each in history
            )
        if payment.quarantine_reason:
            assert any(each.record["amount"] != payment.amount for each in ledger)
        elif any(each.record["amount"] == payment.amount for each in paid):
            mine = next(each.record for each in paid if each.record["imp_uid"] == payment.imp_uid)
            taken = mine["cancel_amount"]
            whole = "refunded" if taken >= mine["amount"] else "partially_refunded" if taken else "paid"
            assert (payment.state, payment.cancel_amount) == (whole, taken)
        else:
            assert not payment.is_received


class _Seen:
    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self.imp_uid = record["imp_uid"]
        self.status = record["status"]
        self.pay_method = record["pay_method"]
        self.vbank_num = record["vbank_num"]


def _portone() -> dict[str, Any]:
    from django.conf import settings as django_settings

    return dict(django_settings.PORTONE)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(900)
def test_any_order_of_the_same_facts_ends_where_portones_ledger_says() -> None:
    assert reverse("portone:webhook")
    run_state_machine_as_test(
        Convergence,
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
