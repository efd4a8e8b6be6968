"""One attempt under its lock: the rows that one transaction may change, and the small steps that change them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q

from ..lifecycles import ORDER_MOVES, PAYMENT_MOVES, check_move
from ..models import Event, Order, Payment, Refund
from . import ladder
from .bills import follow_bill, refund_whole
from .dispatch import new_event, record
from .rows import Changes, Stale, values_of, write_changes


class LockedAttempt:
    """Payment and order, locked and changed in memory; `finish` writes them with their events. Inside a transaction.

    `strangers` are those of the given imp_uids that another attempt already owns. An attempt that the caller has
    `claimed` is not read again: what is to be written is added to `changes`, which the caller writes, and Stale is
    raised by whatever needs the locks.
    """

    def __init__(
        self,
        merchant_uid: str,
        imp_uids: Collection[str],
        source: str,
        claimed: Payment | None = None,
        changes: Changes | None = None,
    ) -> None:
        self.source, self.changes = source, changes
        self.events: list[Event] = []
        self.strangers: set[str] = set()
        self.payment = claimed or self._lock(merchant_uid, imp_uids)
        self.order = self.payment.order
        self.before = {row: values_of(row) for row in (self.payment, self.order)}

    def finish(self) -> Payment:
        """Write what changed, with the time of the next look and the events."""
        payment = self.payment
        payment.next_check_at = ladder.next_check(payment)
        if payment.is_charge and not payment.is_open:
            payment.charge_due_at, payment.lease_token, payment.crash_count = None, "", 0
        # The payment first: whoever works on an attempt, its order or its bill begins with that row.
        self._save(payment)
        is_unwanted = follow_bill(self)
        self._save(self.order)
        if self.changes is None:
            record(self.events)
        if is_unwanted:
            self.need_locks()
            refund_whole(payment, "cancelled before the charge was decided")
        return self.payment

    def need_locks(self) -> None:
        """Beyond this line rows are read and written that nobody has claimed."""
        if self.changes is not None:
            raise Stale

    def end(self, state: str, **data: Any) -> None:
        """Close the attempt without money: expired or in review; its order can be paid another way."""
        self.move(state)
        if not (self.payment.is_charge and state == "review"):
            self.payment.open_slot = None  # a charge in review may be paid: no second one beside it
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

    def event(self, kind: str, /, *, effect: str | None = None, refund: Refund | None = None, **data: Any) -> None:
        self.events.append(
            new_event(
                kind,
                order=self.order,
                payment=self.payment,
                refund=refund,
                effect=effect,
                source=self.source,
                data=data,
            )
        )

    def once(self, kind: str, effect: str, **data: Any) -> bool:
        """The event, unless it was written before; whether it is new."""
        self.need_locks()
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
        if self.changes is None:
            write_changes(row, self.before[row])
        else:
            self.changes.add(row, self.before[row])


def dismissal(payment: Payment, imp_uid: str) -> str:
    """The effect key under which an operator found a record to be none of ours."""
    return f"payment.dismissed:{payment.pk}:{imp_uid}"
