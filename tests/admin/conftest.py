"""Who looks at the admin, and rows for them to look at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from portone_django.models import Event, Order, Payment, ReconciliationBreak, Refund, WebhookDelivery
from tests.factories import OrderFactory, PaymentFactory, billing_key, cycle, subscription

MODELS = (
    "order", "payment", "refund", "event", "reconciliationbreak", "webhookdelivery", "billingkey", "subscription",
    "billingcycle",
)  # fmt: skip


@pytest.fixture
def superuser(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """A staff user with these permissions: staff("view_order")."""

    def make(*codenames: str) -> Client:
        user = get_user_model().objects.create_user("staff", is_staff=True)
        found = Permission.objects.filter(content_type__app_label="portone", codename__in=codenames)
        assert found.count() == len(codenames)
        user.user_permissions.set(found)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def sale(db: None) -> Callable[..., dict[str, Any]]:
    """One paid order with its payment, a refund, two events, a difference and a webhook; a card, a bill."""

    def make(order: dict[str, Any] | None = None, **payment: Any) -> dict[str, Any]:
        sold: Order = OrderFactory(state="paid", paid_at=timezone.now(), **(order or {}))
        terms = {"imp_uid": f"imp_{sold.pk:012d}", "receipt_url": "https://iniweb.inicis.com/receipt?no=1", **payment}
        paid: Payment = PaymentFactory(
            **{"state": "paid", "paid_slot": sold.pk, "paid_at": timezone.now(), "next_check_at": None, **terms},
            order=sold,
            vbank_expires_at=timezone.now() + dt.timedelta(days=3),
            received_amount=sold.amount,
            cancel_amount=100,
        )
        Event.objects.create(kind="order.created", order=sold, source="app")
        event = Event.objects.create(kind="order.paid", order=sold, payment=paid, data={"imp_uid": paid.imp_uid})
        refund = Refund.objects.create(
            payment=paid, imp_uid=paid.imp_uid, source="admin", state="succeeded", amount=100, checksum=sold.amount,
            reason="x", cancellation_id="1", requested_by=get_user_model().objects.first(),
        )  # fmt: skip
        found = ReconciliationBreak.objects.create(
            kind="refunded", merchant_uid=paid.merchant_uid, payment=paid, ours={"cancel_amount": 100}
        )
        hook = WebhookDelivery.objects.create(merchant_uid=paid.merchant_uid, imp_uid=paid.imp_uid, status="paid")
        rows = {"order": sold, "payment": paid, "refund": refund, "event": event}
        rows |= {"reconciliationbreak": found, "webhookdelivery": hook}
        key = billing_key(default=True)
        kept = subscription(key.customer, billing_key=key)
        paid_bill = OrderFactory(kind="cycle", buyer_name="구독자", amount=kept.price.amount, state="paid")
        bill = cycle(kept, state="paid", order=paid_bill)
        return {**rows, "billingkey": key, "subscription": kept, "billingcycle": bill}

    return make
