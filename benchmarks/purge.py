"""How fast the purge is and how long it holds its locks: a million old webhooks and some old orders on PostgreSQL.

DATABASE_URL=postgres://… python -m benchmarks.purge [--webhooks 1000000] [--orders 20000]

It works in a database of its own, test_<name>, which it makes and drops.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.db import connection  # noqa: E402

from portone_django.flows import retention  # noqa: E402
from portone_django.models import Order, Payment, WebhookDelivery  # noqa: E402

WEBHOOKS = """
INSERT INTO portone_webhookdelivery
    (merchant_uid, imp_uid, status, cancellation_id, count, first_seen_at, last_seen_at, body, due_at, processed_at)
SELECT 't' || i, 'imp_' || i, 'paid', '', 1, old, old,
    jsonb_build_object('merchant_uid', 't' || i, 'imp_uid', 'imp_' || i, 'status', 'paid'), NULL, old
FROM generate_series(1, %s) AS n(i), (SELECT now() - interval '100 days' AS old) AS t
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--webhooks", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=20_000)
    options = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("Write: DATABASE_URL=postgres://user@host/name python -m benchmarks.purge")
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        measure(options.webhooks, options.orders)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def measure(webhooks: int, orders: int) -> None:
    make_webhooks(webhooks)
    make_orders(orders)
    transactions: list[tuple[float, str]] = []
    retention.in_one_step = timed(retention.in_one_step, transactions)
    report, seconds = clocked(retention.purge)
    assert (report.webhooks_deleted, report.orders_blanked) == (webhooks, orders)

    make_webhooks(webhooks)
    deleted, at_once = clocked(delete_in_one_statement)
    assert deleted == webhooks

    print(
        f"{report.rows:,} rows in {seconds:.1f} s: {report.rows / seconds:,.0f} rows/s, {len(transactions):,} commits"
    )
    for work in ("_delete", "_blank"):
        times = sorted(1000 * each for each, of in transactions if of == work)
        if times:
            print(f"  {work[1:]}: median {times[len(times) // 2]:.1f} ms, longest {times[-1]:.1f} ms")
    longest = max(each for each, _ in transactions)
    print(f"longest transaction: {1000 * longest:.1f} ms; all webhooks in one statement: {1000 * at_once:,.0f} ms")
    print(f"longest transaction ÷ one statement: {longest / at_once:.4f}")


def make_webhooks(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WEBHOOKS, [count])
        cursor.execute("VACUUM ANALYZE portone_webhookdelivery")


def make_orders(count: int) -> None:
    """Orders that were paid six years ago, one payment each, half of them by a virtual account."""
    then = retention.wall() - 6 * retention.KEEP_COMPARISONS
    buyer = {"buyer_name": "홍길동", "buyer_email": "buyer@example.com", "buyer_tel": "010-0000-0000"}
    sale: dict[str, Any] = {"name": "아메리카노 원두 500g", "amount": 12900, "paid_at": then}
    made = Order.objects.bulk_create([Order(state="paid", **sale, **buyer) for _ in range(count)], batch_size=1000)
    asked = {"channel": "checkout", "expected_pg_provider": "html5_inicis", "expected_pg_id": "INIpayTest"}
    payments = (
        Payment(
            order=order, attempt_no=1, merchant_uid=f"t{order.pk:024d}", state="paid", paid_slot=order.pk,
            received_amount=12900, expected_sandbox=True, expires_at=then, apply_num="30012345",
            vbank_num="56201234567890" if order.pk % 2 else "", **asked, **sale,
        )
        for order in made
    )  # fmt: skip
    Payment.objects.bulk_create(payments, batch_size=1000)
    Order.objects.update(created_at=then)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE portone_order")
        cursor.execute("VACUUM ANALYZE portone_payment")


def delete_in_one_statement() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {WebhookDelivery._meta.db_table} WHERE last_seen_at < now() - interval '90 days'")
        return int(cursor.rowcount)


def clocked(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    done = work()
    return done, time.perf_counter() - started


def timed(in_one_step: Callable[..., Any], times: list[tuple[float, str]]) -> Callable[..., Any]:
    """The step that retention takes, from BEGIN to COMMIT by the clock."""

    def step(work: Any) -> Any:
        done, seconds = clocked(lambda: in_one_step(work))
        times.append((seconds, getattr(work, "func", work).__name__))
        return done

    return step


if __name__ == "__main__":
    main()
