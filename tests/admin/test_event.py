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
        ({"kind": "order."}, {"sent", "waiting", "parked"}),
        ({"kind": "refund."}, set()),
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


def test_the_filter_knows_every_event_that_is_ever_written(superuser: Client, db: None) -> None:
    page = superuser.get(reverse("admin:portone_event_changelist")).text
    for kind in ("break.explained", "billing_key.adopted", "receipt.requested", "refund.reserved", "bill.waived"):
        assert f"?kind={kind.partition('.')[0]}." in page


def test_the_data_of_an_event_is_a_fact_a_line(superuser: Client, db: None) -> None:
    data = {"reason": "<b>", "parts": [1, 2], "next_step_at": "2026-08-07T01:00:00+00:00", "uid": "2026-13-45T99:00Z"}
    data["text"] = "0001-01-01T00:00:00+14:00"
    event = Event.objects.create(kind="bill.failed", order=OrderFactory(), data=data)
    url = reverse("admin:portone_event_change", args=[event.pk])
    page = superuser.get(url, headers={"accept-language": "en"}).text
    assert "<div>next_step_at: Aug. 7, 2026, 10 a.m.</div><div>parts: [1, 2]</div><div>reason: &lt;b&gt;</div>" in page
    assert "<div>text: 0001-01-01T00:00:00+14:00</div><div>uid: 2026-13-45T99:00Z</div>" in page


def test_webhooks_are_filtered_by_whether_portone_was_asked(superuser: Client, db: None) -> None:
    now = timezone.now()
    waiting = WebhookDelivery.objects.create(merchant_uid="t1", due_at=now)
    done = WebhookDelivery.objects.create(merchant_uid="t2", processed_at=now)
    assert rows(superuser, "webhookdelivery", followed_up="no") == [waiting]
    assert rows(superuser, "webhookdelivery", followed_up="yes") == [done]
    assert rows(superuser, "webhookdelivery", q="t2") == [done]
