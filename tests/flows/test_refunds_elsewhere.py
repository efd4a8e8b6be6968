"""Money that went back in PortOne's console, or outside of it."""

from __future__ import annotations

from typing import Any

import pytest

from portone_django.exceptions import RefundConflict
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Refund
from tests.shop import Shop
from tests.wire import cancels, cancels_sent, fresh, kinds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return cancels_sent(monkeypatch)


# The console and other hands -------------------------------------------------------------------------------------


def test_a_cancel_in_the_console_is_imported_by_its_webhook(shop: Shop) -> None:
    payment = shop.paid()
    record = shop.sandbox.console_cancel(payment.imp_uid, 2900)
    cancellation_id = record["cancel_history"][0]["cancellation_id"]
    shop.webhook(
        merchant_uid=payment.merchant_uid, imp_uid=payment.imp_uid, status="cancelled", cancellation_id=cancellation_id
    )
    reconcile()
    refund = Refund.objects.get()
    assert (refund.source, refund.state, refund.amount, refund.cancellation_id) == (
        "console", "succeeded", 2900, cancellation_id,
    )  # fmt: skip
    assert fresh(payment).order.refunded_amount == 2900
    assert shop.delivered(payment.order, "order_refunded") == 1


def test_a_cancel_in_the_console_between_the_look_and_the_send_is_told_and_nothing_is_sent(
    shop: Shop, monkeypatch: Any
) -> None:
    payment = shop.paid()
    from portone_django.flows import refunds as flow

    intend = flow._Errand._intend

    def console_first(self: Any) -> bool:
        shop.sandbox.console_cancel(payment.imp_uid, 5000)
        return intend(self)

    monkeypatch.setattr(flow._Errand, "_intend", console_first)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.fail_reason) == ("failed", "stale: 12900 → 7900")
    assert cancels(shop, payment) == [5000]
    assert [(each.source, each.state) for each in payment.refunds.order_by("pk")] == [
        ("app", "failed"), ("console", "succeeded"),
    ]  # fmt: skip


def test_a_cancel_in_the_console_before_the_look_costs_no_send(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.fail_reason, len(sent)) == ("failed", "stale: 12900 → 7900", 0)
    assert payment.remaining_amount == 7900
    assert payment.refund(amount=900, reason="x").state == "succeeded"


def test_a_refund_made_elsewhere_is_written_down_once_and_counts(shop: Shop) -> None:
    import datetime as dt

    payment = shop.paid()
    day = dt.date(2026, 8, 6)
    for _ in range(2):
        refund = payment.record_refund(amount=2900, refunded_on=day, reference="IBK-17", reason="계좌이체")
    assert (refund.source, refund.state, refund.refunded_on) == ("external", "succeeded", day)
    assert (payment.remaining_amount, payment.state, fresh(payment).order.refunded_amount) == (
        10000, "partially_refunded", 2900,
    )  # fmt: skip
    assert shop.delivered(payment.order, "order_refunded") == 1
    with pytest.raises(ValueError, match="10000"):
        payment.refund(amount=10001, reason="x")
    rest = payment.refund(reason="나머지")
    assert (rest.amount, rest.checksum, cancels(shop, payment)) == (10000, 12900, [10000])
    assert fresh(payment).state == "refunded"
    with pytest.raises(RefundConflict):
        payment.record_refund(amount=1, refunded_on=day, reference="IBK-17", reason="x")


def test_a_refund_made_elsewhere_cannot_be_of_tomorrow_or_of_nothing(shop: Shop) -> None:
    import datetime as dt

    payment = shop.paid()
    with pytest.raises(ValueError, match="future"):
        payment.record_refund(amount=1, refunded_on=dt.date(2100, 1, 1), reference="r", reason="x")
    with pytest.raises(ValueError, match="reference is empty"):
        payment.record_refund(amount=1, refunded_on=dt.date(2026, 1, 1), reference="", reason="x")
    with pytest.raises(ValueError, match="12900"):
        payment.record_refund(amount=12901, refunded_on=dt.date(2026, 1, 1), reference="r", reason="x")


def test_more_back_than_was_received_is_shown_not_lost(shop: Shop) -> None:
    import datetime as dt

    payment = shop.paid()
    payment.record_refund(amount=2900, refunded_on=dt.date(2026, 8, 6), reference="r", reason="x")
    shop.sandbox.console_cancel(payment.imp_uid)
    payment.sync()
    assert (payment.state, payment.cancel_amount, fresh(payment).order.refunded_amount) == ("refunded", 12900, 12900)
    assert "payment.over_refunded" in kinds(payment)
