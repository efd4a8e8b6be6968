"""Events and webhooks: filtered by what still waits, found by whole names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portone_django.models import Event, WebhookDelivery
from tests.factories import OrderFactory

Sale = Callable[..., dict[str, Any]]


def rows(client: Client, model: str, **query: str) -> list[Any]:
    response = client.get(reverse(f"admin:portone_{model}_changelist"), query)
    return list(response.context["cl"].result_list)


@pytest.fixture
def events(db: None) -> dict[str, Event]:
    order = OrderFactory()
    now = timezone.now()
    return {
        "sent": Event.objects.create(kind="order.paid", order=order, dispatched_at=now, dispatch_attempts=1),
        "waiting": Event.objects.create(kind="order.expired", order=order, dispatch_attempts=3),
        "parked": Event.objects.create(kind="order.paid", order=order, dispatch_attempts=10),
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"sent", "waiting", "parked"}),
        ({"dispatch": "waiting"}, {"waiting", "parked"}),
        ({"dispatch": "parked"}, {"parked"}),
        ({"kind": "order.paid"}, {"sent", "parked"}),
        ({"kind": "order.paid", "dispatch": "parked"}, {"parked"}),
    ],
)
def test_events_are_filtered_by_kind_and_by_what_waits(
    superuser: Client, events: dict[str, Event], query: dict[str, str], expected: set[str]
) -> None:
    assert set(rows(superuser, "event", **query)) == {events[name] for name in expected}


def test_an_event_is_found_by_its_id_its_order_and_its_payment(superuser: Client, sale: Sale) -> None:
    made, _ = sale(), sale()
    event = made["event"]
    assert rows(superuser, "event", q=str(event.event_id)) == [event]
    assert len(rows(superuser, "event", q=made["order"].public_id)) == 2
    assert rows(superuser, "event", q=made["payment"].merchant_uid) == [event]


def test_webhooks_are_filtered_by_whether_portone_was_asked(superuser: Client, db: None) -> None:
    now = timezone.now()
    waiting = WebhookDelivery.objects.create(merchant_uid="t1", due_at=now)
    done = WebhookDelivery.objects.create(merchant_uid="t2", processed_at=now)
    assert rows(superuser, "webhookdelivery", followed_up="no") == [waiting]
    assert rows(superuser, "webhookdelivery", followed_up="yes") == [done]
    assert rows(superuser, "webhookdelivery", q="t2") == [done]
