"""Subscribers whose bill is due, here and at PortOne, and as many customers of the naive engine as are asked for."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from tests.chaos.ledger import GOOD, NO_FUNDS, register
from tests.chaos.naive import PRICE

# Three in a hundred are declined.
EVERY_DECLINE = 33
_BATCH = 500


def seed(sandbox: Any, *, due: int, naive: int, number: int) -> None:
    """Write them. The same `number` gives the same cards and tokens, and with them the same merchant_uids."""
    from tests.chaos.app import TABLES

    dice = random.Random(f"cards:{number}")
    cards = {f"card{dice.randbytes(14).hex()}": NO_FUNDS if n % EVERY_DECLINE == 0 else GOOD for n in range(1, due + 1)}
    others = [f"naive{n:030d}" for n in range(naive)]
    register(sandbox, cards | dict.fromkeys(others, GOOD))
    _subscribe(list(cards), [dice.randbytes(16).hex() for _ in cards])
    _make_tables(TABLES, others)


def _subscribe(uids: list[str], tokens: list[str]) -> None:
    from django.contrib.auth import get_user_model

    from portone_django import clock
    from portone_django.models import BillingKey, Plan, Price, Subscription

    user = get_user_model().objects.create_user("chaos")
    plan = Plan.objects.create(code="pro", name="프로")
    price = Price.objects.create(plan=plan, code="pro", amount=PRICE, unit="month")
    BillingKey.objects.bulk_create(
        (
            BillingKey(
                customer=user, customer_uid=uid, state="active", channel="billing", expected_pg_id="INIBillTst",
                expected_pg_provider="html5_inicis", expected_sandbox=True, expires_at=clock.wall(),
            )
            for uid in uids
        ),
        batch_size=_BATCH,
    )  # fmt: skip
    keys = {key.customer_uid: key for key in BillingKey.objects.all()}
    # The first period began two days ago a month ago: the second one is due, and the third is not.
    anchor, due_at = _anchor(clock.today()), clock.now() - dt.timedelta(minutes=1)
    Subscription.objects.bulk_create(
        (
            Subscription(
                customer=user, price=price, billing_key=keys[uid], state="active", live_slot=uid, token=token,
                anchor=anchor, cycle_no=1, next_bill_at=due_at,
            )
            for uid, token in zip(uids, tokens, strict=True)
        ),
        batch_size=_BATCH,
    )  # fmt: skip


def _anchor(today: dt.date) -> dt.date:
    """A day so long ago that exactly one month is over, at any hour of any date."""
    last_month = today.replace(day=1) - dt.timedelta(days=1)
    return min(last_month, last_month.replace(day=min(today.day, 28))) - dt.timedelta(days=2)


def _make_tables(tables: tuple[str, ...], others: list[str]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(table)
        cursor.executemany("INSERT INTO chaos_naive VALUES (%s, 'due')", [(uid,) for uid in others])
