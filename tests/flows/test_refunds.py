"""Money goes back once: read first, intent before the send, settled by PortOne's cancel_history, unknown by asking."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from portone_django import refunds
from portone_django.clock import later
from portone_django.exceptions import NotRefundable, RefundConflict, RefundPending
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.refunds import carry_on
from portone_django.gateway import InsideTransaction
from portone_django.models import Event, Payment, Refund
from portone_django.refunds import RefundAccount
from portone_django.sandbox import cancelling
from portone_django.sandbox.refusals import Refused
from tests.shop import Shop
from tests.wire import cancels, cancels_sent, fresh

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = RefundAccount(bank="088", number="562-1110-5948400", holder="홍길동")


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return cancels_sent(monkeypatch)


# The ordinary cases ----------------------------------------------------------------------------------------------


def test_a_whole_refund_sends_the_balance_explicitly_and_tells_the_shop_once(shop: Shop) -> None:
    payment = shop.paid()
    refund = payment.order.refund(reason="변심")
    payment = fresh(payment)
    assert (refund.state, refund.amount, refund.checksum, refund.source) == ("succeeded", 12900, 12900, "app")
    assert (payment.state, payment.order.state, payment.order.refunded_amount) == ("refunded", "refunded", 12900)
    assert cancels(shop, payment) == [12900]
    assert refund.cancellation_id == shop.sandbox.payment(payment.imp_uid)["cancel_history"][0]["cancellation_id"]
    assert shop.delivered(payment.order, "order_refunded") == 1
    assert shop.delivered(payment.order, "payment_refunded") == 1


def test_many_parts_add_up_and_the_last_one_closes_the_payment(shop: Shop) -> None:
    payment = shop.paid()
    for amount in (900, 2000, 5000):
        assert payment.refund(amount=amount, reason="부분").state == "succeeded"
        assert payment.state == "partially_refunded"
    assert payment.refund(reason="나머지").amount == 5000
    payment = fresh(payment)
    assert (payment.state, payment.remaining_amount, payment.order.refunded_amount) == ("refunded", 0, 12900)
    assert cancels(shop, payment) == [900, 2000, 5000, 5000]
    with pytest.raises(NotRefundable, match="all of it went back"):
        payment.refund(reason="again")


@pytest.mark.parametrize("amount", [0, -1, 12901, True, "900", 900.0])
def test_no_amount_that_portone_could_take_for_everything_ever_leaves(shop: Shop, amount: Any) -> None:
    payment = shop.paid()
    with pytest.raises((TypeError, ValueError), match="amount"):
        payment.refund(amount=amount, reason="x")
    assert cancels(shop, payment) == []
    assert not Refund.objects.exists()


def test_every_cancel_on_the_wire_names_its_amount_and_its_checksum(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    payment.refund(amount=900, reason="부분")
    payment.refund(reason="나머지")
    assert [(each["amount"], each["checksum"]) for each in sent] == [(900, 12900), (12000, 12000)]


def test_a_reason_is_asked_for(shop: Shop) -> None:
    with pytest.raises(ValueError, match="reason is empty"):
        shop.paid().refund(amount=900, reason=" ")


def test_what_was_never_paid_cannot_be_refunded(shop: Shop) -> None:
    order = shop.order()
    payment = shop.payment(shop.click(order))
    with pytest.raises(NotRefundable, match="pending"):
        payment.refund(reason="x")
    with pytest.raises(NotRefundable, match="not settled"):
        order.refund(reason="x")


def test_an_undecided_payment_is_asked_about_before_anything_is_said_of_its_money(shop: Shop) -> None:
    started, _imp_uid = shop.pay(shop.order())
    payment = shop.payment(started)
    assert payment.state == "pending"
    assert payment.refund(amount=900, reason="x").state == "succeeded"
    assert fresh(payment).state == "partially_refunded"


def test_the_same_reference_is_one_refund(shop: Shop) -> None:
    payment = shop.paid()
    first = payment.refund(amount=900, reason="x", reference="return-17")
    assert payment.refund(amount=900, reason="x", reference="return-17").pk == first.pk
    assert cancels(shop, payment) == [900]
    with pytest.raises(RefundConflict):
        payment.refund(amount=1000, reason="x", reference="return-17")
    with pytest.raises(RefundConflict):
        shop.paid().refund(amount=900, reason="x", reference="return-17")


# Inside a transaction --------------------------------------------------------------------------------------------


def test_refund_inside_a_transaction_raises_and_says_what_to_write(shop: Shop) -> None:
    payment = shop.paid()
    with pytest.raises(InsideTransaction, match="request_refund"), transaction.atomic():
        payment.refund(reason="x")
    assert not Refund.objects.exists()


def test_a_requested_refund_is_reserved_now_and_sent_after_the_commit(shop: Shop) -> None:
    payment = shop.paid()
    with transaction.atomic():
        refund = payment.request_refund(amount=900, reason="x")
        assert refund.state == "reserved"
        assert cancels(shop, payment) == []
    refund.refresh_from_db()
    assert (refund.state, cancels(shop, payment)) == ("succeeded", [900])


def test_a_requested_refund_that_is_rolled_back_never_was(shop: Shop) -> None:
    payment = shop.paid()

    def host() -> None:
        with transaction.atomic():
            payment.request_refund(reason="x")
            raise RuntimeError("host")

    with pytest.raises(RuntimeError, match="host"):
        host()
    reconcile()
    assert cancels(shop, payment) == []
    assert not Refund.objects.exists()


def test_a_requested_refund_whose_process_died_is_sent_by_the_sweep(shop: Shop, monkeypatch: Any) -> None:
    payment = shop.paid()
    monkeypatch.setattr(refunds, "carry_on", lambda *args, **options: None)
    with transaction.atomic():
        refund = payment.request_refund(amount=900, reason="x")
    reconcile()
    assert cancels(shop, payment) == [], "the lease of the process that reserved it is not over"
    shop.quiet()
    assert reconcile().refunds == 1
    refund.refresh_from_db()
    assert (refund.state, cancels(shop, payment)) == ("succeeded", [900])


# One at a time ---------------------------------------------------------------------------------------------------


def test_while_one_refund_is_open_a_second_is_refused(shop: Shop) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    assert payment.refund(amount=900, reason="x").state == "unknown"
    with pytest.raises(RefundPending, match="900 won is unknown"):
        payment.refund(amount=100, reason="x")
    assert Refund.objects.count() == 1


def test_the_database_itself_refuses_a_second_open_refund_and_one_above_the_balance(shop: Shop) -> None:
    from django.db import IntegrityError

    payment = shop.paid()
    row = {"payment": payment, "imp_uid": payment.imp_uid, "source": "app", "reason": "x", "checksum": 12900}
    Refund.objects.create(**row, amount=1, open_slot=payment.imp_uid)
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(**row, amount=1, open_slot=payment.imp_uid)
    for wrong in ({"amount": 12901}, {"amount": 0}, {"amount": 10, "vat_amount": 11}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Refund.objects.create(**row, **wrong)
    for wrong in ({"cancel_amount": 12901}, {"external_refund_amount": 12901}, {"cancel_amount": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Payment.objects.filter(pk=payment.pk).update(**wrong)


def test_a_refund_requested_outside_of_a_transaction_is_answered_as_it_stands(shop: Shop) -> None:
    assert shop.paid().request_refund(amount=900, reason="x").state == "succeeded"


def test_an_order_whose_attempt_is_undecided_is_asked_about_before_anything_is_said_of_its_money(shop: Shop) -> None:
    shop.sandbox.settings.set(webhook_mode="off")
    order = shop.order()
    shop.pay(order)
    assert order.refund(reason="x").state == "succeeded"
    assert order.state == "refunded"


# Virtual accounts ------------------------------------------------------------------------------------------------


def test_a_virtual_accounts_money_goes_to_the_account_that_was_typed(shop: Shop) -> None:
    payment = shop.deposited()
    with pytest.raises(NotRefundable, match="RefundAccount"):
        payment.refund(amount=900, reason="x")
    assert payment.refund(amount=900, reason="x", account=ACCOUNT).state == "succeeded"
    assert payment.order.refund(reason="x", account=ACCOUNT).state == "succeeded"
    assert cancels(shop, payment) == [900, 12000]


def test_a_card_is_not_refunded_to_a_bank_account(shop: Shop) -> None:
    payment = shop.paid()
    with pytest.raises(ValueError, match="the way it came"):
        payment.refund(amount=900, reason="x", account=ACCOUNT)
    assert cancels(shop, payment) == []


def test_a_virtual_account_refund_is_never_sent_again_by_machine(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="x", account=ACCOUNT)
    assert refund.state == "unknown"
    for _ in range(3):
        shop.quiet()
        refund = refund.sync()
    assert (refund.state, refund.fail_reason, refund.send_count) == ("failed", "not_executed", 1)
    assert payment.refund(amount=900, reason="x", account=ACCOUNT).state == "succeeded"
    assert cancels(shop, payment) == [900]


def test_a_virtual_account_refund_that_could_not_leave_is_typed_again(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("http_503", method="GET", times=20)
    refund = payment.refund(amount=900, reason="x", account=ACCOUNT)
    assert (refund.state, refund.fail_reason) == ("failed", "unreachable")


def test_a_reserved_virtual_account_refund_whose_process_died_fails_and_says_so(shop: Shop, monkeypatch: Any) -> None:
    payment = shop.deposited()
    monkeypatch.setattr(refunds, "carry_on", lambda *args, **options: None)
    with transaction.atomic():
        refund = payment.request_refund(amount=900, reason="x", account=ACCOUNT)
    assert carry_on(refund).state == "reserved"
    Refund.objects.update(created_at=later(-200))
    assert (carry_on(refund).state, carry_on(refund).fail_reason) == ("failed", "account_lost")


def test_a_holders_name_that_portone_repeats_is_in_no_row(shop: Shop, monkeypatch: Any, caplog: Any) -> None:
    def refuse(request: Any) -> None:
        raise Refused(
            -1, f"결제취소에 실패하였습니다.(504908|예금주명 불일치 {request.refund_holder} {request.refund_account})"
        )

    monkeypatch.setattr(cancelling, "_check_refund_account", refuse)
    refund = shop.deposited().refund(reason="x", account=ACCOUNT)
    assert (refund.state, refund.refusal[-12:]) == ("failed", "불일치 *** ***)")
    assert "홍길동" not in caplog.text
    assert "홍길동" not in str(list(Event.objects.values_list("data", flat=True)))


def test_the_bank_account_is_in_no_row_and_no_text(shop: Shop, caplog: Any) -> None:
    payment = shop.deposited()
    caplog.set_level("DEBUG")
    shop.sandbox.faults.add("http_500", path="/payments/cancel")
    payment.refund(amount=900, reason="x", account=ACCOUNT)
    number = "56211105948400"
    assert number not in repr(ACCOUNT) + str(ACCOUNT) + caplog.text
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("portone_"):
                cursor.execute(f"SELECT * FROM {table}")
                assert number not in repr(cursor.fetchall())


@pytest.mark.parametrize(
    "wrong", [{"bank": "88"}, {"number": "12-34"}, {"number": "계좌"}, {"holder": " "}, {"tel": "abc"}], ids=str
)
def test_an_account_that_cannot_be_is_refused_without_being_repeated(wrong: dict[str, str]) -> None:
    fields = {"bank": "088", "number": "56211105948400", "holder": "홍길동", **wrong}
    with pytest.raises(ValueError, match="must be") as raised:
        RefundAccount(**fields)
    assert "5621110" not in str(raised.value)


# Taxes -----------------------------------------------------------------------------------------------------------


def test_parts_that_were_stated_must_be_stated_again(shop: Shop) -> None:
    payment = shop.paid(tax_free_amount=2900, vat_amount=909)
    with pytest.raises(ValueError, match=r"tax_free_amount=… \(0 to 900 won\)"):
        payment.refund(amount=900, reason="x")
    with pytest.raises(ValueError, match="vat_amount=…"):
        payment.refund(amount=900, tax_free_amount=900 - 11, reason="x")
    refund = payment.refund(amount=1100, tax_free_amount=0, vat_amount=100, reason="x")
    assert (refund.state, refund.tax_free_amount, refund.vat_amount) == ("succeeded", 0, 100)
    rest = payment.refund(reason="나머지")
    assert (rest.state, rest.amount, rest.tax_free_amount, rest.vat_amount) == ("succeeded", 11800, 2900, 809)


def test_parts_that_were_never_stated_cannot_be_refunded(shop: Shop) -> None:
    with pytest.raises(ValueError, match="not stated when the payment was made"):
        shop.paid().refund(amount=900, vat_amount=81, reason="x")


def test_a_zero_rated_payment_is_refunded_at_zero(shop: Shop) -> None:
    payment = shop.paid(tax_free_amount=0, vat_amount=0)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.tax_free_amount, refund.vat_amount) == ("succeeded", 0, 0)


def test_after_a_cancel_in_the_console_the_parts_are_asked_for(shop: Shop) -> None:
    payment = shop.paid(tax_free_amount=2900, vat_amount=909)
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    payment.sync()
    with pytest.raises(ValueError, match="tax_free_amount=…"):
        payment.refund(reason="x")
    assert payment.refund(tax_free_amount=2900, vat_amount=454, reason="x").state == "succeeded"
