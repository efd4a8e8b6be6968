"""Prepared amounts, virtual accounts by API, receipts, escrow deliveries, identity results, codes, tiers."""

from typing import Any

from portone_django.sandbox.catalogue import TEST_CHANNEL
from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door, paid, waiting_account

ADDRESS = {"name": "홍길동", "tel": "010-0000-0000", "addr": "서울", "postcode": "00000"}
LOGIS = {"company": "CJGLS", "invoice": "123456789012", "sent_at": 1785985200}
DELIVERY = {"sender": ADDRESS, "receiver": ADDRESS, "logis": LOGIS}


def account(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    return {
        "channel_key": TEST_CHANNEL,
        "merchant_uid": "order1",
        "amount": 10_000,
        "vbank_code": "88",
        "vbank_due": sandbox.now() + 86_400,
        "vbank_holder": "상점명",
        "name": "테스트 상품",
        "buyer_name": "홍길동",
        "buyer_email": "buyer@example.com",
        "pg_api_key": "key",
        **changes,
    }


def test_a_prepared_amount_is_read_changed_and_unknown_ones_are_404(door: Door) -> None:
    body = {"merchant_uid": "order1", "amount": 10_000}
    assert door.refused("PUT", "/payments/prepare", json=body)[0] == 404
    assert door.refused("GET", "/payments/prepare/order1")[0] == 404
    expected = {"merchant_uid": "order1", "amount": 10_000, "currency": None}
    assert door.ok("POST", "/payments/prepare", data=body) == expected
    assert door.ok("GET", "/payments/prepare/order1") == expected
    assert door.ok("PUT", "/payments/prepare", json={**body, "amount": 9_000})["amount"] == 9_000
    assert door.ok("POST", "/payments/prepare", json={**body, "amount": 8_000})["amount"] == 8_000
    assert door.refused("POST", "/payments/prepare", json={"merchant_uid": "order1"})[0] == 400
    assert door.refused("POST", "/payments/prepare", json={**body, "merchant_uid": "x" * 41})[0] == 400


def test_an_account_by_api_waits_and_is_paid_by_a_deposit(sandbox: Sandbox, door: Door) -> None:
    record = door.ok("POST", "/vbanks", json=account(sandbox))
    assert (record["status"], record["vbank_code"], record["channel"]) == ("ready", "088", "api")
    assert record["vbank_holder"] == "상점명"
    assert sandbox.deposit(record["imp_uid"])["status"] == "paid"
    assert door.refused("POST", "/vbanks", json=account(sandbox))[:2] == (200, 1)


def test_an_account_by_api_refuses_bad_dates_banks_and_channels(sandbox: Sandbox, door: Door) -> None:
    assert door.refused("POST", "/vbanks", json=account(sandbox, vbank_due=sandbox.now() - 1))[:2] == (200, -1)
    assert door.refused("POST", "/vbanks", json=account(sandbox, vbank_code="99"))[0] == 400
    assert door.refused("POST", "/vbanks", json=account(sandbox, channel_key="unknown"))[:2] == (200, -1)
    assert door.refused("POST", "/vbanks", json=account(sandbox, amount="x"))[0] == 400
    assert sandbox.transactions() == []


def test_only_a_waiting_account_can_be_closed(sandbox: Sandbox, door: Door) -> None:
    imp_uid = waiting_account(sandbox)
    closed = door.ok("DELETE", f"/vbanks/{imp_uid}", params={"pg_api_key": "key"})
    assert (closed["status"], closed["fail_reason"]) == ("failed", "가상계좌가 말소되었습니다.")
    assert door.refused("DELETE", f"/vbanks/{imp_uid}")[0] == 400
    assert door.refused("DELETE", f"/vbanks/{paid(sandbox, 'card')}")[0] == 400
    assert door.refused("DELETE", "/vbanks/imp_000000000000")[0] == 404


def test_an_account_of_inicis_cannot_be_changed(sandbox: Sandbox, door: Door) -> None:
    assert door.refused("PUT", f"/vbanks/{waiting_account(sandbox)}", json={"amount": 1})[0] == 404


def test_the_holder_of_an_account_is_still_answered_for_old_clients(door: Door) -> None:
    query = {"bank_code": "088", "bank_num": "110-000-000000"}
    assert door.ok("GET", "/vbanks/holder", params=query)["bank_holder"]
    assert door.refused("GET", "/vbanks/holder", params={**query, "bank_code": "999"})[0] == 404


def test_a_receipt_is_issued_once_over_the_balance_read_and_cancelled(sandbox: Sandbox, door: Door) -> None:
    imp_uid = waiting_account(sandbox)
    path, body = f"/receipts/{imp_uid}", {"identifier": "01000000000"}
    assert door.refused("POST", path, json=body)[0] == 400
    sandbox.deposit(imp_uid)
    assert door.refused("GET", path)[0] == 404
    assert door.refused("DELETE", path)[0] == 400
    assert door.refused("POST", path, json={})[0] == 400
    receipt = door.ok("POST", path, json=body)
    assert (receipt["imp_uid"], receipt["amount"], receipt["vat"], receipt["type"]) == (imp_uid, 10_000, 909, "person")
    assert door.refused("POST", path, json=body)[0] == 400
    assert door.ok("GET", path) == receipt
    assert door.ok("DELETE", path)["cancelled_at"] > 0


def test_a_card_payment_gets_no_cash_receipt(sandbox: Sandbox, door: Door) -> None:
    assert door.refused("POST", f"/receipts/{paid(sandbox)}", json={"identifier": "01000000000"})[0] == 400


def test_an_outside_sale_has_a_receipt_by_merchant_uid(door: Door) -> None:
    path = "/receipts/external/offline1"
    assert door.refused("GET", path)[0] == 404
    assert door.refused("DELETE", path)[0] == 404
    body = {"name": "현장 판매", "amount": 11_000, "identifier": "01000000000", "channel_key": TEST_CHANNEL}
    receipt = door.ok("POST", path, json=body)
    assert (receipt["merchant_uid"], receipt["vat"]) == ("offline1", 1_000)
    assert door.ok("DELETE", path)["cancelled_at"] > 0


def test_a_delivery_is_registered_once_changed_and_read(sandbox: Sandbox, door: Door) -> None:
    path = f"/escrows/logis/{paid(sandbox, escrow=True)}"
    assert door.refused("GET", path)[0] == 409
    assert door.refused("PUT", path, json=DELIVERY)[0] == 409
    for part in DELIVERY:
        assert door.refused("POST", path, json={**DELIVERY, part: {}})[0] == 400
    assert door.ok("POST", path, json=DELIVERY)["invoice"] == "123456789012"
    assert door.refused("POST", path, json=DELIVERY)[0] == 409
    changed = {**DELIVERY, "logis": {**LOGIS, "invoice": "9"}}
    assert door.ok("PUT", path, json=changed)["invoice"] == "9"
    assert door.ok("GET", path)["invoice"] == "9"


def test_a_delivery_needs_an_escrow_payment(sandbox: Sandbox, door: Door) -> None:
    assert door.refused("POST", f"/escrows/logis/{paid(sandbox)}", json=DELIVERY)[0] == 400
    assert door.refused("GET", "/escrows/logis/imp_000000000000")[0] == 404


def test_an_identity_result_is_read_and_erased(door: Door) -> None:
    unknown = (404, -1, "인증결과가 존재하지 않습니다.")
    assert door.refused("GET", "/certifications/imp_1") == unknown
    assert door.refused("DELETE", "/certifications/imp_1") == unknown
    door.call("PUT", "/_sandbox/certifications/imp_1", json={"name": "김철수"})
    assert door.ok("GET", "/certifications/imp_1")["name"] == "김철수"
    assert door.ok("DELETE", "/certifications/imp_1")
    assert door.refused("GET", "/certifications/imp_1") == unknown


def test_codes_keep_their_leading_zeros(door: Door) -> None:
    assert door.ok("GET", "/cards/366") == {"code": "366", "name": "신한카드"}
    assert door.ok("GET", "/banks/004") == {"code": "004", "name": "KB국민은행"}
    assert {"code": "041", "name": "우리카드"} in door.ok("GET", "/cards")
    assert {"code": "092", "name": "토스뱅크"} in door.ok("GET", "/banks")
    assert door.refused("GET", "/cards/000")[0] == 404
    assert door.refused("GET", "/banks/4")[0] == 404


def test_a_tier_is_known_or_404(door: Door) -> None:
    assert door.ok("GET", "/tiers/SUB")["tier_code"] == "SUB"
    assert door.refused("GET", "/tiers/XYZ")[0] == 404
