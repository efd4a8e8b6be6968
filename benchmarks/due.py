"""Subscriptions whose bill is due, as rows, in a PostgreSQL database that is made for one benchmark and dropped."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402

from portone_django import clock  # noqa: E402
from portone_django.models import (  # noqa: E402
    BillingCycle,
    BillingKey,
    Event,
    Order,
    Payment,
    Plan,
    Price,
    Subscription,
)

from .gateway import CHANNEL  # noqa: E402

TABLES = "portone_plan, auth_user, benchmarks_subscription"


@contextmanager
def database(command: str) -> Iterator[dict[str, str]]:
    """A database of its own; the environment in which other processes find it."""
    if connection.vendor != "postgresql":
        sys.exit(f"Write: DATABASE_URL=postgres://user@host/name python -m {command}")
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    made = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    try:
        yield {**os.environ, "DATABASE_URL": urlunsplit(made)}
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def empty() -> None:
    """No subscriptions any more, and nothing that belongs to them, in our tables and in those of the baselines."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")


def make_due(count: int) -> None:
    """So many customers, each with a card and a monthly subscription: the first bill paid, the second due for an hour.

    The bills before matter: PostgreSQL plans the checks of foreign keys once a connection, and where it found a table
    empty it reads all of it for each row from then on.
    """
    users, now = get_user_model(), clock.now()
    plan = Plan.objects.create(code="pro", name="Pro")
    price = Price.objects.create(plan=plan, code="pro", amount=9900, unit="month")
    customers = users.objects.bulk_create(
        (users(username=f"c{n}", email=f"c{n}@example.com", first_name="길동") for n in range(count)), batch_size=1000
    )
    keys = BillingKey.objects.bulk_create(
        (
            BillingKey(
                customer=customer, customer_uid=f"tk{customer.pk:030d}", state="active", channel="billing",
                expected_pg_provider=CHANNEL["pg_provider"], expected_pg_id=CHANNEL["pg_id"],
                expected_sandbox=CHANNEL["sandbox"], expires_at=now, registered_at=now,
            )
            for customer in customers
        ),
        batch_size=1000,
    )  # fmt: skip
    subscriptions = Subscription.objects.bulk_create(
        (
            Subscription(
                customer_id=key.customer_id, price=price, billing_key=key, state="active", cycle_no=1,
                anchor=clock.today() - dt.timedelta(days=33), next_bill_at=now - dt.timedelta(hours=1),
                live_slot=f"{key.customer_id}:pro", started_at=now,
            )
            for key in keys
        ),
        batch_size=1000,
    )  # fmt: skip
    _pay_first(subscriptions)
    analyze()


def _pay_first(subscriptions: list[Subscription]) -> None:
    """The bill that began each, as it stands after it was paid."""
    now, today = clock.now(), clock.today()
    orders = Order.objects.bulk_create(
        (
            Order(kind="cycle", customer_id=each.customer_id, name="Pro", amount=9900, state="paid", paid_at=now)
            for each in subscriptions
        ),
        batch_size=1000,
    )
    pairs = list(zip(subscriptions, orders, strict=True))
    BillingCycle.objects.bulk_create(
        (
            BillingCycle(
                subscription=each, order=order, number=1, period_start=each.anchor, amount=9900, state="paid",
                period_end=today - dt.timedelta(days=2), due_at=now, next_due_at=now, paid_at=now,
            )
            for each, order in pairs
        ),
        batch_size=1000,
    )  # fmt: skip
    payments = Payment.objects.bulk_create(
        (
            Payment(
                order=order, attempt_no=1, merchant_uid=f"first{order.pk}", amount=9900, state="paid", name="Pro",
                channel="billing", billing_key_id=each.billing_key_id, imp_uid=f"imp_{order.pk}", paid_at=now,
                paid_slot=order.pk, received_amount=9900, expires_at=now, expected_sandbox=True,
            )
            for each, order in pairs
        ),
        batch_size=1000,
    )  # fmt: skip
    Event.objects.bulk_create(
        (
            Event(kind=kind, order_id=each.order_id, payment=each, dispatched_at=now)
            for each in payments
            for kind in ("payment.paid", "order.paid", "bill.paid")
        ),
        batch_size=1000,
    )


def analyze() -> None:
    """Sweep up what was deleted, and let the planner know what there is."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
