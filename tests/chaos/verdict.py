"""PortOne's ledger against our tables: who was charged how often, and what we know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.chaos.plans import ENOUGH, LEAST_BLOWS, MOST_IN_REVIEW, MOST_SENDS, REASONS_OF_REVIEW, Result

# What a worker says of a fault of ours; that its broker went away is none.
_BROKEN = ("could not be carried on", "could not be settled", "could not be written", "raised unexpected", "CRASHED")


def left() -> int:
    """How many bills and charges are not decided."""
    from portone_django import clock
    from portone_django.models import Payment, Subscription

    waiting = Payment.objects.exclude(charge_due_at=None).count()
    return waiting + Subscription.objects.filter(next_bill_at__lte=clock.now()).count()


def naive_left() -> int:
    """How many customers the naive engine has not charged."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM chaos_naive WHERE state = 'due'")
        return int(cursor.fetchone()[0])


def judge_by_ledger(result: Result, sandbox: Any, diary: dict[str, Any], folder: str) -> None:
    """Fill in what happened. A subscription has a card of its own, and one period was due."""
    from portone_django.models import BillingCycle, Event, Payment

    charged: Counter[str] = Counter()
    paid_there: set[str] = set()
    for record in sandbox.transactions(10_000_000):
        if record["status"] == "paid":
            charged[record["customer_uid"]] += 1
            paid_there.add(record["merchant_uid"])
    paid_here = set(Payment.objects.filter(state="paid").values_list("merchant_uid", flat=True))
    result.naive_doubles = sum(n > 1 for uid, n in charged.items() if uid.startswith("naive"))
    result.double = sum(n > 1 for uid, n in charged.items() if not uid.startswith("naive"))
    result.unknown = sum(uid not in paid_here for uid in paid_there if not uid.startswith("naive"))
    result.paid = len(paid_here & paid_there)
    result.declined = BillingCycle.objects.filter(state="retrying").count()
    result.review = Payment.objects.filter(state__in=("review", "quarantined")).count()
    result.why_review = dict(Counter(_reasons_of_review()))
    decided = BillingCycle.objects.filter(state__in=("paid", "retrying")).count()
    # What waits for a person is counted by itself, and bounded.
    in_review = BillingCycle.objects.is_open().filter(order__payments__state__in=("review", "quarantined"))
    result.stuck = max(left(), result.plan.due - decided - in_review.distinct().count())
    result.effects = Event.objects.filter(kind="bill.paid").values("order").distinct().count()
    result.told = _told()
    for name in ("resent", "most_sends", "sent_while_under_way", "sent_though_paid", "too_soon", "under_way", "late"):
        setattr(result, name, diary[name])
    result.faults = sum(diary["faults"].values())
    messages = Counter(_lines(f"{folder}/messages.log"))
    result.messages, result.again = len(messages), sum(n > 1 for n in messages.values())
    broken = [line for line in _lines(f"{folder}/workers.log") if any(each in line for each in _BROKEN)]
    result.broken = len(broken)
    result.problems = _problems(result, len(paid_here - paid_there)) + broken[:3]


def _reasons_of_review() -> Iterator[str]:
    """Why each of them is: the reason that its event gives."""
    from portone_django.models import Event

    held = Event.objects.filter(kind__in=("payment.review", "payment.quarantined"))
    yield from (str(data.get("reason", "")) for data in held.values_list("data", flat=True))


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []


def _told() -> int:
    """Of how many paid bills a receiver was told, by the rows that it wrote."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(DISTINCT event_id), COUNT(DISTINCT order_id) FROM chaos_effect")
        events, orders = cursor.fetchone()
    return int(events) if events == orders else -1


def _problems(result: Result, invented: int) -> list[str]:
    plan = result.plan
    rows = (
        (result.double, f"{result.double} subscribers were charged twice"),
        (result.unknown, f"{result.unknown} charges at PortOne are not known as paid here"),
        (invented, f"{invented} charges are paid here and not at PortOne"),
        (result.stuck, f"{result.stuck} bills were not decided after {result.calm_seconds:.0f} s of calm"),
        (
            result.review > max(plan.due * MOST_IN_REVIEW, 1) or set(result.why_review) - set(REASONS_OF_REVIEW),
            f"{result.review} charges wait for a person: {result.why_review}",
        ),
        (result.effects != result.paid, f"{result.effects} effects for {result.paid} paid charges"),
        (result.told != result.paid, f"receivers were told of {result.told} of {result.paid} paid charges"),
        (result.most_sends > MOST_SENDS, f"a charge was sent {result.most_sends} times"),
        (result.broken, f"{result.broken} faults of ours in the workers' log"),
        (plan.blow != "stop" and result.sent_while_under_way, "a charge was sent while it was under way"),
        (result.blows < LEAST_BLOWS[plan.blow], f"only {result.blows} blows: nothing is proved"),
        (plan.faulty and not result.resent, "nothing was ever sent again: nothing is proved"),
        (plan.faulty and not result.too_soon, "nobody asked within the quiet period: nothing is proved"),
        (
            plan.faulty and plan.due >= ENOUGH and not result.under_way,
            "nobody asked about a charge under way: nothing is proved",
        ),
        (plan.naive and not result.naive_doubles, "the naive engine charged nobody twice: this storm sees nothing"),
    )
    return [problem for is_wrong, problem in rows if is_wrong]
