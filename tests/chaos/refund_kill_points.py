"""A refund, killed after every step that it takes: `python -m tests.chaos.refund_kill_points OUTCOME FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .kill_points import Deed, main, set_up

OUTCOMES = ("done", "done_but_lost", "refused", "nothing")
AMOUNT = 900
_FAULTS = {"done_but_lost": "timeout_after", "nothing": "timeout_before"}
_MOST_SWEEPS = 6


class Refunding(Deed):
    """The whole life of one refund: asked for by the project, and carried on by the sweep for as long as it is open."""

    signals = ("payment_refunded", "order_refunded", "refund_failed", "refund_review")

    def build(self, sandbox: Any) -> None:
        from tests.factories import paid_payment

        payment = paid_payment(sandbox, reference="killed")
        if self.outcome == "refused":
            sandbox.cancel_at_inicis(payment.imp_uid)
        elif self.outcome in _FAULTS:
            sandbox.faults.add(_FAULTS[self.outcome], path="/payments/cancel")

    def do(self, sandbox: Any) -> None:
        from portone_django.models import Payment

        Payment.objects.get().refund(amount=AMOUNT, reason="killed")
        self.recover(sandbox)

    def recover(self, sandbox: Any) -> None:
        from portone_django.clock import later
        from portone_django.flows.reconciliation import reconcile
        from portone_django.models import Event
        from tests.ledgers import stuck
        from tests.shop import the_quiet_period_passes

        for _ in range(_MOST_SWEEPS):
            if not stuck() and not Event.objects.filter(dispatched_at=None).exists():
                return
            Event.objects.filter(dispatched_at=None).update(created_at=later(-120))
            the_quiet_period_passes()
            reconcile()

    def problems(self, sandbox: Any, told: list[str]) -> list[str]:
        from portone_django.models import Event, Refund
        from tests import ledgers

        problems = ledgers.disagreements(sandbox) + ledgers.stuck()
        refunds = list(Refund.objects.values_list("state", flat=True))
        taken = [entry["amount"] for record in sandbox.transactions() for entry in record["cancel_history"]]
        # Killed before the reservation was committed, it was never asked for, and whoever asked was told by the kill.
        wanted = [] if not refunds else ["failed" if self.outcome == "refused" else "succeeded"]
        if refunds != wanted:
            problems.append(f"the refund is {refunds}, not {wanted}")
        if taken != [AMOUNT] * wanted.count("succeeded"):
            problems.append(f"PortOne cancelled {taken}")
        expected = {"succeeded": {"payment_refunded", "order_refunded"}, "failed": {"refund_failed"}}
        kinds = {line.partition(":")[0] for line in told}
        if kinds != (expected[wanted[0]] if wanted else set()):
            problems.append(f"the shop was told {sorted(kinds)}")
        if len(set(told)) != len(kinds):
            problems.append(f"one fact came under several event ids: {told}")
        waiting = Event.objects.filter(dispatched_at=None).values_list("kind", flat=True)
        return problems + [f"{kind} was never dispatched" for kind in waiting]


if __name__ == "__main__":
    set_up()
    main(Refunding(sys.argv[1]), Path(sys.argv[2]))
