"""One attempt under its lock: the rows that one transaction may change, and the small steps that change them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q

from ..lifecycles import ORDER_MOVES, PAYMENT_MOVES, check_move
from ..models import Event, Order, Payment
from . import ladder
from .dispatch import new_event, record


class LockedAttempt:
    """Payment and order, locked and changed in memory; `finish` writes them with their events. Inside a transaction.

    `strangers` are those of the given imp_uids that another attempt already owns.
    """

    def __init__(self, merchant_uid: str, imp_uids: Collection[str], source: str) -> None:
        self.source = source
        self.events: list[Event] = []
        self.strangers: set[str] = set()
        self.payment = self._lock(merchant_uid, imp_uids)
        self.order = self.payment.order
        self.before = {row: _values(row) for row in (self.payment, self.order)}

    def finish(self) -> Payment:
        """Write what changed, with the time of the next look and the events."""
        self.payment.next_check_at = ladder.next_check(self.payment)
        self._save(self.payment)
        self._save(self.order)
        record(self.events)
        return self.payment

    def end(self, state: str, **data: Any) -> None:
        """Close the attempt without money: expired or in review; its order can be paid another way."""
        self.move(state)
        self.payment.open_slot = None
        self.event(f"payment.{state}", **data)

    def follow_deposit(self) -> None:
        """The order awaits a deposit while its open attempt does."""
        was, now = self.before[self.payment]["state"], self.payment.state
        if now == "awaiting_deposit" and self.order.state == "open":
            self.move_order("awaiting_deposit")
        elif was == "awaiting_deposit" != now and self.order.state == "awaiting_deposit":
            self.move_order("open")

    def take_slot_back(self) -> bool:
        """A closed attempt opens again only while no other attempt of the order is open."""
        if Payment.objects.filter(open_slot=self.order.pk).exclude(pk=self.payment.pk).exists():
            return False
        self.payment.open_slot = self.order.pk
        return True

    def pass_through_pending(self) -> None:
        if self.payment.state in ("created", "unknown"):
            self.move("pending")

    def move(self, state: str) -> None:
        if check_move("Payment", PAYMENT_MOVES, self.payment.state, state):
            self.payment.state = state

    def move_order(self, state: str) -> None:
        if check_move("Order", ORDER_MOVES, self.order.state, state):
            self.order.state = state

    def event(self, kind: str, *, effect: str | None = None, **data: Any) -> None:
        self.events.append(
            new_event(kind, order=self.order, payment=self.payment, effect=effect, source=self.source, data=data)
        )

    def once(self, kind: str, effect: str, **data: Any) -> bool:
        """The event, unless it was written before; whether it is new."""
        is_new = not Event.objects.filter(effect=effect).exists()
        if is_new:
            self.event(kind, effect=effect, **data)
        return is_new

    def _lock(self, merchant_uid: str, imp_uids: Collection[str]) -> Payment:
        # One query locks the attempt, its order, and whichever other attempt already owns one of these imp_uids.
        rows = (
            Payment.objects.select_for_update()
            .select_related("order")
            .filter(Q(merchant_uid=merchant_uid) | Q(imp_uid__in=imp_uids))
            .order_by("pk")
        )
        mine = None
        for row in rows:
            if row.merchant_uid == merchant_uid:
                mine = row
            elif row.imp_uid:
                self.strangers.add(row.imp_uid)
        if mine is None:
            raise Payment.DoesNotExist(merchant_uid)
        return mine

    def _save(self, row: Payment | Order) -> None:
        now = _values(row)
        changed = [name for name, value in now.items() if value != self.before[row][name]]
        if changed:
            row.save(update_fields=[*changed, "updated_at"])


def _values(row: Payment | Order) -> dict[str, Any]:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
