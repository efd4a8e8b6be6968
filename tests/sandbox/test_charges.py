"""Charges without the buyer: what succeeds, what declines, what is refused, and what two sends at once may do."""

import threading
from typing import Any

import pytest

from portone_django.sandbox.catalogue import BILLING_CHANNEL
from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import CARD, Door, door_to, registered, statuses


def again(door: Door, merchant_uid: str = "sub1", amount: int = 8_900, **changes: Any) -> Any:
    body = {"customer_uid": "card1", "merchant_uid": merchant_uid, "amount": amount, "name": "월간 이용권", **changes}
    return door.post("/subscribe/payments/again", **body).json()


def test_again_charges_the_key_without_the_buyer(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    record = again(door)["response"]
    assert (record["status"], record["channel"], record["customer_uid"]) == ("paid", "api", "card1")
    assert (record["customer_uid_usage"], record["card_type"], record["pg_id"]) == ("payment", None, "INIBillTst")
    assert record["imp_uid"].startswith("imps_")
    assert record["pg_tid"].startswith("INIAPICARDINIBillTst")


def test_a_declining_card_answers_code_0_and_status_failed(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox, card_number="5594100000001254")
    content = again(door)
    assert (content["code"], content["response"]["status"]) == (0, "failed")
    assert content["response"]["fail_reason"] == "[1254] 잔액부족"


def test_a_magic_amount_declines_a_good_key(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    assert again(door, amount=91_226)["response"]["fail_reason"] == "[1226] 도난, 분실카드"


def test_an_unknown_customer_is_refused_in_band(door: Door) -> None:
    assert again(door) == {"code": 1, "message": "등록되지 않은 구매자입니다.", "response": None}


def test_a_paid_merchant_uid_is_refused_and_a_failed_one_is_not(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    assert again(door, "a", 91_216)["response"]["status"] == "failed"
    assert again(door, "a")["response"]["status"] == "paid"
    assert again(door, "a") == {"code": 1, "message": "이미 승인완료된 merchant_uid 입니다.", "response": None}
    assert statuses(sandbox, "a") == ["failed", "paid"]


def test_a_refunded_merchant_uid_stays_used_up(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    sandbox.console_cancel(again(door)["response"]["imp_uid"])
    assert again(door)["code"] == 1


@pytest.mark.parametrize(
    "missing",
    [
        {"merchant_uid": ""},
        {"merchant_uid": "x" * 41},
        {"amount": "x"},
        {"amount": None},
        {"amount": True},
        {"amount": 1.5},
        {"customer_uid": ""},
    ],
)
def test_unreadable_parameters_are_400_in_the_envelope(sandbox: Sandbox, door: Door, missing: dict[str, Any]) -> None:
    registered(sandbox)
    body = {"customer_uid": "card1", "merchant_uid": "sub1", "amount": 100, "name": "x", **missing}
    assert door.refused("POST", "/subscribe/payments/again", json=body)[0] == 400
    assert statuses(sandbox, "sub1") == []


@pytest.mark.parametrize("amount", [0, -100])
def test_nothing_and_less_cannot_be_charged(sandbox: Sandbox, door: Door, amount: int) -> None:
    registered(sandbox)
    assert again(door, amount=amount)["code"] == -1


def test_a_missing_name_is_accepted_and_noted_or_400_when_inicis_insists(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    assert again(door, "a", name=None)["code"] == 0
    assert "without name" in sandbox.diary.entries()[0]["text"]
    sandbox.settings.set(require_name=True)
    body = {"customer_uid": "card1", "merchant_uid": "b", "amount": 100}
    refused = door.refused("POST", "/subscribe/payments/again", json=body)
    assert refused == (400, 1, "이니시스 빌링결제는 상품명이 필수입니다.")


def at_once(sandbox: Sandbox, mode: str) -> list[int]:
    """The codes of four sends of one merchant_uid that are all in flight together."""
    registered(sandbox)
    sandbox.settings.set(duplicate_mode=mode, approval_seconds=0.3)
    barrier = threading.Barrier(4)
    codes: list[int] = []

    def send() -> None:
        door = door_to(sandbox)
        barrier.wait()
        codes.append(again(door)["code"])

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sandbox.settings.set(approval_seconds=0)
    return sorted(codes)


def test_strict_refusal_is_atomic(sandbox: Sandbox) -> None:
    assert at_once(sandbox, "strict") == [0, 1, 1, 1]
    assert statuses(sandbox, "sub1") == ["paid"]


def test_weak_refusal_charges_all_that_are_in_flight_and_refuses_the_next(sandbox: Sandbox, door: Door) -> None:
    assert at_once(sandbox, "weak") == [0, 0, 0, 0]
    assert statuses(sandbox, "sub1") == ["paid"] * 4
    assert again(door)["code"] == 1


def test_without_refusal_every_send_charges(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    sandbox.settings.set(duplicate_mode="none")
    assert [again(door)["code"] for _ in range(2)] == [0, 0]
    assert statuses(sandbox, "sub1") == ["paid", "paid"]


def test_onetime_charges_a_keyed_in_card_and_keeps_it_when_asked(sandbox: Sandbox, door: Door) -> None:
    body = {**CARD, "merchant_uid": "key1", "amount": 3_000, "name": "키인 결제", "customer_uid": "card9"}
    record = door.ok("POST", "/subscribe/payments/onetime", json=body)
    assert (record["status"], record["customer_uid"], record["card_number"]) == (
        "paid",
        "card9",
        "559410*********0",
    )
    assert again(door, customer_uid="card9")["response"]["status"] == "paid"


def test_onetime_without_a_customer_uid_keeps_no_key(sandbox: Sandbox, door: Door) -> None:
    record = door.ok("POST", "/subscribe/payments/onetime", json={**CARD, "merchant_uid": "key1", "amount": 3_000})
    assert (record["status"], record["customer_uid"], record["customer_uid_usage"]) == ("paid", None, None)
    assert sandbox.keys.get("") is None


def test_what_onetime_leaves_out_is_noted(sandbox: Sandbox, door: Door) -> None:
    door.ok("POST", "/subscribe/payments/onetime", json={**CARD, "merchant_uid": "key1", "amount": 3_000})
    notes = " ".join(entry["text"] for entry in sandbox.diary.entries())
    assert "buyer_name, buyer_email, buyer_tel" in notes


@pytest.mark.parametrize(
    "card",
    [
        {"card_number": "1234"},
        {"card_number": "5594-1000-0000-1214"},
        {"expiry": "2019-03"},
        {"expiry": "12/30"},
        {"card_number": ""},
    ],
)
def test_a_card_that_does_not_register_is_refused_in_band_by_onetime_and_issue(
    sandbox: Sandbox, door: Door, card: dict[str, str]
) -> None:
    body = {**CARD, "merchant_uid": "key1", "amount": 3_000, **card}
    refused = door.refused("POST", "/subscribe/payments/onetime", json=body)
    assert refused[:2] == (200, -1)
    assert refused[2].startswith("카드정보 인증에 실패하였습니다.")
    refused = door.refused("POST", "/subscribe/customers/card1", json={**CARD, **card})
    assert refused[:2] == (200, -1)
    assert refused[2].startswith("카드정보 인증 및 빌키 발급에 실패하였습니다.")
    assert (sandbox.transactions(), sandbox.keys.get("card1")) == ([], None)


def test_card_data_is_kept_nowhere(sandbox: Sandbox, door: Door) -> None:
    secret = {"card_number": "5594-1077-8877-6655", "expiry": "2097-11", "birth": "991231", "pwd_2digit": "73"}
    body = {**secret, "merchant_uid": "key1", "amount": 3_000, "customer_uid": "card9", "name": "x"}
    door.ok("POST", "/subscribe/payments/onetime", json=body)
    door.ok("POST", "/subscribe/customers/card8", json={**secret, "channel_key": BILLING_CHANNEL})
    with sandbox.store.read() as db:
        dump = "".join(db.iterdump())
    assert "card9" in dump
    for canary in ("5594107788776655", "5594-1077", "77887766", "2097-11", "991231"):
        assert canary not in dump


def test_a_form_charges_as_well(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    body = {"customer_uid": "card1", "merchant_uid": "sub1", "amount": "8900", "name": "월간 이용권"}
    assert door.ok("POST", "/subscribe/payments/again", data=body)["amount"] == 8_900
