"""Cancels: which payment, how much, under which conditions, and what the record says afterwards."""

import threading
from typing import Any

import pytest

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door, door_to, opened, paid, registered, waiting_account

ACCOUNT = {"refund_holder": "홍길동", "refund_bank": "88", "refund_account": "56211105948400"}


def cancel(door: Door, **body: Any) -> Any:
    return door.ok("POST", "/payments/cancel", json=body)


def refusal(door: Door, **body: Any) -> tuple[int, int, str]:
    return door.refused("POST", "/payments/cancel", json=body)


@pytest.mark.parametrize("amount", [None, 0])
def test_no_amount_or_zero_cancels_the_whole_rest(sandbox: Sandbox, door: Door, amount: int | None) -> None:
    imp_uid = paid(sandbox)
    cancel(door, imp_uid=imp_uid, amount=1_000)
    record = cancel(door, imp_uid=imp_uid, amount=amount)
    assert (record["status"], record["amount"], record["cancel_amount"]) == ("cancelled", 10_000, 10_000)


def test_a_partial_cancel_keeps_amount_paid_at_and_status_and_adds_an_entry(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    record = cancel(door, imp_uid=imp_uid, amount=1_000, reason="부분 환불")
    assert (record["status"], record["amount"], record["cancel_amount"]) == ("paid", 10_000, 1_000)
    assert record["paid_at"] > 0
    assert record["cancelled_at"] > 0
    entry = record["cancel_history"][0]
    assert (entry["amount"], entry["reason"], len(entry["cancellation_id"])) == (1_000, "부분 환불", 20)
    assert cancel(door, imp_uid=imp_uid, amount=2_000)["cancel_history"][0] == entry


def test_the_other_documented_style_calls_a_partly_cancelled_payment_cancelled(sandbox: Sandbox, door: Door) -> None:
    sandbox.settings.set(partial_cancel_status="cancelled")
    record = cancel(door, imp_uid=paid(sandbox), amount=1_000)
    assert (record["status"], record["cancel_amount"]) == ("cancelled", 1_000)
    assert cancel(door, imp_uid=record["imp_uid"], amount=9_000)["cancel_amount"] == 10_000


def test_an_invalid_imp_uid_fails_beside_a_valid_merchant_uid(sandbox: Sandbox, door: Door) -> None:
    paid(sandbox)
    unknown = (200, 1, "취소할 결제건이 존재하지 않습니다.")
    assert refusal(door, imp_uid="imp_000000000000", merchant_uid="order1") == unknown
    assert refusal(door, merchant_uid="unknown") == unknown
    assert refusal(door)[:2] == (200, 1)
    assert cancel(door, merchant_uid="order1")["status"] == "cancelled"


def test_what_was_never_paid_cannot_be_cancelled(sandbox: Sandbox, door: Door) -> None:
    sandbox.fail(opened(sandbox, "failed"))
    opened(sandbox, "left")
    registered(sandbox)
    for merchant_uid in ("failed", "left", "issue-card1"):
        assert refusal(door, merchant_uid=merchant_uid)[:2] == (200, 1)


def test_a_second_full_cancel_is_refused(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    cancel(door, imp_uid=imp_uid)
    assert refusal(door, imp_uid=imp_uid) == (200, 1, "이미 전액취소된 주문입니다.")
    assert refusal(door, imp_uid=imp_uid, amount=1_000) == (200, 1, "이미 전액취소된 주문입니다.")


def test_a_wrong_checksum_cancels_nothing(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    assert refusal(door, imp_uid=imp_uid, amount=1_000, checksum=9_000)[:2] == (200, 1)
    assert sandbox.payment(imp_uid)["cancel_amount"] == 0
    cancel(door, imp_uid=imp_uid, amount=1_000, checksum=10_000)
    assert cancel(door, imp_uid=imp_uid, checksum=9_000)["cancel_amount"] == 10_000


def test_of_many_cancels_with_one_checksum_one_succeeds(sandbox: Sandbox) -> None:
    imp_uid = paid(sandbox)
    barrier = threading.Barrier(6)
    codes: list[int] = []

    def send() -> None:
        door = door_to(sandbox)
        barrier.wait()
        codes.append(door.post("/payments/cancel", imp_uid=imp_uid, amount=1_000, checksum=10_000).json()["code"])

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [0, 1, 1, 1, 1, 1]
    assert sandbox.payment(imp_uid)["cancel_amount"] == 1_000


def test_more_than_the_balance_or_less_than_nothing_is_refused(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    assert "500826" in refusal(door, imp_uid=imp_uid, amount=10_001)[2]
    assert refusal(door, imp_uid=imp_uid, amount=-1)[:2] == (200, 1)
    assert sandbox.payment(imp_uid)["cancel_amount"] == 0


def test_a_deposited_account_needs_a_refund_account_with_a_known_bank(sandbox: Sandbox, door: Door) -> None:
    imp_uid = waiting_account(sandbox)
    sandbox.deposit(imp_uid)
    for missing in ACCOUNT:
        assert refusal(door, imp_uid=imp_uid, **{**ACCOUNT, missing: ""})[:2] == (200, -1)
    assert refusal(door, imp_uid=imp_uid, **{**ACCOUNT, "refund_bank": "99"})[:2] == (200, -1)
    assert cancel(door, imp_uid=imp_uid, **ACCOUNT)["status"] == "cancelled"


def test_the_refund_account_is_kept_nowhere(sandbox: Sandbox, door: Door) -> None:
    imp_uid = waiting_account(sandbox)
    sandbox.deposit(imp_uid)
    cancel(door, imp_uid=imp_uid, **ACCOUNT)
    with sandbox.store.read() as db:
        dump = "".join(db.iterdump())
    assert imp_uid in dump
    assert ACCOUNT["refund_account"] not in dump


def test_a_waiting_account_cannot_be_cancelled(sandbox: Sandbox, door: Door) -> None:
    assert refusal(door, imp_uid=waiting_account(sandbox), **ACCOUNT) == (
        200,
        1,
        "요청하신 건에 대해 입금된 내역이 없습니다",
    )


def test_vat_given_at_payment_must_be_given_again_and_not_exceeded(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, tax_free=2_000, vat_amount=500)
    assert refusal(door, imp_uid=imp_uid, amount=1_000)[:2] == (200, -1)
    assert refusal(door, imp_uid=imp_uid, amount=1_000, vat_amount=501)[:2] == (200, -1)
    assert cancel(door, imp_uid=imp_uid, amount=1_000, vat_amount=100, tax_free=1_500)["cancel_amount"] == 1_000
    assert refusal(door, imp_uid=imp_uid, amount=1_000, vat_amount=0, tax_free=501)[:2] == (200, -1)
    assert cancel(door, imp_uid=imp_uid, vat_amount=400, tax_free=500)["status"] == "cancelled"


def test_a_phone_payment_cannot_be_cancelled_in_the_next_month(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, pay_method="phone", digital=True)
    sandbox.advance(32 * 86_400)
    door.log_in()
    assert refusal(door, imp_uid=imp_uid)[:2] == (200, -1)


def test_escrow_allows_no_partial_cancel_and_none_after_delivery(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, escrow=True)
    assert refusal(door, imp_uid=imp_uid, amount=1_000)[:2] == (200, -1)
    sandbox.deliveries.put(imp_uid, {})
    assert "500685" in refusal(door, imp_uid=imp_uid)[2]


def test_inicis_can_refuse_an_explicit_amount_that_empties_the_balance(sandbox: Sandbox, door: Door) -> None:
    sandbox.settings.set(refuse_full_as_partial=True)
    imp_uid = paid(sandbox)
    assert "500749" in refusal(door, imp_uid=imp_uid, amount=10_000)[2]
    cancel(door, imp_uid=imp_uid, amount=1_000)
    assert "500625" in refusal(door, imp_uid=imp_uid, amount=9_000)[2]
    assert cancel(door, imp_uid=imp_uid)["status"] == "cancelled"


def test_a_cancel_at_inicis_leaves_portone_paid_and_the_api_refusing(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    sandbox.cancel_at_inicis(imp_uid)
    assert sandbox.payment(imp_uid)["status"] == "paid"
    assert refusal(door, imp_uid=imp_uid) == (200, -1, "결제취소에 실패하였습니다.(500626|기 취소 거래)")


def test_an_easy_pay_test_payment_cannot_be_cancelled_in_part(sandbox: Sandbox, door: Door) -> None:
    imp_uid = opened(sandbox)
    sandbox.approve(imp_uid, pay_method="kakaopay", emb_pg_provider="kakaopay")
    assert "500503" in refusal(door, imp_uid=imp_uid, amount=1_000)[2]
    assert cancel(door, imp_uid=imp_uid)["status"] == "cancelled"


def test_a_console_cancel_is_seen_by_the_api(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    sandbox.console_cancel(imp_uid, 3_000)
    found = door.ok("GET", "/payments/find/order1")
    assert (found["cancel_amount"], found["cancel_reason"]) == (3_000, "관리자페이지취소")


def test_a_form_cancels_as_well(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    body = {"imp_uid": imp_uid, "amount": "1000", "checksum": "10000"}
    assert door.ok("POST", "/payments/cancel", data=body)["cancel_amount"] == 1_000
