"""A renewal, killed after every step that it takes: `python -m tests.chaos.charge_kill_points OUTCOME FOLDER`.

From the bill that is due (so that planning is among the steps) to its payment, through what PortOne does the first
time. PortOne refuses no paid merchant_uid here: nothing but this app keeps it from charging twice. "together" are three
renewals as threads do them: intended in one statement, their answers committed at once.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from .kill_points import Deed, main, set_up

OUTCOMES = ("paid", "declined", "refused", "late", "charged_but_500", "nothing", "together")
TOGETHER = 3
AMOUNT = 9900
_AGAIN = "/subscribe/payments/again"
_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "declined": ("decline", {"code": "1254"}),
    "refused": ("http_400", {"path": _AGAIN}),
    "late": ("timeout_before", {"path": _AGAIN}),  # and it lands afterwards, see _land
    "charged_but_500": ("http_500", {"path": _AGAIN, "performed": True}),
    "nothing": ("timeout_before", {"path": _AGAIN}),
}
_MOST_ROUNDS = 12


class Renewing(Deed):
    """One renewal (or a few), carried on by the engine and the sweep until the bill is paid."""

    signals = ("bill_paid", "bill_failed", "order_paid", "subscription_ended", "card_needed")

    @property
    def count(self) -> int:
        return TOGETHER if self.outcome == "together" else 1

    def build(self, sandbox: Any) -> None:
        from tests.members import Members

        sandbox.settings.set(duplicate_mode="none")
        members = Members(sandbox)
        members.move_to([members.subscribed(amount=AMOUNT) for _ in range(self.count)][-1])
        if self.outcome in _FAULTS:
            kind, options = _FAULTS[self.outcome]
            sandbox.faults.add(kind, **options)

    def do(self, sandbox: Any) -> None:
        from tests.members import Members

        if self.outcome == "together":
            _charge_together()
        Members(sandbox).engine()
        self.recover(sandbox)

    def recover(self, sandbox: Any) -> None:
        """A look while what was sent may still land; then all the time there is."""
        from portone_django.clock import later
        from portone_django.flows.reconciliation import reconcile
        from portone_django.models import Event, Subscription
        from tests.members import Members

        members, subscriptions = Members(sandbox), list(Subscription.objects.order_by("pk"))
        members.ask_again()
        members.engine()
        if self.outcome == "late":
            _land(sandbox)
        for _ in range(_MOST_ROUNDS):
            bills = [members.bill(each) for each in subscriptions]
            is_paid = all(bill.number == 2 and bill.state == "paid" for bill in bills)
            if is_paid and not Event.objects.filter(dispatched_at=None).exists():
                return
            for bill in bills:
                if bill.next_step_at is not None:
                    members.move_to(bill.subscription)
            members.quiet_period_passes()
            members.engine()
            if Event.objects.filter(dispatched_at=None).update(created_at=later(-120)):
                reconcile()

    def problems(self, sandbox: Any, told: list[str]) -> list[str]:
        from portone_django.models import BillingCycle, Event, Order, Payment, Subscription
        from tests import ledgers

        problems = ledgers.disagreements(sandbox) + ledgers.stuck() + ledgers.stuck_charges()
        problems += ledgers.double_charges(sandbox)
        states = list(BillingCycle.objects.order_by("number").values_list("number", "state"))
        if states != [(1, "paid")] * self.count + [(2, "paid")] * self.count:
            problems.append(f"the bills are {states}")
        taken = [each["amount"] for each in sandbox.transactions() if each["status"] == "paid"]
        if taken != [AMOUNT] * 2 * self.count:
            problems.append(f"PortOne took {taken}")
        ids = {kind: {line for line in told if line.startswith(f"{kind}:")} for kind in self.signals}
        for kind in ("bill_paid", "order_paid"):
            if len(ids[kind]) != self.count:
                problems.append(f"the shop was told of {len(ids[kind])} {kind}")
        declines = Payment.objects.filter(decline_kind="soft").count()
        if len(ids["bill_failed"]) != declines:
            problems.append(f"{declines} declines, told {len(ids['bill_failed'])}")
        if ids["card_needed"] or ids["subscription_ended"] or Subscription.objects.exclude(state="active").exists():
            problems.append("the subscription did not go on")
        if Order.objects.count() != 2 * self.count:
            problems.append(f"{Order.objects.count()} orders for {2 * self.count} bills")
        waiting = Event.objects.filter(dispatched_at=None).values_list("kind", flat=True)
        return problems + [f"{kind} was never dispatched" for kind in waiting]


def _charge_together() -> None:
    from portone_django.flows.charging import Charge
    from portone_django.flows.claims import intend, new_lease
    from portone_django.flows.planning import plan_due
    from portone_django.flows.settlement import apply_claimed

    mine = intend(plan_due(TOGETHER, lease=new_lease()))
    answers = [(each, Charge(each, claimed_at=time.monotonic())._again()) for each in mine]
    apply_claimed(answers, source="charge", committed=lambda: None)


def _land(sandbox: Any) -> None:
    """What was sent and not answered arrives at the card company only now."""
    from portone_django.models import Payment
    from portone_django.sandbox import charging

    for payment in Payment.objects.filter(state__in=("pending", "unknown"), send_count__gt=0):
        if not sandbox.payments_of(payment.merchant_uid):
            body = {
                "customer_uid": payment.customer_uid,
                "merchant_uid": payment.merchant_uid,
                "amount": payment.amount,
                "name": payment.name,
            }
            charging.again(sandbox, body)


if __name__ == "__main__":
    set_up(MOVABLE_CLOCK=True)
    main(Renewing(sys.argv[1]), Path(sys.argv[2]))
