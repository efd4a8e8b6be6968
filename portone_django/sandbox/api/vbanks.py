"""Virtual accounts by API: issue one, close a waiting one, ask for a holder's name."""

from __future__ import annotations

from .. import amounts, catalogue, checkout
from ..calls import Call, Reply, envelope
from ..charging import ALREADY_PAID
from ..deciding import mark_failed
from ..opening import urls
from ..payments import Held
from ..records import new_imp_uid, new_payment
from ..refusals import Refused, bad_request, not_found
from ..routing import route

_CLOSED = "가상계좌가 말소되었습니다."


@route("POST", "/vbanks")
def issue(call: Call) -> Reply:
    sandbox = call.sandbox
    merchant_uid = call.required("merchant_uid")
    amount = amounts.required(call.body.get("amount"), "amount")
    due = amounts.required(call.body.get("vbank_due"), "vbank_due")
    bank = catalogue.kftc_bank(call.required("vbank_code"))
    if len(merchant_uid) > 40 or amount <= 0 or bank is None:
        raise bad_request("merchant_uid, amount 또는 vbank_code 값이 올바르지 않습니다.")
    if due <= sandbox.now():
        raise Refused(-1, "[504640] 입금기한 오류")
    _note_missing(call)
    channel = sandbox.channel(call.text("channel_key"), call.text("pg") or "html5_inicis")
    if channel is None:
        raise Refused(-1, "등록된 PG 설정 정보가 없습니다.")
    with sandbox.store.write():
        if sandbox.duplicates.is_refused(merchant_uid, at_record=True):
            raise Refused(1, ALREADY_PAID)
        record = new_payment(
            imp_uid=new_imp_uid("imp"),
            merchant_uid=merchant_uid,
            channel=channel,
            device="api",
            amount=amount,
            now=sandbox.now(),
            source=call.body,
        )
        record["pay_method"] = "vbank"
        held = Held(record, {"device": "api", "notice_url": urls(call.body.get("notice_url"))})
        checkout.put_account(sandbox, held, bank, due, (call.text("vbank_holder") or "（주）케이지이니시")[:16])
        sandbox.webhooks.emit(held, "ready")
        sandbox.payments.save(held, sandbox.now())
    return envelope(held.record)


@route("DELETE", "/vbanks/{imp_uid}")
def close(call: Call) -> Reply:
    """Only an account that nobody has paid into; shows as failed."""
    sandbox = call.sandbox
    with sandbox.store.write():
        held = sandbox.payments.require(call.params["imp_uid"])
        if held.record["pay_method"] != "vbank" or held.record["status"] != "ready" or not held.record["vbank_num"]:
            raise Refused(1, "입금대기중인 가상계좌가 아닙니다.", 400)
        if not call.text("pg_api_key"):
            sandbox.note("lenient", "virtual account closed without pg_api_key (required for html5_inicis)")
        mark_failed(held.record, _CLOSED, sandbox.now())
        sandbox.payments.save(held, sandbox.now())
    return envelope(held.record)


@route("GET", "/vbanks/holder")
def holder(call: Call) -> Reply:
    """Not in the document any more; published clients still call it."""
    bank = catalogue.kftc_bank(call.required("bank_code"))
    if bank is None or not call.required("bank_num").replace("-", "").isdigit():
        raise not_found("예금주를 찾을 수 없습니다.")
    return envelope({"bank_holder": "홍길동"})


def _note_missing(call: Call) -> None:
    names = ("channel_key", "vbank_holder", "buyer_name", "buyer_email", "pg_api_key")
    missing = [name for name in names if not call.text(name)]
    if missing:
        call.sandbox.note("lenient", f"virtual account issued without {', '.join(missing)}")
