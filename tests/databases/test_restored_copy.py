"""I4: an older copy of the database was restored; what PortOne did since is read from PortOne, and not done again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import serializers
from django.utils import timezone

from portone_django import refunds
from portone_django.models import Event, Order, Payment, Refund, WebhookDelivery
from portone_django.sandbox.cancelling import Cancel, cancel
from portone_django.sandbox.ledger import Refused
from tests.shop import Shop
from tests.wire import cancels, fresh

from .ledgers import differences, let_time_pass

pytestmark = pytest.mark.django_db(transaction=True)


class Copy:
    """What the rows of orders, payments, refunds and events were at this moment."""

    MODELS = (Order, Payment, Refund, Event)

    def __init__(self) -> None:
        self.rows = [serializers.serialize("json", model._default_manager.order_by("pk")) for model in self.MODELS]

    def restore(self) -> None:
        for model in reversed(self.MODELS):
            model._default_manager.all().delete()
        for rows in self.rows:
            for each in serializers.deserialize("json", rows):
                each.save()


def test_a_refund_that_was_lost_comes_back_as_a_cancel_of_the_console_with_its_id(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    copy = Copy()
    lost = payment.refund(amount=900, reason="x", reference="return-17")
    copy.restore()
    assert (Refund.objects.count(), fresh(payment).cancel_amount) == (0, 0)
    payment = fresh(payment).sync()
    found = Refund.objects.get()
    assert (found.source, found.state, found.amount) == ("console", "succeeded", 900)
    assert found.cancellation_id == lost.cancellation_id
    assert (payment.state, fresh(payment).order.refunded_amount, len(sent)) == ("partially_refunded", 900, 1)
    assert differences(shop) == []


@pytest.mark.parametrize("amount", [900, None])
def test_a_refund_that_was_lost_and_is_asked_for_again_is_not_sent_again(
    shop: Shop, sent: list[Any], amount: int | None
) -> None:
    payment = shop.paid()
    copy = Copy()
    first = payment.refund(amount=amount, reason="x", reference="return-17")
    copy.restore()
    again = fresh(payment).refund(amount=amount, reason="x", reference="return-17")
    assert (again.state, again.fail_reason) == ("failed", f"stale: 12900 → {12900 - first.amount}")
    assert (cancels(shop, payment), len(sent)) == ([first.amount], 1)
    assert [each.cancellation_id for each in Refund.objects.filter(source="console")] == [first.cancellation_id]
    assert differences(shop) == []


def test_a_refund_that_was_lost_on_its_way_cannot_be_done_beside_its_repetition(shop: Shop, sent: list[Any]) -> None:
    """The first is not in PortOne's record when the second is sent: only the checksum knows of it."""
    payment = shop.paid()
    copy = Copy()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    assert payment.refund(amount=900, reason="x").state == "unknown"
    copy.restore()
    assert fresh(payment).refund(amount=900, reason="x").state == "succeeded"
    late = sent[0]
    with pytest.raises(Refused):  # the first one, held up on its way until now
        cancel(shop.sandbox, Cancel(imp_uid=payment.imp_uid, amount=late["amount"], checksum=late["checksum"]))
    let_time_pass(shop)
    assert (cancels(shop, payment), len(sent)) == ([900], 2)
    assert differences(shop) == []


def test_a_refund_restored_to_before_its_send_is_found_done_and_not_sent(
    shop: Shop, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    with monkeypatch.context() as patch:
        patch.setattr(refunds, "carry_on", lambda refund, *args, **options: refund)
        refund = payment.refund(amount=900, reason="x")
    copy = Copy()
    assert refund.sync().state == "succeeded"
    copy.restore()
    assert Refund.objects.get().state == "reserved"
    let_time_pass(shop)
    assert (cancels(shop, payment), len(sent)) == ([900], 1)
    assert sorted(Refund.objects.values_list("source", "state")) == [("app", "failed"), ("console", "succeeded")]
    assert differences(shop) == []


def test_a_payment_restored_to_before_it_was_paid_is_settled_again_from_portone(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    copy = Copy()
    shop.callback(started, imp_uid)
    copy.restore()
    assert shop.payment(started).state == "pending"
    let_time_pass(shop)
    assert (shop.payment(started).state, shop.payment(started).order.state) == ("paid", "paid")
    # To the restored database it is news: the shop is told again, under another event_id.
    assert shop.delivered(order) == 2


def test_a_payment_whose_row_was_lost_is_not_taken_for_another_and_its_uid_is_not_used_again(shop: Shop) -> None:
    order = shop.order()
    copy = Copy()
    lost, imp_uid = shop.pay(order)
    copy.restore()
    uid = lost["params"]["merchant_uid"]
    assert shop.webhook(merchant_uid=uid, imp_uid=imp_uid, status="paid").status_code == 200
    let_time_pass(shop)
    assert not WebhookDelivery.objects.exists()
    assert not Payment.objects.exists()
    assert Order.objects.get().state == "open", "the comparison with PortOne's books shows the money"
    assert shop.click(order)["params"]["merchant_uid"] != uid


def test_a_record_that_is_older_than_its_row_is_held_for_a_person(shop: Shop) -> None:
    """A uid that another copy of this database gave away already: the money is not this attempt's."""
    started, imp_uid = shop.pay(shop.order())
    Payment.objects.update(created_at=timezone.now() + dt.timedelta(minutes=10))
    payment = shop.payment(started).sync()
    assert (payment.state, payment.imp_uid) == ("quarantined", imp_uid)
    assert "before this attempt existed" in payment.quarantine_reason
