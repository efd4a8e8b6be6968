"""The replacement of a card, killed after every step that it takes: from the click to the deleted old card.

`python -m tests.chaos.registration_kill_points OUTCOME FOLDER`. The customer has a subscription that waits for its
first payment, so that the new card also charges.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .kill_points import Deed, main, set_up

OUTCOMES = ("registered", "declined", "unanswered", "given_up")
AMOUNT = 9900
_ROUNDS = 6


class Replacing(Deed):
    """The click, the window, the callback, and what the sweep has left to do."""

    def build(self, sandbox: Any) -> None:
        """A customer with a card, and a subscription without one."""
        from portone_django.subscriptions import subscribe
        from tests.members import Members

        members = Members(sandbox)
        user = members.user()
        members.card(user).make_default()
        subscribe(user, members.price(AMOUNT))
        if self.outcome == "unanswered":
            sandbox.faults.add("timeout_after", path="/subscribe/customers/*", times=2)

    def do(self, sandbox: Any) -> None:
        from portone_django.cards import registration_parameters
        from portone_django.flows.registering import RegistrationTerms, start_registration
        from portone_django.flows.registration import sync_registration
        from portone_django.models import BillingKey, Subscription

        old, subscription = BillingKey.objects.get(), Subscription.objects.get()
        terms = RegistrationTerms(channel="billing", options={}, replaces=old.pk, subscription=subscription.pk)
        key = start_registration(subscription.customer, terms)
        params = registration_parameters(key, {"buyer_tel": "010-0000-0000"}, AMOUNT)
        imp_uid = sandbox.open_window(params, device="pc", user_agent="tests")["imp_uid"]
        if self.outcome == "given_up":
            sandbox.fail(imp_uid)
        else:
            number = "5594100000001254" if self.outcome == "declined" else "5594100000000000"
            sandbox.approve(imp_uid, pay_method="card", card_code="366", card_number=number)
        sync_registration(key, imp_uid, source="callback", deadline=5, wait=10)
        for _ in range(_ROUNDS):
            if _is_waiting():
                _carry_on()

    def recover(self, sandbox: Any) -> None:
        for _ in range(_ROUNDS):
            _carry_on()
            if not _is_waiting():
                break

    def problems(self, sandbox: Any, told: list[str]) -> list[str]:
        return _problems(sandbox, self.outcome)


def _carry_on() -> None:
    """A sweep and a drain, long after everything before them."""
    import datetime as dt

    from portone_django import clock
    from portone_django.clock import later
    from portone_django.conf import QUIET_PERIOD_SECONDS
    from portone_django.flows.drain import drain
    from portone_django.flows.reconciliation import reconcile
    from portone_django.models import BillingKey, Event, Payment

    BillingKey.objects.exclude(next_check_at=None).update(next_check_at=later(-1))
    Event.objects.filter(dispatched_at=None).update(created_at=later(-120))
    waiting = Payment.objects.exclude(charge_due_at=None)
    for stamp, seconds in (("sent_at", QUIET_PERIOD_SECONDS + 1), ("unseen_at", QUIET_PERIOD_SECONDS / 10 + 1)):
        waiting.exclude(**{stamp: None}).update(**{stamp: later(-seconds)})
    waiting.update(charge_due_at=later(-1))
    reconcile()
    drain(concurrency=1)
    over = clock.now() - dt.timedelta(seconds=1)
    BillingKey.objects.filter(state="pending", checked_at__isnull=False).update(expires_at=over)


def _is_waiting() -> bool:
    from portone_django.models import BillingKey, Event, Payment

    return (
        BillingKey.objects.filter(state="pending").exists()
        or BillingKey.objects.exclude(deletion="").exists()
        or Payment.objects.exclude(charge_due_at=None).exists()
        or Event.objects.filter(dispatched_at=None).exists()
    )


def _problems(sandbox: Any, outcome: str) -> list[str]:
    from portone_django.models import BillingKey, Event, Subscription

    old, *new = BillingKey.objects.order_by("pk")
    subscription = Subscription.objects.get()
    taken = [r["amount"] for r in sandbox.transactions() if r["status"] == "paid" and not _is_issue(r)]
    # Killed before the customer had done their part at PortOne, there is no card to be had.
    is_there = bool(new) and sandbox.keys.get(new[0].customer_uid) is not None
    pays = is_there and outcome != "declined"
    default = [key.pk for key in BillingKey.objects.all() if key.is_default]
    found = {
        "registrations": len(new) <= 1,
        "new": not new or (new[0].state in ("active", "failing") if is_there else new[0].state == "failed"),
        "old": old.state == ("deleted" if is_there else "active"),
        "old at PortOne": (sandbox.keys.get(old.customer_uid) is None) == is_there,
        "default": default == [new[0].pk if is_there else old.pk],
        "subscription": subscription.state == ("active" if pays else "incomplete"),
        "its card": subscription.billing_key_id == (new[0].pk if is_there else None),
        "taken": taken == ([AMOUNT] if pays else []),
        "registered once": Event.objects.filter(kind="billing_key.registered").count() == is_there,
        "deleted once": Event.objects.filter(kind="billing_key.deleted").count() == is_there,
        "dispatched": not Event.objects.filter(dispatched_at=None).exists(),
        "nothing waits": not BillingKey.objects.exclude(deletion="").exists(),
    }
    return [
        f"{what}: {[key.state for key in new]} {subscription.state} {taken}"
        for what, is_so in found.items()
        if not is_so
    ]


def _is_issue(record: Any) -> bool:
    return bool(record["customer_uid_usage"] == "issue")


if __name__ == "__main__":
    set_up()
    main(Replacing(sys.argv[1]), Path(sys.argv[2]))
