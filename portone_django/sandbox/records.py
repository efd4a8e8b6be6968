"""The wire shapes of PortOne V1: what a payment, a billing key and a schedule look like before anything happened."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from typing import Any

Record = dict[str, Any]

# The document's maximal lengths. What is longer is cut: what the real service does with it is not documented.
_LIMITS = {
    "name": 40, "buyer_name": 16, "buyer_email": 64, "buyer_tel": 16, "buyer_addr": 128, "buyer_postcode": 8,
    "customer_name": 20, "customer_tel": 20, "customer_email": 200, "customer_addr": 200, "customer_postcode": 8,
}  # fmt: skip
_KST = dt.timezone(dt.timedelta(hours=9))
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_payment(
    *, imp_uid: str, merchant_uid: str, channel: Record, device: str, amount: int, now: int, source: Record
) -> Record:
    """A `ready` PaymentAnnotation; `source` holds name, buyer_*, currency, custom_data as they were sent."""
    return {
        "imp_uid": imp_uid,
        "merchant_uid": merchant_uid,
        "pay_method": "card",
        "channel": device,
        "pg_provider": channel["pg_provider"],
        "emb_pg_provider": None,
        "pg_tid": None,
        "pg_id": channel["pg_id"],
        "sandbox": channel["sandbox"],
        "escrow": False,
        "apply_num": None,
        "bank_code": None,
        "bank_name": None,
        "card_code": None,
        "card_name": None,
        "card_issuer_code": None,
        "card_issuer_name": None,
        "card_publisher_code": None,
        "card_publisher_name": None,
        "card_quota": 0,
        "card_number": None,
        "card_type": None,
        "vbank_code": None,
        "vbank_name": None,
        "vbank_num": None,
        "vbank_holder": None,
        "vbank_date": 0,
        "vbank_issued_at": 0,
        "name": cut(source, "name"),
        "amount": amount,
        "cancel_amount": 0,
        "currency": source.get("currency") or "KRW",
        **{name: cut(source, name) for name in _LIMITS if name.startswith("buyer_")},
        "custom_data": json_text(source.get("custom_data")),
        "user_agent": None,
        "status": "ready",
        "started_at": now,
        "paid_at": 0,
        "failed_at": 0,
        "cancelled_at": 0,
        "fail_reason": None,
        "cancel_reason": None,
        "receipt_url": None,
        "cancel_history": [],
        "cancel_receipt_urls": [],
        "cash_receipt_issued": False,
        "customer_uid": None,
        "customer_uid_usage": None,
    }


def new_key(*, customer_uid: str, channel: Record, card_code: str, card_name: str, number: str, now: int) -> Record:
    """A CustomerAnnotation; `number` is masked already. Inicis tells no card_type for billing keys."""
    return {
        "customer_uid": customer_uid,
        "pg_provider": channel["pg_provider"],
        "pg_id": channel["pg_id"],
        "sandbox": channel["sandbox"],
        "customer_id": None,
        "card_name": card_name,
        "card_code": card_code,
        "card_issuer_code": None,
        "card_issuer_name": None,
        "card_publisher_code": None,
        "card_publisher_name": None,
        "card_number": number,
        "card_type": None,
        **{name: None for name in _LIMITS if name.startswith("customer_")},
        "inserted": now,
        "updated": now,
    }


def new_schedule(*, key: Record, merchant_uid: str, schedule_at: int, amount: int, source: Record) -> Record:
    """A ScheduleResultAnnotation; a missing buyer_* is filled from the key's customer_*."""
    return {
        "customer_uid": key["customer_uid"],
        "merchant_uid": merchant_uid,
        "imp_uid": None,
        "pg_provider": key["pg_provider"],
        "pg_id": key["pg_id"],
        "customer_id": key["customer_id"],
        "schedule_at": schedule_at,
        "executed_at": 0,
        "revoked_at": 0,
        "amount": amount,
        "currency": source.get("currency") or "KRW",
        "name": cut(source, "name"),
        **buyer(source, key),
        "custom_data": json_text(source.get("custom_data")),
        "schedule_status": "scheduled",
        "payment_status": None,
        "fail_reason": None,
    }


def buyer(source: Record, key: Record) -> Record:
    """The buyer_* of `source`, those missing taken from the key's customer_*."""
    names = [name for name in _LIMITS if name.startswith("buyer_")]
    found = {name: cut(source, name) for name in names}
    return {name: value or _cut(key.get(name.replace("buyer_", "customer_")), name) for name, value in found.items()}


def cut(source: Record, name: str) -> str | None:
    return _cut(source.get(name), name)


def _cut(value: Any, name: str) -> str | None:
    return None if value is None or value == "" else str(value)[: _LIMITS[name]]


def json_text(value: Any) -> str | None:
    """custom_data is kept as text: JSON when it was sent as anything else."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def new_imp_uid(prefix: str) -> str:
    return f"{prefix}_{secrets.randbelow(10**12):012d}"


def new_cancellation_id() -> str:
    return "".join(secrets.choice(_BASE32) for _ in range(20))


_TID_METHODS = {"card": "CARD", "trans": "DBNK", "vbank": "VBNK", "phone": "HPP_"}


def new_pg_tid(record: Record, now: int, *, issue: bool = False) -> str:
    """In the manner of Inicis: module, method, MID, Korean time, six digits."""
    module = {"api": "INIAPI", "mobile": "INIMX_"}.get(record["channel"], "Stdpay")
    method = "BILL" if issue else _TID_METHODS.get(record["pay_method"], "CARD")
    return f"{module}{method}{record['pg_id']}{kst(now):%Y%m%d%H%M%S}{secrets.randbelow(10**6):06d}"


def receipt_url(pg_tid: str) -> str:
    return f"https://iniweb.inicis.com/receipt/iniReceipt.jsp?noTid={pg_tid}&noMethod=1"


def kst(unix: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(unix, _KST)


# By length: strptime alone reads 20261223 as a morning in January.
_DAYS = {10: "%Y-%m-%d", 8: "%Y%m%d"}
_MOMENTS = {19: "%Y-%m-%d %H:%M:%S", 14: "%Y%m%d%H%M%S", 16: "%Y-%m-%d %H:%M", 12: "%Y%m%d%H%M"}


def kst_deadline(text: str) -> int | None:
    """Unix seconds of a window's `vbank_due`, Korean time; a day alone means its last second. None when unreadable."""
    form = (_DAYS | _MOMENTS).get(len(text))
    if form is None or not text.isascii():
        return None
    try:
        moment = dt.datetime.strptime(text, form).replace(tzinfo=_KST)
    except ValueError:
        return None
    return int(moment.timestamp()) + (86_399 if len(text) in _DAYS else 0)
