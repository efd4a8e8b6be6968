"""A cancellation and a charge at the same moment: whoever comes first, nobody pays for what they had cancelled (D7)."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from portone_django.flows.drain import drain
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Payment, Refund, Subscription
from portone_django.subscriptions import cancel
from tests import ledgers
from tests.members import Members
from tests.shop import the_quiet_period_passes

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]
AT_ONCE = 25


def kept(members: Members, subscription: Subscription) -> int:
    """What PortOne's ledger keeps of this subscriber's money (won)."""
    uids = [payment.merchant_uid for payment in members.charges(subscription)]
    records = [record for uid in uids for record in members.sandbox.payments_of(uid)]
    return sum(each["amount"] - each["cancel_amount"] for each in records if each["status"] in ("paid", "cancelled"))


def race(members: Members, seed: int) -> Counter[str]:
    """So many subscriptions are due, a worker charges them, and all of them are cancelled meanwhile."""
    subscriptions = [members.subscribed() for _ in range(AT_ONCE)]
    members.move_to(subscriptions[-1])
    order = random.Random(seed).sample(subscriptions, AT_ONCE)
    seen: dict[int, tuple[str, int]] = {}
    broken: list[Exception] = []
    barrier = threading.Barrier(3)

    def cancel_some(some: list[Subscription]) -> None:
        try:
            barrier.wait(30)
            for each in some:
                state = cancel(each, when="now").state
                seen[each.pk] = (state, kept(members, each))
        except Exception as error:
            broken.append(error)
        finally:
            connection.close()

    def work() -> None:
        barrier.wait(30)
        drain(concurrency=4)
        connection.close()

    threads = [threading.Thread(target=cancel_some, args=(order[n::2],)) for n in range(2)]
    threads.append(threading.Thread(target=work))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    members.settle(3)
    the_quiet_period_passes()
    reconcile()
    return _judged(members, subscriptions, seen)


def _judged(members: Members, subscriptions: list[Subscription], seen: dict[int, tuple[str, int]]) -> Counter[str]:
    ended: Counter[str] = Counter()
    for each in subscriptions:
        state, kept_then = seen[each.pk]
        kept_now = kept(members, each)
        each.refresh_from_db()
        assert each.state == "ended"
        if state == "ended" and not _went_back(each):
            # What was decided when the cancellation came stays as it was: an unsent bill is never sent.
            assert kept_now == kept_then, f"{kept_then} won when it was cancelled, {kept_now} now:\n{_story(each)}"
            ended["paid before" if kept_now == 2 * 9900 else "never sent"] += 1
        else:
            assert kept_now == 9900, f"cancelled while it was charged, and {kept_now} won are kept:\n{_story(each)}"
            ended["on its way"] += 1
        assert Event.objects.filter(kind="subscription.ended", subscription=each).count() == 1
    return ended


def _went_back(subscription: Subscription) -> bool:
    """Whether it was being charged when it was cancelled, and decided before cancel() had read how it stands."""
    mine = Refund.objects.filter(payment__order__cycle__subscription=subscription)
    return mine.filter(reason="cancelled before the charge was decided").exists()


def _story(subscription: Subscription) -> str:
    """Everything that happened to it, a line each."""
    events = Event.objects.filter(Q(subscription=subscription) | Q(order__cycle__subscription=subscription))
    lines = [f"{each.created_at:%H:%M:%S.%f} {each.kind} {each.source} {each.data}" for each in events.order_by("pk")]
    bills = subscription.cycles.values_list("number", "state", "order__state", "updated_at")
    charges = Payment.objects.filter(order__cycle__subscription=subscription)
    facts = charges.values_list("merchant_uid", "state", "hold_reason", "sent_at", "send_count", "failed_at", "paid_at")
    return "\n".join([*lines, *map(str, bills), *map(str, facts)])


def check(members: Members, rounds: int) -> None:
    members.sandbox.settings.set(approval_seconds=0.01, duplicate_mode="none")
    ended: Counter[str] = Counter()
    for seed in range(rounds):
        ended += race(members, seed)
    assert ended["never sent"], ended
    assert ended["on its way"] + ended["paid before"], ended
    assert ledgers.double_charges(members.sandbox) == []
    assert ledgers.stuck_charges() == []
    assert not Payment.objects.filter(state="review").exists()
    print(f"{sum(ended.values())} races: {dict(ended)}")


@pytest.mark.timeout(300)
def test_a_cancellation_that_races_with_the_charge_is_kept(members: Members) -> None:
    check(members, 4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_in_a_thousand_races_nobody_pays_for_what_they_had_cancelled(members: Members) -> None:
    check(members, 40)


@pytest.mark.timeout(300)
def test_a_webhook_that_races_with_the_charge_settles_it_once(members: Members) -> None:
    """What PortOne says to the webhook's worker and what it answers to the charge arrive at the same moment."""
    subscriptions = [members.subscribed() for _ in range(AT_ONCE)]
    members.move_to(subscriptions[-1])
    over = threading.Event()
    broken: list[Exception] = []

    def listen() -> None:
        from portone_django.flows.verification import sync_payment

        try:
            while not over.is_set():
                for uid in Payment.objects.filter(state="pending").values_list("merchant_uid", flat=True):
                    sync_payment(uid, source="webhook")
        except Exception as error:
            broken.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=listen) for _ in range(2)]
    for thread in threads:
        thread.start()
    report: Any = drain(concurrency=4)
    over.set()
    for thread in threads:
        thread.join()
    assert broken == []
    assert report.broken == 0
    members.settle(2)
    assert all(members.taken(each) == [9900, 9900] for each in subscriptions)
    for kind in ("bill.paid", "order.paid"):
        assert Event.objects.filter(kind=kind, order__cycle__number=2).count() == AT_ONCE
    assert ledgers.double_charges(members.sandbox) == []
