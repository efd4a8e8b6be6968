"""What a worker's claim costs among 10,000 and among 1,000,000 subscriptions, and by which indexes it finds them.

DATABASE_URL=postgres://… python -m benchmarks.claim [--few 10000] [--many 1000000] [--claims 40]

A claim is what a drain does before it charges: take what waits, end what was cancelled, take the next step of declined
bills, and write 64 new bills with orders, lines and attempts. Every subscription has a paid bill behind it.
"""

from __future__ import annotations

import argparse
import statistics
import time

from . import due

from portone_django.flows.claims import claim, new_lease  # isort: skip
from portone_django.flows.planning import plan_due  # isort: skip
from portone_django.models import BillingCycle, CycleLine, Order, Payment, Subscription  # isort: skip
from tests.factories import PaymentFactory  # isort: skip
from tests.test_plans import PLANNING, check_the_planning, multiply  # isort: skip

BATCH, AIM = 64, 1.5
WARM = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--claims", type=int, default=40)
    options = parser.parse_args()
    with due.database("benchmarks.claim"):
        few = measure(options.few, options.claims)
        many = measure(options.many, options.claims)
        check_the_planning()
    print(f"  found by {', '.join(sorted(PLANNING))}")
    print(f"  {options.many:,} ÷ {options.few:,}: {many / few:.2f} (aim {AIM} at most)")


def measure(subscriptions: int, claims: int) -> float:
    """The median claim, in seconds."""
    due.empty()
    make(subscriptions, BATCH * (claims + WARM))
    took = []
    for _ in range(claims + WARM):
        began = time.perf_counter()
        payments = claim(BATCH)
        payments += plan_due(BATCH - len(payments), lease=new_lease())
        took.append(time.perf_counter() - began)
        assert len(payments) == BATCH
    middle = statistics.median(took[WARM:])
    print(
        f"  {subscriptions:,} subscriptions: {middle * 1000:.1f} ms, {middle / BATCH * 1000:.2f} ms a bill", flush=True
    )
    return middle


def make(subscriptions: int, waiting: int) -> None:
    """So many whose bill is due, and the others with a paid bill and ten days to go."""
    due.make_due(waiting)
    first = Subscription.objects.order_by("pk").first()
    assert first is not None
    first.pk, first.public_id, first.live_slot, first.token = None, "x", "x", "x"
    first.next_bill_at = due.clock.now() + due.dt.timedelta(days=10)
    first.save(force_insert=True)
    order = Order.objects.create(public_id="x", kind="cycle", name="Pro", amount=9900, state="paid")
    days = {"period_start": first.anchor, "period_end": due.clock.today(), "number": 1}
    cycle = BillingCycle.objects.create(
        subscription=first, order=order, state="paid", amount=9900, currency="KRW",
        due_at=first.started_at, next_due_at=first.next_bill_at, **days,
    )  # fmt: skip
    line = CycleLine.objects.create(cycle=cycle, kind="price", name="Pro", amount=9900)
    payment = PaymentFactory(
        order=order, state="paid", open_slot=None, customer_uid="x", imp_uid="x", next_check_at=None
    )
    more = subscriptions - waiting - 1
    multiply(first, more, public_id="$s", token="$t", live_slot="$l")
    multiply(order, more, public_id="$o", reference="NULL")
    multiply(cycle, more, subscription_id=f"{first.pk} + n.i", order_id=f"{order.pk} + n.i")
    multiply(line, more, cycle_id=f"{cycle.pk} + n.i")
    multiply(payment, more, order_id=f"{order.pk} + n.i", merchant_uid="$p", imp_uid="$i")
    assert (Subscription.objects.count(), Payment.objects.count()) == (subscriptions, subscriptions - waiting)
    due.analyze()


if __name__ == "__main__":
    main()
