"""Charges without the buyer: with a billing key, now or by schedule, and with a keyed-in card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import amounts
from .deciding import put_card, settle
from .keys import Key, card_key, check_card
from .opening import urls
from .payments import Held
from .records import Record, buyer, new_imp_uid, new_payment
from .refusals import Refused, bad_request

if TYPE_CHECKING:
    from .ledger import Sandbox

ALREADY_PAID = "이미 승인완료된 merchant_uid 입니다."
_NAME_REQUIRED = "이니시스 빌링결제는 상품명이 필수입니다."
_ONETIME_FAILURE = "카드정보 인증에 실패하였습니다."


def again(sandbox: Sandbox, body: dict[str, Any]) -> Held:
    """POST /subscribe/payments/again: a payment, `paid` or `failed`; Refused before the card network."""
    merchant_uid, amount = _required(body)
    customer_uid = str(body.get("customer_uid") or "")
    if not customer_uid:
        raise bad_request("customer_uid 파라미터가 누락되었습니다.")
    key = sandbox.keys.get(customer_uid)
    if key is None:
        # Published clients disagree about the number: without `name`, as the Python one sends it, they saw -1.
        raise Refused(1 if body.get("name") else -1, "등록되지 않은 구매자입니다.")
    _check_name(sandbox, body, "again")
    _refuse_paid(sandbox, merchant_uid)
    sandbox.wait_for_approval()
    with sandbox.store.write():
        _refuse_paid(sandbox, merchant_uid, at_record=True)
        notify = bool(sandbox.settings["notify_api_payments"])
        return charge(sandbox, key, merchant_uid, amount, body, usage="payment", notify=notify)


def onetime(sandbox: Sandbox, body: dict[str, Any]) -> Held:
    """POST /subscribe/payments/onetime: charges the card and, with a customer_uid, keeps it as a billing key."""
    merchant_uid, amount = _required(body)
    number = check_card(body, sandbox.now(), _ONETIME_FAILURE)
    _check_name(sandbox, body, "onetime")
    missing = [name for name in ("buyer_name", "buyer_email", "buyer_tel") if not body.get(name)]
    if missing:
        sandbox.note("lenient", f"onetime without {', '.join(missing)} (required for html5_inicis)")
    channel = sandbox.channel(body.get("channel_key"), body.get("pg") or "html5_inicis", billing=True)
    if channel is None:
        raise Refused(-1, "등록된 PG 설정 정보가 없습니다.")
    customer_uid = str(body.get("customer_uid") or "")
    owner = {name.replace("buyer_", "customer_"): value for name, value in body.items() if name.startswith("buyer_")}
    key = card_key(
        customer_uid=customer_uid, channel=channel, card_number=number, card_code=None, now=sandbox.now(), owner=owner
    )
    _refuse_paid(sandbox, merchant_uid)
    sandbox.wait_for_approval()
    with sandbox.store.write():
        _refuse_paid(sandbox, merchant_uid, at_record=True)
        notify = bool(sandbox.settings["notify_api_payments"])
        held = charge(
            sandbox, key, merchant_uid, amount, body, usage="payment" if customer_uid else None, notify=notify
        )
        if customer_uid and held.record["status"] != "failed":
            sandbox.keys.put(key)
    return held


def charge(
    sandbox: Sandbox,
    key: Key,
    merchant_uid: str,
    amount: int,
    source: dict[str, Any],
    *,
    usage: str | None,
    notify: bool,
    notify_failure: bool = False,
) -> Held:
    """One decided attempt with the key's card, inside the caller's transaction."""
    record = new_payment(
        imp_uid=new_imp_uid("imps"),
        merchant_uid=merchant_uid,
        channel=key.record,
        device="api",
        amount=amount,
        now=sandbox.now(),
        source={**source, **buyer(source, key.record)},
    )
    record |= {"customer_uid": key.record["customer_uid"] or None, "customer_uid_usage": usage}
    quota = amounts.optional(source.get("card_quota"), "card_quota") or 0
    put_card(record, code=key.record["card_code"], masked=key.record["card_number"], quota=quota)
    record["card_type"] = None
    facts: Record = {
        "device": "api",
        "notice_url": urls(source.get("notice_url")),
        "tax_free": amounts.optional(source.get("tax_free"), "tax_free"),
        "vat_amount": amounts.optional(source.get("vat_amount"), "vat_amount"),
    }
    held = Held(record, facts)
    decline = sandbox.decline(held, key.facts.get("decline"), quota)
    settle(sandbox, held, decline, notify=notify, notify_failure=notify_failure)
    return held


def issue(sandbox: Sandbox, customer_uid: str, body: dict[str, Any]) -> Key:
    """Register a keyed-in card under the customer_uid; Refused (-1) when the card does not register."""
    if not body.get("channel_key"):
        sandbox.note("lenient", "billing key issued without channel_key (the document requires it)")
    channel = sandbox.channel(body.get("channel_key"), body.get("pg") or "html5_inicis", billing=True)
    if channel is None:
        raise Refused(-1, "등록된 PG 설정 정보가 없습니다.")
    number = check_card(body, sandbox.now(), "카드정보 인증 및 빌키 발급에 실패하였습니다.")
    key = card_key(
        customer_uid=customer_uid,
        channel=channel,
        card_number=number,
        card_code=None,
        now=sandbox.now(),
        owner={name: value for name, value in body.items() if name.startswith("customer_")},
    )
    sandbox.keys.put(key)
    return sandbox.keys.get(customer_uid) or key


def _required(body: dict[str, Any]) -> tuple[str, int]:
    merchant_uid = str(body.get("merchant_uid") or "")
    if not merchant_uid:
        raise bad_request("merchant_uid 파라미터가 누락되었습니다.")
    if len(merchant_uid) > 40:
        raise bad_request("merchant_uid는 40자를 넘을 수 없습니다.")
    amount = amounts.required(body.get("amount"), "amount")
    if amount <= 0:
        raise Refused(-1, "결제금액이 올바르지 않습니다.")
    return merchant_uid, amount


def _check_name(sandbox: Sandbox, body: dict[str, Any], call: str) -> None:
    if body.get("name"):
        return
    if sandbox.settings["require_name"]:
        raise Refused(1, _NAME_REQUIRED, 400)
    sandbox.note("lenient", f"{call} without name (required for html5_inicis)")


def _refuse_paid(sandbox: Sandbox, merchant_uid: str, *, at_record: bool = False) -> None:
    if sandbox.duplicates.is_refused(merchant_uid, at_record=at_record):
        raise Refused(1, ALREADY_PAID)
