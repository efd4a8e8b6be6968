"""What the shop hears at the end has the shape that PortOne and Inicis give it."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from portone_django.sandbox.catalogue import CHANNELS
from portone_django.sandbox.checkout import USER_CANCEL
from portone_django.sandbox.records import new_payment
from portone_django.sandbox.window.answers import callback_answer, is_decided, redirect_address, refusal_answer
from portone_django.sandbox.window.texts import DECLINES

NOON = 1785985200  # 2026-08-06 12:00:00 KST
SHOP = "https://shop.example/return/"


def record(**changes: Any) -> dict[str, Any]:
    source = {"name": "테스트 상품", "buyer_name": "홍길동", "buyer_tel": "010-0000-0000"}
    fresh = new_payment(
        imp_uid="imp_123456789012",
        merchant_uid="order1",
        channel=CHANNELS[0],
        device="pc",
        amount=10_000,
        now=NOON,
        source=source,
    )
    return {**fresh, **changes}


def paid(**changes: Any) -> dict[str, Any]:
    return record(status="paid", paid_at=NOON + 60, pg_tid="StdpayCARD", card_name="신한카드", **changes)


def account(**changes: Any) -> dict[str, Any]:
    return record(pay_method="vbank", vbank_num="56211900000000", vbank_date=1786287599, **changes)


def failed(reason: str) -> dict[str, Any]:
    return record(status="failed", fail_reason=reason, failed_at=NOON + 45)


def query(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address).query, keep_blank_values=True)


def test_the_current_script_tells_no_success_and_the_legacy_one_does() -> None:
    assert "success" not in callback_answer(paid(), is_legacy=False)
    assert callback_answer(paid(), is_legacy=True)["success"] is True
    assert callback_answer(failed("[1254] 잔액부족"), is_legacy=True)["success"] is False


def test_a_paid_answer_has_the_documented_fields() -> None:
    answer = callback_answer(paid(), is_legacy=False)
    assert set(answer) == {
        *("imp_uid", "pay_method", "merchant_uid", "name", "paid_amount", "currency", "pg_provider", "pg_type"),
        *("pg_tid", "apply_num", "buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode"),
        *("custom_data", "status", "paid_at", "receipt_url", "card_name", "bank_name", "card_quota", "card_number"),
    }
    assert (answer["paid_amount"], answer["paid_at"], answer["buyer_addr"]) == (10_000, NOON + 60, "")


def test_a_wallet_is_named_beside_inicis() -> None:
    answer = callback_answer(paid(pay_method="kakaopay", emb_pg_provider="kakaopay"), is_legacy=False)
    assert (answer["pg_provider"], answer["emb_pg_provider"]) == ("html5_inicis", "kakaopay")


def test_an_issued_account_is_told_as_ready_with_inicis_text_for_the_deadline() -> None:
    answer = callback_answer(account(), is_legacy=False)
    assert (answer["status"], answer["paid_at"]) == ("ready", 0)
    assert (answer["vbank_num"], answer["vbank_date"]) == ("56211900000000", "2026-08-09 23:59:59")
    assert "error_msg" not in answer


def test_a_buyers_cancel_has_neither_status_nor_error_code() -> None:
    answer = callback_answer(failed(USER_CANCEL), is_legacy=False)
    assert answer == {
        "imp_uid": "imp_123456789012",
        "pay_method": "card",
        "merchant_uid": "order1",
        "pg_provider": "html5_inicis",
        "pg_type": "payment",
        "error_msg": "사용자가 결제를 취소하셨습니다",
    }


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        *((text, code) for code, text in DECLINES.items()),
        ("500503|부분취소 불가", "500503"),
        ("F0004:실패했습니다 [코드: V023]", "V023"),
        ("고객사 요청에 의해 결제를 중단합니다. (상세사유 : 품절)", "F500"),
    ],
)
def test_a_decline_carries_inicis_own_code(reason: str, code: str) -> None:
    answer = callback_answer(failed(reason), is_legacy=False)
    assert (answer["error_code"], answer["error_msg"], answer["status"]) == (code, reason, "failed")


def test_a_record_left_ready_by_the_gateway_is_not_told_as_success() -> None:
    answer = callback_answer(record(), is_legacy=True)
    assert answer["success"] is False
    assert answer["error_code"] == "F500"


def test_a_refusal_before_the_window_has_no_imp_uid() -> None:
    refusal = refusal_answer("order1", code=None, message="이미 결제된 주문번호입니다.", imp_uid=None)
    assert refusal["imp_uid"] is None
    assert refusal["error_msg"] == "이미 결제된 주문번호입니다."


def test_a_phone_comes_back_with_exactly_the_two_uids_after_success() -> None:
    uids = [("imp_uid", "imp_123456789012"), ("merchant_uid", "order1")]
    assert query(redirect_address(SHOP, paid(), is_legacy=False)) == uids
    assert query(redirect_address(SHOP, account(), is_legacy=False)) == uids
    assert ("imp_success", "true") in query(redirect_address(SHOP, paid(), is_legacy=True))


def test_a_phone_comes_back_with_code_and_text_after_failure() -> None:
    declined = dict(query(redirect_address(SHOP, failed("[1254] 잔액부족 & more #1"), is_legacy=False)))
    assert (declined["error_code"], declined["error_msg"]) == ("1254", "[1254] 잔액부족 & more #1")
    cancelled = dict(query(redirect_address(SHOP, failed(USER_CANCEL), is_legacy=True)))
    assert (cancelled["error_code"], cancelled["imp_success"]) == ("F400", "false")


def test_what_the_address_already_carried_is_kept() -> None:
    address = redirect_address("https://shop.example/r?a=1&b=%26#top", paid(), is_legacy=False)
    assert query(address)[:2] == [("a", "1"), ("b", "&")]
    assert urlsplit(address).fragment == "top"
    assert redirect_address("myapp://done", paid(), is_legacy=False).startswith("myapp://done?imp_uid=")


@pytest.mark.parametrize(
    ("state", "decided"),
    [(record(), False), (account(), True), (paid(), True), (failed("x"), True), (record(status="cancelled"), True)],
)
def test_only_a_ready_record_without_account_is_still_open(state: dict[str, Any], decided: bool) -> None:
    assert is_decided(state) is decided
