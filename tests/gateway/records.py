"""Records in PortOne's shape for the tests."""

from __future__ import annotations

from typing import Any


def payment(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "imp_uid": "imp_123456789012",
        "merchant_uid": "t0001",
        "pay_method": "card",
        "channel": "pc",
        "pg_provider": "html5_inicis",
        "pg_id": "INIpayTest",
        "pg_tid": "StdpayCARDINIpayTest20260806120102123456",
        "sandbox": True,
        "amount": 9900,
        "cancel_amount": 0,
        "currency": "KRW",
        "status": "paid",
        "started_at": 1785985200,
        "paid_at": 1785985260,
        "failed_at": 0,
        "cancelled_at": 0,
        "cancel_history": [],
        "customer_uid": None,
        "customer_uid_usage": None,
    }
    return record | changes


def billing_key(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "customer_uid": "key-1",
        "pg_provider": "html5_inicis",
        "pg_id": "INIBillTst",
        "sandbox": True,
        "card_name": "신한카드",
        "card_code": "366",
        "card_number": "559410*********4",
        "card_type": None,
        "inserted": 1785985200,
        "updated": 1785985200,
    }
    return record | changes


def schedule(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "customer_uid": "key-1",
        "merchant_uid": "t0002",
        "imp_uid": None,
        "schedule_at": 1788663600,
        "executed_at": 0,
        "revoked_at": 0,
        "amount": 8900,
        "currency": "KRW",
        "name": "월간 이용권",
        "schedule_status": "scheduled",
        "payment_status": None,
    }
    return record | changes


def page(items: list[Any], *, total: int | None = None, previous: int = 0, following: int = 0) -> dict[str, Any]:
    return {"total": len(items) if total is None else total, "previous": previous, "next": following, "list": items}


def receipt(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "imp_uid": "imp_123456789012",
        "receipt_tid": "INIcashRECTINIpayTest20260806120102",
        "apply_num": "012345678",
        "type": "person",
        "amount": 10000,
        "vat": 909,
        "receipt_url": None,
        "applied_at": 1785985320,
        "cancelled_at": 0,
    }
    return record | changes


def external_receipt(**changes: Any) -> dict[str, Any]:
    record = receipt(merchant_uid="shop-1", type="company")
    del record["imp_uid"]
    return record | changes


def delivery(**changes: Any) -> dict[str, Any]:
    record = {"company": "CJGLS", "invoice": "123456789012", "sent_at": 1785985200, "applied_at": 1785985210}
    return record | changes
