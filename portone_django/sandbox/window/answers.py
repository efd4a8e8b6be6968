"""What the shop's page is told when a window ends: the callback's object on a PC, the redirect's query on a phone."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.utils.encoding import iri_to_uri

from portone_django.sandbox.checkout import USER_CANCEL
from portone_django.sandbox.window.deadlines import korean_text

__all__ = ["callback_answer", "is_decided", "redirect_address", "refusal_answer"]

CANCELLED_CODE = "F400"
UNNAMED_CODE = "F500"
PG_CODE = re.compile(r"\[(?:코드:\s*)?([0-9A-Z]{4,6})\]|^([0-9A-Z]{4,6})\|")


def is_decided(record: Mapping[str, Any]) -> bool:
    """Whether the window has nothing left to ask: paid, failed, cancelled, or an account was issued."""
    return record["status"] != "ready" or bool(record.get("vbank_num"))


def callback_answer(record: Mapping[str, Any], *, is_legacy: bool) -> dict[str, Any]:
    """The object for `callback(rsp)`; `success` only in the legacy manner, as the current script has none."""
    body = _success(record) if _has_succeeded(record) else _failure(record)
    return {"success": _has_succeeded(record), **body} if is_legacy else body


def refusal_answer(merchant_uid: object, *, code: str | None, message: str, imp_uid: str | None) -> dict[str, Any]:
    """The object for `callback(rsp)` when the window never opened; usually without any imp_uid."""
    return {"imp_uid": imp_uid, "merchant_uid": merchant_uid, "error_code": code, "error_msg": message}


def redirect_address(address: str, record: Mapping[str, Any], *, is_legacy: bool) -> str:
    """`m_redirect_url` with the result keys added to its query; whatever it carried is kept."""
    keys = {"imp_uid": record["imp_uid"], "merchant_uid": record["merchant_uid"]}
    if is_legacy:
        keys["imp_success"] = "true" if _has_succeeded(record) else "false"
    if not _has_succeeded(record):
        keys |= {"error_code": _error_code(record) or CANCELLED_CODE, "error_msg": _error_message(record)}
    parts = urlsplit(address)
    query = "&".join(filter(None, [parts.query, urlencode(keys)]))
    return iri_to_uri(urlunsplit(parts._replace(query=query)))


def _has_succeeded(record: Mapping[str, Any]) -> bool:
    return record["status"] == "paid" or (record["status"] == "ready" and bool(record.get("vbank_num")))


def _success(record: Mapping[str, Any]) -> dict[str, Any]:
    answer = {key: record.get(key) for key in ("imp_uid", "pay_method", "merchant_uid", "name")}
    answer |= {"paid_amount": record["amount"], "currency": record.get("currency"), **_gateway(record)}
    answer["pg_tid"] = record.get("pg_tid")
    answer |= {f"buyer_{key}": record.get(f"buyer_{key}") or "" for key in ("name", "email", "tel", "addr", "postcode")}
    answer |= {"custom_data": record.get("custom_data"), "status": record["status"], "paid_at": record["paid_at"]}
    if record.get("vbank_num"):
        return answer | _account(record)
    answer |= {key: record.get(key) for key in ("apply_num", "receipt_url", "card_name", "bank_name")}
    return answer | {"card_quota": record.get("card_quota") or 0, "card_number": record.get("card_number")}


def _account(record: Mapping[str, Any]) -> dict[str, Any]:
    answer = {key: record.get(key) for key in ("bank_name", "vbank_num", "vbank_name", "vbank_holder")}
    # Inicis writes text here although the document promises unix seconds (checkout facts, section 4).
    return answer | {"vbank_date": korean_text(record["vbank_date"])}


def _failure(record: Mapping[str, Any]) -> dict[str, Any]:
    answer = {key: record.get(key) for key in ("imp_uid", "pay_method", "merchant_uid")} | _gateway(record)
    code = _error_code(record)
    if code is None:  # a buyer's cancel, observed: neither status nor error_code
        return answer | {"error_msg": _error_message(record)}
    return answer | {"status": record["status"], "error_code": code, "error_msg": _error_message(record)}


def _gateway(record: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"pg_provider": record.get("pg_provider"), "pg_type": "payment"}
    wallet = record.get("emb_pg_provider")
    return answer | {"emb_pg_provider": wallet} if wallet else answer


def _error_code(record: Mapping[str, Any]) -> str | None:
    """Inicis' own code out of the reason, None for a buyer's cancel."""
    reason = _error_message(record)
    if reason.startswith(USER_CANCEL):
        return None
    found = PG_CODE.search(reason)
    return (found[1] or found[2]) if found else UNNAMED_CODE


def _error_message(record: Mapping[str, Any]) -> str:
    return str(record.get("fail_reason") or "결제 결과를 확인할 수 없습니다")
