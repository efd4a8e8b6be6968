"""Webhook, callback, return and sweep arrive at once: one effect each, however the four interleave."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from portone_django.flows import verification
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event, Order
from tests.shop import Shop

ROUNDS = int(os.environ.get("ARRIVAL_ROUNDS", "1000"))
MEETING_SECONDS = 0.25


class Gate:
    """Stands between PortOne's answer and our lock: opens when all four callers are inside, or after a moment."""

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self.condition = threading.Condition()
        self.inside = 0
        self.opened = False
        self.most = 0

    def reset(self) -> None:
        with self.condition:
            self.inside, self.opened, self.most = 0, False, 0

    def meet(self) -> None:
        with self.condition:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside >= self.parties:
                self.opened = True
                self.condition.notify_all()
            self.condition.wait_for(lambda: self.opened, timeout=MEETING_SECONDS)
            self.opened = True
            self.inside -= 1
            self.condition.notify_all()


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_four_arrivals_at_once_have_one_effect_a_thousand_times(
    shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}
    gate = Gate(4)
    apply_records = verification.apply_records

    def after_the_meeting(*args: Any, **kwargs: Any) -> Any:
        gate.meet()
        return apply_records(*args, **kwargs)

    monkeypatch.setattr(verification, "apply_records", after_the_meeting)
    orders, met, problems = [], 0, []
    start, end = threading.Barrier(5), threading.Barrier(5)
    current: dict[str, Any] = {}

    def webhook() -> None:
        shop.webhook(merchant_uid=current["uid"], imp_uid=current["imp_uid"], status="paid")

    def callback() -> None:
        shop.callback(current["started"], current["imp_uid"])

    def come_back() -> None:
        shop.come_back(current["started"], imp_uid=current["imp_uid"])

    def sweep() -> None:
        reconcile(everything=True)

    def caller(deed: Callable[[], None]) -> None:
        try:
            for _ in range(ROUNDS):
                start.wait(60)
                deed()
                end.wait(60)
        except BaseException as problem:
            problems.append(problem)
            start.abort()
            end.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=caller, args=(deed,)) for deed in (webhook, callback, come_back, sweep)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            order = shop.order()
            started, imp_uid = shop.pay(order)
            current.update(started=started, imp_uid=imp_uid, uid=started["params"]["merchant_uid"])
            gate.reset()
            start.wait(60)
            end.wait(60)
            met += gate.most >= 2
            orders.append(order)
    except threading.BrokenBarrierError:
        pass
    for thread in threads:
        thread.join()
    assert not problems, problems
    assert len(orders) == ROUNDS
    assert Order.objects.filter(state="paid").count() == ROUNDS
    assert Event.objects.filter(kind="order.paid").count() == ROUNDS
    assert [order.pk for order in orders if shop.delivered(order) != 1] == []
    assert met >= ROUNDS * 9 // 10, f"only {met} of {ROUNDS} rounds had two callers inside at once"
    print(f"{met} of {ROUNDS} rounds had at least two callers between answer and lock")
