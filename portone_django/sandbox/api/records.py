"""What is kept beside payments: cash receipts, escrow deliveries, identity results."""

from __future__ import annotations

import secrets
from typing import Any

from .. import amounts, escrow
from ..calls import Call, Reply, envelope
from ..documents import Documents
from ..payments import Held
from ..records import Record
from ..refusals import Refused, bad_request, not_found
from ..routing import route

_NO_RECEIPT = "현금영수증 발급 내역이 존재하지 않습니다."
_ADDRESS = ("name", "tel", "addr", "postcode")
_LOGIS = ("company", "invoice", "sent_at")


@route("POST", "/receipts/{imp_uid}")
def issue_receipt(call: Call) -> Reply:
    """For paid account transfers and virtual accounts, over what is left of the amount."""
    held = call.sandbox.payments.require(call.params["imp_uid"])
    if held.record["pay_method"] not in ("vbank", "trans") or not held.is_charged or held.remaining <= 0:
        raise Refused(1, "현금영수증을 발급할 수 없는 결제건입니다.", 400)
    return _issue(call, call.sandbox.receipts, "imp_uid", held.imp_uid, held.remaining)


@route("POST", "/receipts/external/{merchant_uid}")
def issue_external(call: Call) -> Reply:
    call.required("name")
    if not call.body.get("channel_key"):
        call.sandbox.note("lenient", "external receipt without channel_key (the document requires it)")
    amount = amounts.required(call.body.get("amount"), "amount")
    return _issue(call, call.sandbox.external_receipts, "merchant_uid", call.params["merchant_uid"], amount)


@route("GET", "/receipts/{imp_uid}")
def read_receipt(call: Call) -> Reply:
    return envelope(_receipt(call.sandbox.receipts, call.params["imp_uid"], 404))


@route("GET", "/receipts/external/{merchant_uid}")
def read_external(call: Call) -> Reply:
    return envelope(_receipt(call.sandbox.external_receipts, call.params["merchant_uid"], 404))


@route("DELETE", "/receipts/{imp_uid}")
def cancel_receipt(call: Call) -> Reply:
    return _cancel_receipt(call, call.sandbox.receipts, call.params["imp_uid"], 400)


@route("DELETE", "/receipts/external/{merchant_uid}")
def cancel_external(call: Call) -> Reply:
    return _cancel_receipt(call, call.sandbox.external_receipts, call.params["merchant_uid"], 404)


def _issue(call: Call, kept: Documents, id_name: str, key: str, amount: int) -> Reply:
    call.required("identifier")
    before = kept.get(key)
    if before and not before["cancelled_at"]:
        raise Refused(1, "이미 현금영수증이 발급되었습니다.", 400)
    tax_free = amounts.optional(call.body.get("tax_free"), "tax_free") or 0
    given = amounts.optional(call.body.get("vat_amount"), "vat_amount")
    receipt: Record = {
        id_name: key,
        "receipt_tid": f"INIcashRECT{secrets.randbelow(10**14):014d}",
        "apply_num": f"{secrets.randbelow(10**9):09d}",
        "type": call.text("type") or "person",
        "amount": amount,
        "vat": given if given is not None else (amount - tax_free) // 11,
        "receipt_url": None,
        "applied_at": call.sandbox.now(),
        "cancelled_at": 0,
    }
    if receipt["type"] not in ("person", "company"):
        raise bad_request("type 값이 올바르지 않습니다.")
    kept.put(key, receipt)
    return envelope(receipt)


def _receipt(kept: Documents, key: str, missing_status: int) -> Record:
    receipt = kept.get(key)
    if receipt is None:
        raise Refused(1, _NO_RECEIPT, missing_status)
    return receipt


def _cancel_receipt(call: Call, kept: Documents, key: str, missing_status: int) -> Reply:
    receipt = _receipt(kept, key, missing_status)
    receipt["cancelled_at"] = receipt["cancelled_at"] or call.sandbox.now()
    kept.put(key, receipt)
    return envelope(receipt)


@route("POST", "/escrows/logis/{imp_uid}")
def register_delivery(call: Call) -> Reply:
    with call.sandbox.store.write():
        held = _escrow(call)
        if call.sandbox.deliveries.get(held.imp_uid):
            raise Refused(1, "이미 배송정보가 등록된 결제건입니다.", 409)
        escrow.check_registrable(held)
        reply = _put_delivery(call)
        escrow.delivered(call.sandbox, held)
    return reply


@route("PUT", "/escrows/logis/{imp_uid}")
def change_delivery(call: Call) -> Reply:
    held = _escrow(call)
    if call.sandbox.deliveries.get(held.imp_uid) is None:
        raise Refused(1, "수정할 배송정보가 존재하지 않습니다.", 409)
    escrow.check_changeable(held)
    return _put_delivery(call)


@route("GET", "/escrows/logis/{imp_uid}")
def read_delivery(call: Call) -> Reply:
    delivery = call.sandbox.deliveries.get(_escrow(call).imp_uid)
    if delivery is None:
        raise Refused(1, "등록된 배송정보가 존재하지 않습니다.", 409)
    return envelope(delivery)


def _escrow(call: Call) -> Held:
    held = call.sandbox.payments.require(call.params["imp_uid"])
    if not held.record["escrow"]:
        raise Refused(1, "에스크로 결제건이 아닙니다.", 400)
    return held


def _put_delivery(call: Call) -> Reply:
    for name, parts in (("sender", _ADDRESS), ("receiver", _ADDRESS), ("logis", _LOGIS)):
        _check_parts(call.body.get(name), name, parts)
    logis = call.body["logis"]
    delivery: Record = {
        "company": str(logis["company"]),
        "invoice": str(logis["invoice"]),
        "sent_at": amounts.required(logis["sent_at"], "logis.sent_at"),
        "applied_at": call.sandbox.now(),
    }
    call.sandbox.deliveries.put(call.params["imp_uid"], delivery)
    return envelope(delivery)


def _check_parts(given: Any, name: str, parts: tuple[str, ...]) -> None:
    if not isinstance(given, dict) or any(not given.get(part) for part in parts):
        raise bad_request(f"{name} 파라미터({', '.join(parts)})가 누락되었습니다.")


@route("GET", "/certifications/{imp_uid}")
def read_certification(call: Call) -> Reply:
    return envelope(_certification(call))


@route("DELETE", "/certifications/{imp_uid}")
def erase_certification(call: Call) -> Reply:
    found = _certification(call)
    call.sandbox.certifications.remove(call.params["imp_uid"])
    return envelope(found)


def _certification(call: Call) -> Record:
    found = call.sandbox.certifications.get(call.params["imp_uid"])
    if found is None:
        raise not_found("인증결과가 존재하지 않습니다.")
    return found
