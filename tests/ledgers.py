"""PortOne's ledger is the oracle: what it says went back, beside what our rows say of the same payments."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any

from portone_django.models import Event, Payment, Refund

Record = dict[str, Any]


def disagreements(sandbox: Any, *, told: Collection[str] = ()) -> list[str]:
    """Every way in which the two books differ, as sentences; empty when they agree.

    `told` are reasons that somebody else than the app may have given, such as the console's.
    """
    records = {record["imp_uid"]: record for record in sandbox.transactions(1_000_000)}
    refunds: dict[int, list[Refund]] = defaultdict(list)
    for refund in Refund.objects.order_by("pk"):
        refunds[refund.payment_id].append(refund)
    found = [f"{token} went back {n} times" for token, n in doubled(records.values(), told).items()]
    events = _events()
    for payment in Payment.objects.select_related("order").exclude(imp_uid=None):
        if records[payment.imp_uid]["status"] == "failed":
            continue  # no money of it ever moved
        found += [
            f"{payment.merchant_uid}: {each}"
            for each in _of_one(payment, refunds[payment.pk], records[payment.imp_uid], events, told)
        ]
    return found


def doubled(records: Collection[Record], told: Collection[str] = ()) -> dict[str, int]:
    """The reasons under which money went back more than once; each reason of ours belongs to one refund."""
    reasons = Counter(entry["reason"] for record in records for entry in record["cancel_history"])
    return {reason: n for reason, n in reasons.items() if n > 1 and reason not in told}


def stuck() -> list[str]:
    """Refunds that are neither decided nor a person's."""
    still_open = Refund.objects.all().is_open().exclude(state="review")
    return [f"refund {each.pk} is {each.state}" for each in still_open]


def stuck_charges() -> list[str]:
    """Charges that are neither decided nor a person's, and claims that nobody gave back."""
    still_open = Payment.objects.all().is_charge().is_open()
    leased = Payment.objects.exclude(lease_token="")
    return [f"charge {each.merchant_uid} is {each.state}" for each in (still_open | leased).order_by("pk")]


def double_charges(sandbox: Any) -> list[str]:
    """Bills for which PortOne has kept more than one payment, and payments of it that we do not know to be paid."""
    kept = [each for each in sandbox.transactions(1_000_000) if _is_kept(each)]
    rows = Payment.objects.all().is_charge().select_related("order")
    ours = {each.merchant_uid: each for each in rows}
    found = []
    orders = Counter(ours[each["merchant_uid"]].order_id for each in kept if each["merchant_uid"] in ours)
    found += [f"order {pk} was paid {n} times" for pk, n in orders.items() if n > 1]
    for each in kept:
        payment = ours.get(each["merchant_uid"])
        if payment is None or not payment.is_received:
            state = payment.state if payment else "no row"
            found.append(f"{each['merchant_uid']} is paid at PortOne, {state} here")
    paid = {each["merchant_uid"] for each in kept}
    found += [f"{uid} is paid here only" for uid, each in ours.items() if each.state == "paid" and uid not in paid]
    return found


def _is_kept(record: Record) -> bool:
    is_money = record["status"] in ("paid", "cancelled") and record["customer_uid_usage"] != "issue"
    return is_money and record["amount"] > record["cancel_amount"]


def _of_one(
    payment: Payment, refunds: list[Refund], record: Record, events: Counter[tuple[str, int]], told: Collection[str]
) -> list[str]:
    history, done = record["cancel_history"], [each for each in refunds if each.state == "succeeded"]
    theirs, order = record["cancel_amount"], payment.order
    amounts = sorted(entry["amount"] for entry in history)
    ids = sorted(entry["cancellation_id"] for entry in history)
    whole = "refunded" if theirs == record["amount"] else "partially_refunded" if theirs else "paid"
    by_console = {entry["amount"] for entry in history if entry["reason"] in told}
    there = {entry["reason"] for entry in history} - set(told)
    ours = {each.reason for each in done if each.source != "console"}
    ours_for_sure = {each.reason for each in done if each.source != "console" and each.amount not in by_console}
    checks = {
        f"cancel_amount {payment.cancel_amount}, PortOne's {theirs}": payment.cancel_amount == theirs,
        f"{theirs} of {payment.received_amount} went back": theirs <= (payment.received_amount or 0),
        f"PortOne's own sum is {sum(amounts)}, not {theirs}": sum(amounts) == theirs,
        f"refunds {sorted(e.amount for e in done)}, PortOne's {amounts}": sorted(e.amount for e in done) == amounts,
        "the cancellation ids differ": sorted(str(each.cancellation_id) for each in done) == ids,
        "a cancellation id stands twice": len(set(ids)) == len(ids),
        f"told as succeeded, not at PortOne: {ours_for_sure - there}": ours_for_sure <= there,
        f"ours at PortOne, not told as succeeded: {there - ours}": there <= ours,
        f"order.refunded_amount {order.refunded_amount}": order.refunded_amount == theirs,
        f"states {payment.state}, {order.state}": payment.state == order.state == whole,
    }
    wrong = [sentence for sentence, holds in checks.items() if not holds]
    for each in refunds:
        expected = int(each.state == "succeeded")
        for kind in ("payment.refunded", "order.refunded"):
            if events[kind, each.pk] != expected:
                wrong.append(f"refund {each.pk} is {each.state} with {events[kind, each.pk]} events {kind}")
        if events["refund.failed", each.pk] != int(each.state == "failed"):
            wrong.append(f"refund {each.pk} is {each.state} with {events['refund.failed', each.pk]} events of failure")
    return wrong


def _events() -> Counter[tuple[str, int]]:
    rows = Event.objects.exclude(refund=None).values_list("kind", "refund_id")
    return Counter((kind, pk) for kind, pk in rows if pk is not None)
