"""Events are rows first, signals second: written with the change, sent right after its commit, retried by the sweep."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from .. import signals
from ..clock import Tick, later
from ..models import Event, Order, Payment

logger = logging.getLogger("portone_django.events")

# Seconds after the event was written, by number of tries made so far; as many as Event.is_parked allows.
_RETRY_AGES = (60, 60, 180, 600, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)


def new_event(
    kind: str,
    *,
    order: Order,
    payment: Payment | None = None,
    effect: str | None = None,
    source: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """An unsaved event; `effect` is the key under which it can exist only once."""
    # Born with one try counted: the process that writes it is the one that sends it, without another claim.
    return Event(
        kind=kind, order=order, payment=payment, effect=effect, source=source, data=data or {}, dispatch_attempts=1
    )


def record(events: Sequence[Event]) -> None:
    """Write the events in the caller's transaction; their signals go out right after its commit."""
    if not events:
        return
    for event in events:
        if event.kind not in signals.BY_KIND:
            event.dispatched_at = Tick()  # an audit row: nobody waits for it
    Event.objects.bulk_create(events)
    waiting = [event for event in events if event.dispatched_at is None]
    if waiting:
        transaction.on_commit(partial(_send_all, waiting), robust=True)


def dispatch_waiting(limit: int = 500) -> int:
    """Send what is still undispatched and due; returns how many events were sent to all their receivers."""
    # The first try belongs to the writing process; a row this old was left behind by a kill or a raising receiver.
    is_due = Q()
    for attempts, age in enumerate(_RETRY_AGES):
        is_due |= Q(dispatch_attempts=attempts, created_at__lte=later(-age))
    due = Event.objects.filter(is_due, dispatched_at=None).select_related("order", "payment")
    return sum(_send_all([event]) for event in due.order_by("dispatch_attempts", "id")[:limit] if _claim(event))


def _claim(event: Event) -> bool:
    return bool(
        Event.objects.filter(pk=event.pk, dispatched_at=None, dispatch_attempts=event.dispatch_attempts).update(
            dispatch_attempts=F("dispatch_attempts") + 1
        )
    )


def _send_all(events: Iterable[Event]) -> int:
    done = [event.pk for event in events if _send(event)]
    if done:
        Event.objects.filter(pk__in=done).update(dispatched_at=Tick())
    return len(done)


def _send(event: Event) -> bool:
    answers = signals.BY_KIND[event.kind].send_robust(
        sender=Payment if event.kind.startswith("payment.") else Order,
        event_id=event.event_id,
        event=event,
        order=event.order,
        payment=event.payment,
    )
    failures = [(receiver, answer) for receiver, answer in answers if isinstance(answer, Exception)]
    for receiver, failure in failures:
        name = getattr(receiver, "__qualname__", receiver.__class__.__qualname__)
        logger.error(
            "Receiver %s raised %s on %s %s; it will be called again.",
            name, type(failure).__name__, event.kind, event.event_id, exc_info=failure,
        )  # fmt: skip
    return not failures
