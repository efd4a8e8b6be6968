"""A delivery is registered once whatever becomes of the answer; what the buyer is said to want decides nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection, transaction

from portone_django.exceptions import DeliveryNotPossible, DeliveryRefused, DeliveryUnknown, PaymentError
from portone_django.gateway import InsideTransaction, PortOneError
from portone_django.models import Payment
from tests.delivering import PARCEL, SENDER, SENT_AT, WHO, escrow_sale
from tests.shop import Shop
from tests.wire import fresh, kinds, overhear

pytestmark = pytest.mark.django_db(transaction=True)

LOST = [
    ("timeout_before", False), ("timeout_after", True), ("drop_before", False), ("drop_after", True),
    ("http_500", False), ("http_502", False), ("http_429", False), ("html_200", True), ("empty_200", True),
    ("malformed", True), ("truncated", True), ("redirect", False),
]  # fmt: skip


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of every write of a delivery that left."""
    calls: list[str] = []
    names = ("register_delivery", "change_delivery")
    overhear(monkeypatch, lambda each: calls.append(each.name) if each.name in names else None)
    return calls


def theirs(shop: Shop, payment: Payment) -> Any:
    found = shop.sandbox.deliveries.get(payment.imp_uid)
    return found and (found["company"], found["invoice"], found["sent_at"])


def ours(payment: Payment) -> tuple[Any, ...]:
    row = fresh(payment)
    sent_at = row.delivery_sent_at and int(row.delivery_sent_at.timestamp())
    return (row.delivery_company, row.delivery_invoice, sent_at) if row.delivery_applied_at else ()


def lose(shop: Shop, fault: str, *, times: int = 1, **where: Any) -> None:
    shop.sandbox.faults.add(fault, path="/escrows/*", times=times, **where)


# Deliveries ------------------------------------------------------------------------------------------------------


def test_a_delivery_is_registered_and_kept_without_its_addresses(shop: Shop) -> None:
    payment = escrow_sale(shop)
    assert payment.register_delivery(**WHO, **PARCEL) is payment
    assert theirs(shop, payment) == ours(payment) == ("CJGLS", "123456789012", int(SENT_AT.timestamp()))
    assert payment.delivery_applied_at is not None
    assert kinds(payment, "payment.delivery") == ["payment.delivery_requested", "payment.delivery_registered"]


def test_the_same_call_again_changes_nothing(shop: Shop, sent: list[str]) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    payment.register_delivery(**WHO, **PARCEL)
    assert kinds(payment, "payment.delivery").count("payment.delivery_registered") == 1
    assert len(sent) == 2


def test_another_delivery_of_the_same_sale_is_a_change(shop: Shop) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    with pytest.raises(DeliveryRefused, match=r"이미 배송정보가 등록된 결제건입니다.*change_delivery") as caught:
        payment.register_delivery(**WHO, **{**PARCEL, "invoice": "9"})
    assert caught.value.message == "이미 배송정보가 등록된 결제건입니다."
    assert ours(payment)[1] == "123456789012"
    payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9", "company": "EPOST"})
    assert theirs(shop, payment) == ours(payment) == ("EPOST", "9", int(SENT_AT.timestamp()))
    assert kinds(payment, "payment.delivery")[-1] == "payment.delivery_changed"


def test_what_was_never_registered_cannot_be_changed(shop: Shop) -> None:
    payment = escrow_sale(shop)
    with pytest.raises(DeliveryRefused, match="register_delivery"):
        payment.change_delivery(**WHO, **PARCEL)
    assert (theirs(shop, payment), ours(payment)) == (None, ())


def test_after_the_buyer_decided_nothing_is_changed(shop: Shop) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    shop.sandbox.escrow(payment.imp_uid, "escrow_confirm")
    with pytest.raises(DeliveryRefused, match="수정할 수 없는"):
        payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9"})
    assert ours(payment)[1] == "123456789012"


def test_only_an_escrow_sale_whose_money_is_here_is_delivered(shop: Shop, sent: list[str]) -> None:
    with pytest.raises(DeliveryNotPossible, match="no escrow sale"):
        shop.paid().register_delivery(**WHO, **PARCEL)
    started = shop.click(shop.order(), escrow=True)
    shop.window(started)
    with pytest.raises(PaymentError, match="the payment is pending"):
        shop.payment(started).register_delivery(**WHO, **PARCEL)
    refunded = escrow_sale(shop)
    refunded.refund(reason="x")
    with pytest.raises(DeliveryNotPossible, match="the payment is refunded"):
        refunded.register_delivery(**WHO, **PARCEL)
    assert sent == []


def test_an_undecided_payment_is_asked_about_first(shop: Shop) -> None:
    started = shop.click(shop.order(), escrow=True)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
    payment = shop.payment(started)
    assert payment.state == "pending"
    payment.register_delivery(**WHO, **PARCEL)
    assert (payment.state, payment.delivery_invoice) == ("paid", "123456789012")


def test_inside_a_transaction_nothing_is_sent(shop: Shop, sent: list[str]) -> None:
    payment = escrow_sale(shop)
    for verb in (payment.register_delivery, payment.change_delivery):
        with pytest.raises(InsideTransaction), transaction.atomic():
            verb(**WHO, **PARCEL)
    assert sent == []


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"company": "CJ"}, "courier codes: CJGLS, EPOST"),
        ({"company": ""}, "courier codes"),
        ({"invoice": ""}, "invoice must be"),
        ({"invoice": "1" * 41}, "invoice must be"),
        ({"invoice": "<b>"}, "invoice must be"),
        ({"invoice": 12345}, "invoice must be"),
        ({"sent_at": dt.datetime(2026, 8, 6)}, "time zone"),  # noqa: DTZ001 - that is what is refused
        ({"sent_at": 1785985200}, "must be a datetime"),
        ({"sent_at": dt.date(2026, 8, 6)}, "must be a datetime"),
    ],
)
def test_a_parcel_that_cannot_be_is_refused(shop: Shop, sent: list[str], wrong: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        escrow_sale(shop).register_delivery(**WHO, **{**PARCEL, **wrong})
    assert sent == []


@pytest.mark.parametrize(("fault", "is_done"), LOST)
def test_a_lost_answer_is_decided_by_looking_it_up(shop: Shop, fault: str, is_done: bool) -> None:
    payment = escrow_sale(shop)
    lose(shop, fault, method="POST")
    if is_done:
        payment.register_delivery(**WHO, **PARCEL)
    else:
        with pytest.raises(DeliveryUnknown, match=r"payment.register_delivery\(…\) again"):
            payment.register_delivery(**WHO, **PARCEL)
        assert ours(payment) == ()
        payment.register_delivery(**WHO, **PARCEL)
    assert ours(payment) == theirs(shop, payment)
    assert kinds(payment, "payment.delivery").count("payment.delivery_registered") == 1


@pytest.mark.parametrize(("fault", "is_done"), LOST)
def test_a_lost_change_is_decided_by_looking_it_up(shop: Shop, fault: str, is_done: bool) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    lose(shop, fault, method="PUT")
    if is_done:
        payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9"})
        assert ours(payment)[1] == "9"
    else:
        with pytest.raises(DeliveryUnknown, match="change_delivery"):
            payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9"})
        assert ours(payment)[1] == "123456789012"
    assert ours(payment) == theirs(shop, payment)


def test_a_lost_change_of_addresses_alone_is_not_taken_for_done(shop: Shop) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    lose(shop, "timeout_before", method="PUT")
    with pytest.raises(DeliveryUnknown):
        payment.change_delivery(sender=SENDER, receiver=SENDER, **PARCEL)


def test_when_the_look_up_is_lost_too_nothing_is_claimed(shop: Shop) -> None:
    payment = escrow_sale(shop)
    lose(shop, "timeout_after", times=20)
    with pytest.raises(DeliveryUnknown):
        payment.register_delivery(**WHO, **PARCEL)
    assert (ours(payment), theirs(shop, payment) is not None) == ((), True)
    with pytest.raises(PortOneError):
        payment.sync_delivery()
    shop.sandbox.faults.clear()
    assert payment.sync_delivery() is True
    assert ours(payment) == theirs(shop, payment)


@pytest.mark.parametrize("fault", ["refuse", "connect_timeout"])
def test_what_surely_did_not_leave_is_said_so(shop: Shop, fault: str) -> None:
    payment = escrow_sale(shop)
    lose(shop, fault, method="POST")
    with pytest.raises(DeliveryNotPossible, match="nothing was sent"):
        payment.register_delivery(**WHO, **PARCEL)
    assert payment.register_delivery(**WHO, **PARCEL).delivery_invoice == "123456789012"


def test_the_intent_is_seen_even_when_the_process_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = escrow_sale(shop)

    def killed(*args: Any, **options: Any) -> Any:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("portone_django.gateway.client.Client.register_delivery", killed)
        with pytest.raises(SystemExit):
            payment.register_delivery(**WHO, **PARCEL)
    assert kinds(payment, "payment.delivery") == ["payment.delivery_requested"]
    assert payment.register_delivery(**WHO, **PARCEL).delivery_invoice == "123456789012"


def test_a_look_up_tells_whether_something_is_registered(shop: Shop) -> None:
    payment = escrow_sale(shop)
    assert payment.sync_delivery() is False
    payment.register_delivery(**WHO, **PARCEL)
    assert payment.sync_delivery() is True
    with pytest.raises(DeliveryNotPossible):
        shop.paid().sync_delivery()


def test_names_telephones_and_addresses_are_in_no_row_and_no_log(shop: Shop, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    errors: list[str] = []
    for fault in (None, "http_400", "http_500", "timeout_after", "refuse"):
        payment = escrow_sale(shop)
        if fault:
            lose(shop, fault, method="POST", message="카나리아구매자 010-9753-1086 종달새길 31 86420 오류")
        try:
            payment.register_delivery(**WHO, **PARCEL)
        except PaymentError as error:
            errors.append(f"{error!r} {error} {vars(error)}")
    assert len(errors) == 3
    texts = [caplog.text, *errors, repr(SENDER), f"{WHO}"]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {table}")
            texts.append(repr(cursor.fetchall()))
    for canary in ("카나리아", "9753-1086", "종달새길", "97531", "86420"):
        assert [text for text in texts if canary in text] == []
