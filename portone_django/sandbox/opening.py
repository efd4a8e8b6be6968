"""Whether the payment window opens: what is refused beforehand, and the `ready` record that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .amounts import whole
from .payments import Held
from .records import Record, new_imp_uid, new_payment
from .refusals import WindowRefused

if TYPE_CHECKING:
    from .ledger import Sandbox


def open_window(sandbox: Sandbox, params: dict[str, Any], *, device: str, user_agent: str) -> Record:
    """The `ready` PaymentAnnotation of a window that opens; WindowRefused when it does not."""
    merchant_uid, amount = _merchant_uid(params), _amount(params)
    channel = _channel(sandbox, params)
    _check_buyer(params, channel)
    _check_billing(params, channel)
    with sandbox.store.write():
        _check_prepared(sandbox, merchant_uid, amount, params.get("currency") or "KRW")
        if sandbox.settings["duplicate_mode"] != "none" and sandbox.payments.is_charged(merchant_uid):
            raise WindowRefused("F400", "이미 결제된 주문번호입니다.")
        held = _ready(sandbox, params, device, user_agent, channel, merchant_uid, amount)
        sandbox.payments.save(held, sandbox.now())
    return held.record


def _merchant_uid(params: dict[str, Any]) -> str:
    merchant_uid = params.get("merchant_uid")
    if not isinstance(merchant_uid, str) or not merchant_uid.strip():
        raise WindowRefused("F400", "merchant_uid는 문자열로 반드시 지정해야 합니다.")
    if len(merchant_uid) > 40:
        raise WindowRefused("F400", "merchant_uid는 40자를 넘을 수 없습니다.")
    return merchant_uid


def _amount(params: dict[str, Any]) -> int:
    raw = params.get("amount")
    amount = whole(raw) if isinstance(raw, int | float) else None
    if amount is None:
        raise WindowRefused("F400", "amount는 숫자여야 합니다.")
    if amount < 0 or (amount == 0 and not params.get("customer_uid")):
        raise WindowRefused("F400", "결제금액이 올바르지 않습니다.")
    return amount


def _channel(sandbox: Sandbox, params: dict[str, Any]) -> Record:
    channel = sandbox.channel(params.get("channelKey"), params.get("pg"))
    if channel is None or channel["type"] != "payment":
        raise WindowRefused("NOT_READY", "등록된 PG 설정 정보가 없습니다. channelKey(또는 pg)를 확인해 주세요.")
    return channel


def _check_buyer(params: dict[str, Any], channel: Record) -> None:
    if channel["pg_provider"] == "html5_inicis" and not str(params.get("buyer_tel") or "").strip():
        raise WindowRefused("V801", "구매자 전화번호(buyer_tel)는 필수 항목입니다.")


def _check_billing(params: dict[str, Any], channel: Record) -> None:
    customer_uid = params.get("customer_uid")
    if not customer_uid:
        return
    if not isinstance(customer_uid, str) or len(customer_uid) > 80:
        raise WindowRefused("F400", "customer_uid는 80자 이내의 문자열이어야 합니다.")
    if params.get("pay_method") != "card":
        raise WindowRefused("F400", "빌링키 발급은 pay_method가 card일 때만 가능합니다.")
    if not channel.get("billing"):
        raise WindowRefused("F0004", "F0004:정기결제 상점아이디가 아닙니다. [코드: V023]")


def _check_prepared(sandbox: Sandbox, merchant_uid: str, amount: int, currency: str) -> None:
    prepared = sandbox.prepared(merchant_uid)
    if prepared is None:
        return
    if prepared["amount"] != amount or prepared["currency"] not in (None, currency):
        raise WindowRefused("F400", "사전 등록된 결제금액과 요청한 결제금액이 일치하지 않습니다.")


def _ready(
    sandbox: Sandbox,
    params: dict[str, Any],
    device: str,
    user_agent: str,
    channel: Record,
    merchant_uid: str,
    amount: int,
) -> Held:
    record = new_payment(
        imp_uid=new_imp_uid("imp"),
        merchant_uid=merchant_uid,
        channel=channel,
        device=device,
        amount=amount,
        now=sandbox.now(),
        source=params,
    )
    record["pay_method"] = str(params.get("pay_method") or "card")
    record["escrow"] = params.get("escrow") is True
    record["user_agent"] = user_agent or None
    if params.get("customer_uid"):
        record |= {"customer_uid": params["customer_uid"], "customer_uid_usage": "issue"}
    facts: Record = {
        "params": params,
        "device": device,
        "notice_url": urls(params.get("notice_url")),
        "confirm_url": params.get("confirm_url"),
        "tax_free": whole(params.get("tax_free")),
        "vat_amount": whole(params.get("vat_amount")),
    }
    return Held(record, facts)


def urls(raw: Any) -> list[str]:
    """A notice_url as documented: one string, or several."""
    if isinstance(raw, str):
        return [raw] if raw else []
    return [url for url in raw if isinstance(url, str) and url] if isinstance(raw, list) else []
