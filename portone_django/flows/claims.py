"""Who works on a charge: whoever wins a compare-and-swap has it for LEASE_SECONDS of database time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.sql import Query

from ..clock import Tick, later, wall
from ..conf import LEASE_SECONDS
from ..lifecycles import OPEN_PAYMENT_STATES
from ..models import Payment
from .steps import can_skip_locked, in_one_statement, in_one_step

# Nothing of it is on its way: never tried, or surely not sent.
PLANNED = Q(state="created") | Q(state="pending", sent_at=None)
# What waits in a state that this version does not know waits for the workers of the later one.
_DUE = Q(charge_due_at__lte=Tick(), state__in=OPEN_PAYMENT_STATES)


def claim(limit: int) -> list[Payment]:
    """Take at most so many charges that are due, for LEASE_SECONDS of database time; nobody else gets them."""
    if not is_any(Payment.objects.filter(charge_due_at__lte=Tick()), by="charge_due_at"):
        return []
    token = new_lease()
    pks = in_one_step(lambda: _take(token, limit), is_join=True)
    if not pks:
        return []
    mine = Payment.objects.filter(pk__in=pks, lease_token=token)
    return list(mine.select_related("order").order_by("charge_due_at", "pk"))


def is_any(rows: QuerySet[Any], *, by: str) -> bool:
    """Whether there is one, by the index of that column: asked for the first in its order, a database goes there also
    when a table has grown faster than the statistics by which it chooses, and would otherwise read all of it."""
    return bool(rows.order_by(by).values_list("pk")[:1])


def claim_one(pk: int) -> Payment | None:
    """Take this charge, if it is due and nobody has it."""
    token = new_lease()
    mine = Payment.objects.filter(_DUE, pk=pk)
    if not in_one_statement(lambda: mine.update(**_leased(token))):
        return None
    return Payment.objects.select_related("order").filter(pk=pk, lease_token=token).first()


def intend(payments: Sequence[Payment], *, look_first: bool = False) -> list[Payment]:
    """Commit that these, planned and claimed under one lease, are being sent; those that somebody else has meanwhile,
    or that nobody wants any more, are left out. What is killed before it leaves counts as sent: it is asked about, so
    only what leaves at once is intended."""
    if not payments:
        return []
    lease = Payment.objects.filter(pk__in=[each.pk for each in payments], lease_token=payments[0].lease_token)
    done = in_one_statement(
        lambda: lease.filter(PLANNED, charge_due_at__gt=Tick()).update(
            state="pending",
            sent_at=Tick(),
            send_count=F("send_count") + 1,
            crash_count=F("crash_count") + 1,
            unseen_at=None,
            refusal="",
            look_first=look_first,
            charge_due_at=later(LEASE_SECONDS),
        )
    )
    mine = list(payments)
    if done != len(mine):
        sent = set(lease.filter(state="pending", sent_at__isnull=False).values_list("pk", flat=True))
        mine = [each for each in mine if each.pk in sent]
    for payment in mine:
        payment.state, payment.refusal, payment.look_first, payment.sent_at = "pending", "", look_first, wall()
        payment.send_count += 1
        payment.crash_count += 1
    return mine


def is_held(payment: Payment) -> bool:
    """Whether the lease is still ours, by the clock of the database. Asked before each send: written out, because the
    ORM takes longer to word the question than the database to answer it (benchmarks/)."""
    connection = transaction.get_connection()
    now, _ = Query(None).get_compiler(connection=connection).compile(Tick())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {Payment._meta.db_table} WHERE id = %s AND lease_token = %s AND charge_due_at > {now}",  # noqa: S608
            [payment.pk, payment.lease_token],
        )
        return cursor.fetchone() is not None


def new_lease() -> str:
    """The name of one claim."""
    return secrets.token_hex(16)


def _take(token: str, limit: int) -> list[int]:
    due = Payment.objects.filter(_DUE).order_by("charge_due_at")
    pks = list(due.select_for_update(skip_locked=can_skip_locked()).values_list("pk", flat=True)[:limit])
    if pks:
        Payment.objects.filter(_DUE, pk__in=pks).update(**_leased(token))
    return pks


def _leased(token: str) -> dict[str, Any]:
    return {"lease_token": token, "charge_due_at": later(LEASE_SECONDS)}
