"""Cancels: what POST /payments/cancel and a human in the console may do, and how the record remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import catalogue
from .payments import Held
from .records import Record, kst, new_cancellation_id, new_pg_tid, receipt_url
from .refusals import Refused

if TYPE_CHECKING:
    from .ledger import Sandbox

UNNAMED = "imp_uid 또는 merchant_uid 중 하나는 지정해주셔야합니다."
NOT_FOUND = "취소할 결제건이 존재하지 않습니다."
ALREADY = "이미 전액취소된 주문입니다."
CHECKSUM = "취소 가능 금액이 일치하지 않습니다."


@dataclass(frozen=True)
class Cancel:
    """One request. `amount` None or 0 means the whole rest; `checksum` None is not checked."""

    imp_uid: str | None = None
    merchant_uid: str | None = None
    amount: int | None = None
    checksum: int | None = None
    tax_free: int | None = None
    vat_amount: int | None = None
    reason: str | None = None
    refund_holder: str | None = None
    refund_bank: str | None = None
    refund_account: str | None = None
    enable_webhook: bool = False
    by_console: bool = False


def cancel(sandbox: Sandbox, request: Cancel) -> Record:
    """The PaymentAnnotation after the cancel; Refused (in band) when it is not done. One transaction."""
    with sandbox.store.write():
        held = _find(sandbox, request)
        amount = _amount(held, request)
        _check_method(sandbox, held, request, amount)
        _check_inicis(sandbox, held, request, amount)
        _check_taxes(held, request)
        cancellation_id = _record(sandbox, held, request, amount)
        if request.by_console or (request.enable_webhook and held.facts.get("webhooked")):
            sandbox.webhooks.emit(held, "cancelled", cancellation_id)
        sandbox.payments.save(held, sandbox.now())
    return held.record


def _find(sandbox: Sandbox, request: Cancel) -> Held:
    if not (request.imp_uid or request.merchant_uid):
        raise Refused(1, UNNAMED)
    if request.imp_uid:  # it wins: an unknown one fails even beside a good merchant_uid
        candidates = [held for held in [sandbox.payments.get(request.imp_uid)] if held]
    else:
        candidates = sandbox.payments.of(request.merchant_uid or "")[::-1]
    if any(held.record["vbank_num"] and held.record["status"] == "ready" for held in candidates):
        raise Refused(1, "요청하신 건에 대해 입금된 내역이 없습니다")
    charged = [held for held in candidates if held.is_charged and held.record["customer_uid_usage"] != "issue"]
    if not charged:
        raise Refused(1, NOT_FOUND)
    return next((held for held in charged if held.remaining > 0), charged[0])


def _amount(held: Held, request: Cancel) -> int:
    if held.remaining <= 0:
        raise Refused(1, ALREADY)
    if request.checksum is not None and request.checksum != held.remaining:
        raise Refused(1, CHECKSUM)
    amount = request.amount or held.remaining
    if amount < 0:
        raise Refused(1, "취소 요청금액이 올바르지 않습니다.")
    if amount > held.remaining:
        raise _pg("500826|취소 요청 금액이 잔액보다 큼")
    return amount


def _check_method(sandbox: Sandbox, held: Held, request: Cancel, amount: int) -> None:
    record = held.record
    is_partial = amount < held.remaining or record["cancel_amount"] > 0
    if record["pay_method"] == "vbank" and not request.by_console:
        _check_refund_account(request)
    if record["pay_method"] == "phone" and kst(record["paid_at"]).strftime("%Y%m") != kst(sandbox.now()).strftime(
        "%Y%m"
    ):
        raise _pg("512714|취소 기한 초과")
    if record["escrow"]:
        if is_partial:
            raise _pg("500699|에스크로 거래는 부분취소가 불가능합니다")
        # "10": the buyer refused the goods and the merchant took them back.
        if sandbox.deliveries.get(held.imp_uid) is not None and held.facts.get("escrow_status") != "10":
            raise _pg("500685|에스크로 거래는 에스크로 모듈을 통해 취소")
    if is_partial and record["emb_pg_provider"] and record["sandbox"]:
        raise _pg("500503|간편결제 테스트 거래는 부분취소가 불가능합니다")


def _check_refund_account(request: Cancel) -> None:
    if not (request.refund_holder and request.refund_bank and request.refund_account):
        raise Refused(-1, "가상계좌 환불은 refund_holder, refund_bank, refund_account가 필요합니다.")
    if catalogue.kftc_bank(request.refund_bank) is None:
        raise _pg("504643|환불 은행코드 오류")


def _check_inicis(sandbox: Sandbox, held: Held, request: Cancel, amount: int) -> None:
    if held.facts.get("pg_cancelled"):
        raise _pg(f"{_method_code(held)}626|기 취소 거래")
    if not sandbox.settings["refuse_full_as_partial"] or not request.amount or amount != held.remaining:
        return
    if held.record["cancel_amount"]:
        raise _pg(f"{_method_code(held)}625|부분취소 일반취소불가")
    raise _pg(f"{_method_code(held)}749|부분취소로 전체금액 취소는 불가능")


def _method_code(held: Held) -> str:
    """The first three digits of Inicis' codes."""
    method = held.record["pay_method"]
    if method == "card":
        return "550" if held.record["customer_uid"] else "500"
    return {"vbank": "504", "trans": "506", "phone": "512"}.get(method, "500")


def _check_taxes(held: Held, request: Cancel) -> None:
    """VAT given at payment must be given again; nothing may be taken back twice."""
    if request.by_console:
        return
    if held.facts.get("vat_amount") is not None and request.vat_amount is None:
        raise _pg("부가세(vat_amount)를 지정한 거래는 취소 시에도 지정해야 합니다")
    for name, asked in (("tax_free", request.tax_free), ("vat_amount", request.vat_amount)):
        given, back = held.facts.get(name), held.facts.get(f"{name}_back", 0)
        if asked is not None and asked < 0:
            raise Refused(1, f"{name} 값이 올바르지 않습니다.")
        if asked and given is not None and asked + back > given:
            raise _pg(f"500706|부분취소 잔액 오류({name})")
        if asked:
            held.facts[f"{name}_back"] = back + asked


def _record(sandbox: Sandbox, held: Held, request: Cancel, amount: int) -> str:
    record, now = held.record, sandbox.now()
    cancellation_id = new_cancellation_id()
    reason = request.reason or "취소요청api"
    pg_tid = new_pg_tid(record, now)
    url = receipt_url(record["pg_tid"])
    record["cancel_history"] = [
        *record["cancel_history"],
        {
            "pg_tid": pg_tid,
            "amount": amount,
            "cancelled_at": now,
            "reason": reason,
            "cancellation_id": cancellation_id,
            "receipt_url": url,
        },
    ]
    record["cancel_receipt_urls"] = [*record["cancel_receipt_urls"], url]
    record |= {"cancel_amount": record["cancel_amount"] + amount, "cancelled_at": now, "cancel_reason": reason}
    record["status"] = "cancelled" if held.remaining == 0 else sandbox.settings["partial_cancel_status"]
    return cancellation_id


def _pg(text: str) -> Refused:
    return Refused(-1, f"결제취소에 실패하였습니다.({text})")
