"""Events are rows first, signals second: written with the change, sent right after its commit, retried by the sweep."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Model, Q

from .. import signals
from ..clock import Tick, later
from ..models import BillingCycle, BillingKey, CashReceipt, Event, Order, Payment, Refund, Subscription
from . import bulk, notices
from .steps import in_one_statement

logger = logging.getLogger("portone_django.events")

_SENDERS: dict[str, type[Model]] = {
    "order": Order, "payment": Payment, "refund": Refund, "receipt": CashReceipt,
    "billing_key": BillingKey, "subscription": Subscription, "bill": BillingCycle,
}  # fmt: skip
# Seconds after the event was written, by number of tries made so far; as many as Event.is_parked allows.
_RETRY_AGES = (60, 60, 180, 600, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
# Before the first of these, whoever wrote an event must have sent it or left it to the sweep.
_LONGEST_SECONDS, _NOTED_EVERY_SECONDS = 45.0, 1.0


def new_event(
    kind: str,
    *,
    order: Order | None = None,
    payment: Payment | None = None,
    refund: Refund | None = None,
    billing_key: BillingKey | None = None,
    subscription: Subscription | None = None,
    effect: str | None = None,
    source: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """An unsaved event; `effect` is the key under which it can exist only once, data["user"] the key of who did it."""
    data = dict(data or {})
    if not isinstance(data.get("user"), int | str | None):
        data["user"] = str(data["user"])  # a UUID, for example, is none of JSON's values
    # Born with one try counted: the process that writes it is the one that sends it, without another claim.
    return Event(
        kind=kind, order=order, payment=payment, refund=refund, billing_key=billing_key, subscription=subscription,
        effect=effect, source=source, data=data, dispatch_attempts=1,
    )  # fmt: skip


def record(events: Sequence[Event]) -> None:
    """Write the events in the caller's transaction; their signals go out right after its commit."""
    if not events:
        return
    for event in events:
        if not _is_awaited(event.kind):
            event.dispatched_at = Tick()
        if notices.is_wanted(event.kind):
            event.notice_due_at = Tick()
    bulk.insert(events, unique="event_id")
    waiting = [event for event in events if event.dispatched_at is None]
    if waiting:
        # Not a partial: Django logs a callback that raised by its __qualname__, and would itself raise.
        transaction.on_commit(lambda: _send_all(waiting), robust=True)


def dispatch_waiting(limit: int = 500) -> int:
    """Send what is still undispatched and due; returns how many events were sent to all their receivers."""
    # The first try belongs to the writing process; a row this old was left behind by a kill or a raising receiver.
    is_due = Q()
    for attempts, age in enumerate(_RETRY_AGES):
        is_due |= Q(dispatch_attempts=attempts, created_at__lte=later(-age))
    due = Event.objects.filter(is_due, dispatched_at=None).select_related(
        "order", "payment", "refund", "billing_key", "subscription"
    )
    return sum(_send_all([event]) for event in due.order_by("dispatch_attempts", "id")[:limit] if _claim(event))


def _is_awaited(kind: str) -> bool:
    """An audit row has no signal, and a signal that nobody listens to need not be sent."""
    signal = signals.BY_KIND.get(kind)
    return signal is not None and signal.has_listeners(_SENDERS[kind.partition(".")[0]])


def _claim(event: Event) -> bool:
    mine = Event.objects.filter(pk=event.pk, dispatched_at=None, dispatch_attempts=event.dispatch_attempts)
    return bool(in_one_statement(lambda: mine.update(dispatch_attempts=F("dispatch_attempts") + 1)))


def _send_all(events: Iterable[Event]) -> int:
    began = noted = time.monotonic()
    count, done = 0, []
    for event in events:
        if time.monotonic() - began > _LONGEST_SECONDS:
            break  # the sweep has the rest
        if _send(event):
            done.append(event.pk)
        if time.monotonic() - noted > _NOTED_EVERY_SECONDS:
            count += _note(done)
            noted, done = time.monotonic(), []
    return count + _note(done)


def _note(done: list[int]) -> int:
    if done:
        in_one_statement(lambda: Event.objects.filter(pk__in=done).update(dispatched_at=Tick()))
    return len(done)


def _send(event: Event) -> bool:
    answers = signals.BY_KIND[event.kind].send_robust(
        sender=_SENDERS[event.kind.partition(".")[0]],
        event_id=event.event_id,
        event=event,
        order=event.order,
        payment=event.payment,
        refund=event.refund,
        billing_key=event.billing_key,
        subscription=event.subscription,
    )
    failures = [(receiver, answer) for receiver, answer in answers if isinstance(answer, Exception)]
    for receiver, failure in failures:
        name = getattr(receiver, "__qualname__", receiver.__class__.__qualname__)
        logger.error(
            "Receiver %s raised %s on %s %s; it will be called again.",
            name, type(failure).__name__, event.kind, event.event_id, exc_info=failure,
        )  # fmt: skip
    return not failures
