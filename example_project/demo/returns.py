"""The second half of the tour: money that goes back, and what keeps it from going back twice or never."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .expectation import expect, source_of

if TYPE_CHECKING:
    from .tour import Tour

WEBHOOK_SECONDS = 60.0
LATE_SECONDS = 60.0
# The webhook's worker and then the next sweep; without a webhook a declined attempt is asked about after two minutes.
POLICY_SECONDS = 240.0


def refund_a_part(tour: Tour) -> Iterator[str]:
    """An operator sends 2,900 of 12,900 back, in the admin."""
    tour.bought, tour.bought_uid = tour.buy("namu-blend")
    said = tour.operator.refund(tour.bought_uid, 2_900, "one bag arrived torn")
    expect(tour.cancels(tour.bought_uid) == [2_900], f"PortOne cancelled {tour.cancels(tour.bought_uid)}")
    page = tour.when(tour.bought, lambda page: page.kinds.count("order.refunded") == 1, 10)
    expect(page.marks["data-state"] == "paid", f"the order is {page.marks['data-state']}")
    yield f"the admin says: {said}"
    yield "PortOne's ledger has one cancel of 2,900; the order stays paid, the shop was told once"


def refund_the_rest(tour: Tour) -> Iterator[str]:
    """And then all that remains."""
    said = tour.operator.refund(tour.bought_uid, None, "changed their mind")
    expect(tour.cancels(tour.bought_uid) == [2_900, 10_000], f"PortOne cancelled {tour.cancels(tour.bought_uid)}")
    page = tour.when(tour.bought, lambda page: page.marks["data-state"] == "refunded", 10)
    expect(page.kinds.count("order.refunded") == 2, f"events: {page.events}")
    yield f"the admin says: {said}"
    yield "2,900 + 10,000 = 12,900: both ledgers agree, and the order is refunded"


def be_cancelled_in_the_console(tour: Tour) -> Iterator[str]:
    """Somebody cancels in PortOne's own console; only a webhook tells."""
    code, uid = tour.buy("dripbags")
    tour.switchboard.cancel(tour.record_of(uid)["imp_uid"], 5_000)
    page = tour.when(code, lambda page: "order.refunded" in page.kinds, WEBHOOK_SECONDS)
    yield f"5,000 won cancelled in PortOne's console; imported by the {source_of(page, 'order.refunded')}"


def be_paid_twice(tour: Tour) -> Iterator[str]:
    """A card is declined, another pays; then the first turns out paid after all. ON_DUPLICATE is "refund"."""
    code = tour.visitor.order("dripper-set")
    first = tour.visitor.open_window(tour.visitor.press(code, "pay-card"))
    uid = first.click.merchant_uid
    tour.switchboard.arm("late_paid", merchant_uid=uid, seconds=10)
    answer = tour.visitor.report(first, tour.visitor.act(first, "pay", choice="361"))
    expect(answer["state"] == "failed", f"complete answered {answer}")
    second = tour.visitor.open_window(tour.visitor.press(code, "pay-card"))
    answer = tour.visitor.report(second, tour.visitor.act(second, "pay", choice="366"))
    expect(answer["state"] == "paid", f"complete answered {answer}")
    # Two records that are paid: the first attempt's took its time.
    statuses = [tour.until_paid_at_portone(each, LATE_SECONDS) for each in (uid, second.click.merchant_uid)]
    yield f"the first attempt failed, the second paid; then PortOne says {' and '.join(statuses)}"
    page = tour.when(code, lambda page: "payment.refunded" in page.kinds, POLICY_SECONDS)
    expect(page.kinds.count("order.paid") == 1, f"events: {page.events}")
    expect("order.refunded" not in page.kinds, "the order's own money went back")
    kept = [record["amount"] - record["cancel_amount"] for record in tour.records(uid, second.click.merchant_uid)]
    expect(sum(kept) == 58_000, f"PortOne keeps {kept}")
    yield f"held by the {source_of(page, 'payment.held')}, sent back by policy; PortOne keeps 58,000 once"


def lose_the_answer_of_a_refund(tour: Tour) -> Iterator[str]:
    """PortOne cancels, and its answer never comes: 20 seconds of silence."""
    code, uid = tour.buy("decaf")
    tour.switchboard.arm("timeout_after", method="POST", path="/payments/cancel")
    said = tour.operator.refund(uid, 1_000, "delivered late")
    expect(tour.cancels(uid) == [1_000], f"PortOne cancelled {tour.cancels(uid)}")
    page = tour.when(code, lambda page: "order.refunded" in page.kinds, 30)
    expect(page.kinds.count("order.refunded") == 1, f"events: {page.events}")
    yield f"no answer, so PortOne was read; the admin says: {said}"
    yield "cancelled once, known once"
