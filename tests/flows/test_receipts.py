"""A cash receipt is issued at most once, what is not known is asked for, and its number is kept nowhere."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection, transaction

from portone_django.exceptions import ReceiptNotPossible
from portone_django.flows.receipt_number import ReceiptNumber
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import InsideTransaction
from portone_django.models import CashReceipt, Payment
from portone_django.refunds import RefundAccount
from tests.receipting import PHONE, lose, theirs
from tests.shop import Shop
from tests.wire import kinds, overhear

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = RefundAccount(bank="088", number="562-1110-5948400", holder="홍길동")


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Every write of a receipt that left: the call's name and its body."""
    calls: list[tuple[str, dict[str, Any]]] = []
    names = ("issue_receipt", "cancel_receipt")
    overhear(monkeypatch, lambda each: calls.append((each.name, dict(each.body or {}))) if each.name in names else None)
    return calls


# The ordinary cases ----------------------------------------------------------------------------------------------


def test_a_receipt_is_issued_over_what_was_paid_and_told_once(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    found = theirs(shop, payment)
    assert found
    assert (receipt.state, receipt.kind, receipt.amount, receipt.vat) == ("issued", "person", 12900, 1172)
    assert (receipt.apply_num, receipt.receipt_tid) == (found["apply_num"], found["receipt_tid"])
    assert (receipt.issued_at, receipt.cancelled_at, receipt.next_check_at, receipt.fail_reason) == (
        dt.datetime.fromtimestamp(found["applied_at"], dt.UTC), None, None, "",
    )  # fmt: skip
    assert shop.delivered(payment.order, "cash_receipt_issued") == 1
    assert kinds(payment, "receipt.") == ["receipt.requested", "receipt.issued"]
    assert [(name, body["identifier"], body["type"]) for name, body in sent] == [
        ("issue_receipt", "01097531086", "person")
    ]


def test_a_company_gets_proof_of_expenditure_and_the_buyer_is_named(shop: Shop, sent: list[Any]) -> None:
    receipt = shop.deposited().issue_cash_receipt(identifier="123-45-67890", kind="company")
    assert (receipt.state, receipt.kind) == ("issued", "company")
    assert sent[0][1] == {
        "identifier": "1234567890",
        "type": "company",
        "buyer_name": "홍길동",
        "buyer_email": "buyer@example.com",
        "buyer_tel": "010-0000-0000",
    }


def test_after_a_part_went_back_it_is_over_the_rest(shop: Shop) -> None:
    payment = shop.deposited()
    payment.refund(amount=2900, reason="x", account=ACCOUNT)
    assert payment.issue_cash_receipt(identifier=PHONE).amount == 10000


def test_a_cancel_in_the_console_that_nobody_told_of_is_learned_first(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.console_cancel(payment.imp_uid, 2900)
    receipt = payment.issue_cash_receipt(identifier=PHONE)
    assert (receipt.amount, payment.remaining_amount, payment.state) == (10000, 10000, "partially_refunded")


def test_it_can_be_taken_back_and_issued_anew(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    first = payment.issue_cash_receipt(identifier=PHONE)
    cancelled = payment.cancel_cash_receipt()
    assert (cancelled.pk, cancelled.state, cancelled.open_slot) == (first.pk, "cancelled", None)
    assert cancelled.cancelled_at is not None
    second = payment.issue_cash_receipt(identifier="1234567890", kind="company")
    assert (second.state, second.kind, CashReceipt.objects.count()) == ("issued", "company", 2)
    assert payment.state == "paid", "a receipt is not the money"
    assert [name for name, _ in sent] == ["issue_receipt", "cancel_receipt", "issue_receipt"]
    assert kinds(payment, "receipt.") == [
        "receipt.requested", "receipt.issued", "receipt.cancel_requested", "receipt.cancelled",
        "receipt.requested", "receipt.issued",
    ]  # fmt: skip


def test_cancelling_twice_sends_one_cancel(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    payment.issue_cash_receipt(identifier=PHONE)
    assert payment.cancel_cash_receipt().pk == payment.cancel_cash_receipt().pk
    assert [name for name, _ in sent] == ["issue_receipt", "cancel_receipt"]


# Taxes -----------------------------------------------------------------------------------------------------------


def test_parts_that_the_payment_stated_are_passed_on(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited(tax_free_amount=2900, vat_amount=909)
    payment.refund(amount=1100, tax_free_amount=0, vat_amount=100, reason="x", account=ACCOUNT)
    assert payment.issue_cash_receipt(identifier=PHONE).vat == 809
    assert (sent[0][1]["tax_free"], sent[0][1]["vat_amount"]) == (2900, 809)


def test_a_zero_rated_sale_is_zero_rated_on_its_receipt(shop: Shop, sent: list[Any]) -> None:
    assert shop.deposited(tax_free_amount=0, vat_amount=0).issue_cash_receipt(identifier=PHONE).vat == 0
    assert (sent[0][1]["tax_free"], sent[0][1]["vat_amount"]) == (0, 0)


def test_after_a_cancel_in_the_console_the_parts_are_asked_for(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited(tax_free_amount=2900, vat_amount=909)
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    with pytest.raises(ValueError, match=r"tax_free_amount=…, vat_amount=… of the 7900 won"):
        payment.issue_cash_receipt(identifier=PHONE)
    with pytest.raises(ValueError, match="vat_amount must be between"):
        payment.issue_cash_receipt(identifier=PHONE, tax_free_amount=2900, vat_amount=5001)
    assert (sent, CashReceipt.objects.count()) == ([], 0)
    assert payment.issue_cash_receipt(identifier=PHONE, tax_free_amount=2900, vat_amount=454).vat == 454


# What gets none --------------------------------------------------------------------------------------------------


def test_only_transfers_and_accounts_that_were_paid_get_one(shop: Shop, sent: list[Any]) -> None:
    with pytest.raises(ReceiptNotPossible, match="not for card"):
        shop.paid().issue_cash_receipt(identifier=PHONE)
    started = shop.click(shop.order(), pay_method="vbank")
    shop.sandbox.issue_vbank(shop.window(started), bank_code="088")
    with pytest.raises(ReceiptNotPossible, match="awaiting_deposit"):
        shop.payment(started).issue_cash_receipt(identifier=PHONE)
    refunded = shop.deposited()
    refunded.refund(reason="x", account=ACCOUNT)
    with pytest.raises(ReceiptNotPossible, match="the payment is refunded"):
        refunded.issue_cash_receipt(identifier=PHONE)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_what_the_pg_issued_already_is_not_issued_again(shop: Shop, sent: list[Any]) -> None:
    started = shop.click(shop.order(), pay_method="trans")
    shop.sandbox.approve(shop.window(started), pay_method="trans", bank_code="004")
    payment = shop.payment(started).sync()
    assert payment.cash_receipt_issued is True
    with pytest.raises(ReceiptNotPossible, match="KG Inicis issued one already"):
        payment.issue_cash_receipt(identifier=PHONE)
    assert sent == []
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cash_receipt_issued"] = False
    shop.sandbox.payments.save(held, shop.sandbox.now())
    with pytest.raises(ReceiptNotPossible, match="KG Inicis issued one already"):
        payment.issue_cash_receipt(identifier=PHONE)  # what was said when it was settled still counts
    Payment.objects.update(cash_receipt_issued=False)
    assert payment.issue_cash_receipt(identifier=PHONE).state == "issued", "an account transfer may have one"


def test_what_the_pg_issued_after_the_payment_was_settled_is_seen_too(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cash_receipt_issued"] = True
    shop.sandbox.payments.save(held, shop.sandbox.now())
    with pytest.raises(ReceiptNotPossible, match="KG Inicis issued one already"):
        payment.issue_cash_receipt(identifier=PHONE)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_a_flag_that_our_own_receipt_may_have_set_does_not_stop_the_next(shop: Shop) -> None:
    payment = shop.deposited()
    payment.issue_cash_receipt(identifier=PHONE)
    payment.cancel_cash_receipt()
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cash_receipt_issued"] = True
    shop.sandbox.payments.save(held, shop.sandbox.now())
    assert payment.issue_cash_receipt(identifier=PHONE).state == "issued"


def test_one_that_surely_did_not_leave_explains_no_flag_of_portones(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    lose(shop, "refuse")
    assert payment.issue_cash_receipt(identifier=PHONE).state == "failed"
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cash_receipt_issued"] = True
    shop.sandbox.payments.save(held, shop.sandbox.now())
    before = len(sent)
    with pytest.raises(ReceiptNotPossible, match="issued"):
        payment.issue_cash_receipt(identifier=PHONE)
    assert len(sent) == before


def test_while_nobody_knows_how_much_remains_none_is_issued(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    payment.refund(amount=900, reason="x", account=ACCOUNT)
    with pytest.raises(ReceiptNotPossible, match="refund is not decided"):
        payment.issue_cash_receipt(identifier=PHONE)


def test_money_that_went_back_elsewhere_would_be_on_portones_receipt(shop: Shop) -> None:
    payment = shop.deposited()
    payment.record_refund(amount=900, refunded_on=dt.date(2026, 8, 6), reference="transfer-1", reason="x")
    with pytest.raises(ReceiptNotPossible, match="outside PortOne"):
        payment.issue_cash_receipt(identifier=PHONE)


def test_nothing_is_sent_while_portone_does_not_show_the_payment(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("http_503", path="/payments/*", times=20)
    with pytest.raises(ReceiptNotPossible, match="Try again later"):
        payment.issue_cash_receipt(identifier=PHONE)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_inside_a_transaction_nothing_is_issued_or_cancelled(shop: Shop, sent: list[Any]) -> None:
    payment = shop.deposited()
    for verb in (lambda: payment.issue_cash_receipt(identifier=PHONE), payment.cancel_cash_receipt):
        with pytest.raises(InsideTransaction), transaction.atomic():
            verb()
    assert (sent, CashReceipt.objects.count()) == ([], 0)


def test_what_was_never_issued_is_not_cancelled(shop: Shop, sent: list[Any]) -> None:
    with pytest.raises(ReceiptNotPossible, match="none that was issued here"):
        shop.deposited().cancel_cash_receipt()
    assert sent == []


def test_a_kind_that_there_is_not_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match='kind must be "person"'):
        shop.deposited().issue_cash_receipt(identifier=PHONE, kind="business")


# The number ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["01012345678", "0111234567", "123-45-67890", "1" * 14, "1" * 18, "9" * 19])
def test_telephones_businesses_and_cards_are_numbers(number: str) -> None:
    assert ReceiptNumber(number).as_field() == number.replace("-", "")


@pytest.mark.parametrize(
    "number", ["", "0101234567x", "123456789", "1" * 12, "1" * 20, "\u0661" * 10, "٠١٠١٢٣٤٥٦٧٨", "010+1234+5678"]
)
def test_anything_else_is_refused_without_being_repeated(shop: Shop, sent: list[Any], number: str) -> None:
    payment = shop.deposited()
    with pytest.raises(ValueError, match="identifier must be") as caught:
        payment.issue_cash_receipt(identifier=number)
    assert number == "" or number not in str(caught.value)
    assert (sent, CashReceipt.objects.count()) == ([], 0)


@pytest.mark.parametrize("number", ["8202131234567", "820213-1234567", "820213 1234567"])
def test_a_resident_registration_number_is_never_taken(shop: Shop, sent: list[Any], number: str) -> None:
    with pytest.raises(ValueError, match="never taken") as caught:
        shop.deposited().issue_cash_receipt(identifier=number)
    assert "1234567" not in f"{caught.value} {caught.value!r}"
    assert sent == []


@pytest.mark.parametrize("fault", [None, "http_400", "http_500", "timeout_after", "refuse"])
def test_the_number_is_in_no_row_and_no_log(shop: Shop, caplog: pytest.LogCaptureFixture, fault: str | None) -> None:
    payment = shop.deposited()
    caplog.set_level("DEBUG")
    if fault:
        lose(shop, fault, method="POST", message="01097531086 (010-9753-1086) 오류")
    payment.issue_cash_receipt(identifier=PHONE)
    shop.quiet()
    reconcile()
    assert CashReceipt.objects.get().state in ("issued", "failed", "unknown")
    texts = [caplog.text, repr(ReceiptNumber(PHONE)), str(ReceiptNumber(PHONE))]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {table}")
            texts.append(repr(cursor.fetchall()))
    for text in texts:
        assert "97531086" not in text.replace("-", "")
