"""What leaves for PortOne, and what became of it in both books."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from portone_django.gateway.transport import Transport
from portone_django.models import Event, Payment
from tests.shop import Shop


def overhear(monkeypatch: pytest.MonkeyPatch, note: Callable[[Any], object]) -> None:
    """`note` is told of every call just before it leaves; it has a `name` and a `body`."""
    call = Transport.call

    def spy(self: Any, each: Any, *rest: Any) -> Any:
        note(each)
        return call(self, each, *rest)

    monkeypatch.setattr(Transport, "call", spy)


def cancels_sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bodies of every POST /payments/cancel that leaves from now on."""
    bodies: list[dict[str, Any]] = []
    overhear(monkeypatch, lambda each: bodies.append(dict(each.body)) if each.name == "cancel_payment" else None)
    return bodies


def late_ones_land() -> None:
    """Wait until what the sandbox does after its time-out (the fault timeout_late) is done."""
    for thread in threading.enumerate():
        if thread.name == "portone-sandbox-late":
            thread.join(60)


def cancels(shop: Shop, payment: Payment) -> list[int]:
    """What PortOne's own ledger says went back, cancel by cancel."""
    return [each["amount"] for each in shop.sandbox.payment(payment.imp_uid)["cancel_history"]]


def fresh(payment: Payment) -> Payment:
    """As it stands in the database."""
    return Payment.objects.select_related("order").get(pk=payment.pk)


def kinds(payment: Payment, prefix: str = "") -> list[str]:
    """Its events, in order."""
    found = Event.objects.filter(payment=payment, kind__startswith=prefix).order_by("pk")
    return list(found.values_list("kind", flat=True))
