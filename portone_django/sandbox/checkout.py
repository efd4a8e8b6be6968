"""What a buyer does in the open window and at the bank: pay, be declined, give up, take an account, deposit into it."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from . import catalogue, magic
from .deciding import mark_failed, put_card, settle
from .keys import card_key
from .payments import Held
from .posting import Delivery, is_loopback, post
from .records import Record, kst_deadline, new_pg_tid
from .refusals import Refused

if TYPE_CHECKING:
    from .ledger import Sandbox

USER_CANCEL = "사용자가 결제를 취소하셨습니다"
DUPLICATE = "[500619] 상점주문번호 중복 오류"
_VBANK_DAYS = 30
_CARD_METHODS = ("card", "samsung", "kakaopay", "naverpay", "payco", "tosspay", "lpay", "ssgpay", "applepay")
_DEFAULT_CARD = "5594100000000000"
_BAD_NUMBER = "1214"


def approve(
    sandbox: Sandbox,
    imp_uid: str,
    *,
    pay_method: str | None = None,
    card_code: str | None = None,
    card_quota: int = 0,
    card_number: str | None = None,
    bank_code: str | None = None,
    emb_pg_provider: str | None = None,
) -> Record:
    """The buyer pays: paid, or failed by a magic card or amount. A record that is no longer ready is returned as it is.

    The confirm process runs first, when the window was given a confirm_url. For a vbank use `issue_vbank`.
    """
    held = sandbox.payments.require(imp_uid)
    if held.record["status"] != "ready" or held.record["vbank_num"]:
        return held.record
    if held.facts.get("late_at"):
        return held.record
    refusal = _confirm(sandbox, held)
    arrived_first = not sandbox.duplicates.is_refused(held.merchant_uid, but=imp_uid)
    sandbox.wait_for_approval()
    with sandbox.store.write():
        held = sandbox.payments.require(imp_uid)
        if held.record["status"] != "ready":
            return held.record
        _put_method(sandbox, held.record, pay_method, bank_code, emb_pg_provider)
        if held.record["pay_method"] in _CARD_METHODS:
            number = card_number or _DEFAULT_CARD
            put_card(held.record, code=card_code, masked=magic.masked(number), quota=card_quota)
        decline = refusal or _decline(sandbox, held, card_number, card_quota, arrived_first)
        if decline is None and held.record["customer_uid_usage"] == "issue":
            _register(sandbox, held, card_number or _DEFAULT_CARD, card_code)
        settle(sandbox, held, decline, notify=True)
    return held.record


def issue_vbank(sandbox: Sandbox, imp_uid: str, *, bank_code: str, due: int | None = None) -> Record:
    """The buyer takes an account: still `ready`, now with a number and a deadline; webhook `ready`."""
    bank = catalogue.kftc_bank(bank_code) or catalogue.DEFAULT_BANK_CODE
    held = sandbox.payments.require(imp_uid)
    if held.record["status"] != "ready" or held.record["vbank_num"]:
        return held.record
    refusal = _confirm(sandbox, held)
    with sandbox.store.write():
        held = sandbox.payments.require(imp_uid)
        if held.record["status"] != "ready" or held.record["vbank_num"]:
            return held.record
        held.record["pay_method"] = "vbank"
        if refusal:
            mark_failed(held.record, refusal, sandbox.now())
        else:
            put_account(sandbox, held, bank, due or _deadline(sandbox, held.facts.get("params") or {}))
            sandbox.webhooks.emit(held, "ready")
        sandbox.payments.save(held, sandbox.now())
    return held.record


def put_account(sandbox: Sandbox, held: Held, bank: str, due: int, holder: str = "（주）케이지이니시") -> None:
    held.record |= {
        "pg_tid": new_pg_tid(held.record, sandbox.now()),
        "vbank_code": bank,
        "vbank_name": catalogue.BANKS[bank],
        "vbank_num": f"562{secrets.randbelow(10**11):011d}",
        "vbank_holder": holder,
        "vbank_date": due,
        "vbank_issued_at": sandbox.now(),
    }


def fail(sandbox: Sandbox, imp_uid: str, reason: str = USER_CANCEL) -> Record:
    """The buyer gives up or is declined in the window: failed, and never a webhook."""
    with sandbox.store.write():
        held = sandbox.payments.require(imp_uid)
        if held.record["status"] == "ready" and not held.record["vbank_num"]:
            mark_failed(held.record, reason, sandbox.now())
            sandbox.payments.save(held, sandbox.now())
    return held.record


def deposit(sandbox: Sandbox, imp_uid: str) -> Record:
    """The exact amount arrives on the account, late ones too: paid and a webhook. Refused when no account waits."""
    with sandbox.store.write():
        held = sandbox.payments.require(imp_uid)
        if held.record["status"] == "paid":
            return held.record
        if held.record["status"] != "ready" or not held.record["vbank_num"]:
            raise Refused(1, "입금을 기다리는 가상계좌가 아닙니다.", 409)
        settle(sandbox, held, None, notify=True)
    return held.record


def _put_method(
    sandbox: Sandbox, record: Record, pay_method: str | None, bank_code: str | None, wallet: str | None
) -> None:
    record["pay_method"] = pay_method or record["pay_method"]
    record["emb_pg_provider"] = wallet
    if record["pay_method"] == "trans":
        bank = catalogue.kftc_bank(bank_code or "") or catalogue.DEFAULT_BANK_CODE
        record |= {"bank_code": bank, "bank_name": catalogue.BANKS[bank], "cash_receipt_issued": True}


def _decline(sandbox: Sandbox, held: Held, card_number: str | None, quota: int, arrived_first: bool) -> str | None:
    """Why it is not approved: another attempt of the number is paid, a fault, the instalment rule, a magic value."""
    if not arrived_first or sandbox.duplicates.is_refused(held.merchant_uid, but=held.imp_uid, at_record=True):
        return DUPLICATE
    if held.record["customer_uid_usage"] == "issue":  # nothing is charged, so nothing but the number can be wrong
        return magic.fail_reason(_BAD_NUMBER) if magic.decline_of_card(card_number) == _BAD_NUMBER else None
    return sandbox.decline(held, magic.decline_of_card(card_number), quota)


def _register(sandbox: Sandbox, held: Held, card_number: str, card_code: str | None) -> None:
    record = held.record
    channel = next(c for c in sandbox.channels() if c["pg_id"] == record["pg_id"])
    owner = {name.replace("buyer_", "customer_"): record[name] for name in record if name.startswith("buyer_")}
    params = held.facts.get("params") or {}
    key = card_key(
        customer_uid=record["customer_uid"],
        channel=channel,
        card_number=card_number,
        card_code=card_code,
        now=sandbox.now(),
        owner={**owner, "customer_id": params.get("customer_id")},
    )
    sandbox.keys.put(key)


def _deadline(sandbox: Sandbox, params: dict[str, Any]) -> int:
    due = kst_deadline(str(params.get("vbank_due") or ""))
    return due if due is not None else sandbox.now() + _VBANK_DAYS * 86_400


def _confirm(sandbox: Sandbox, held: Held) -> str | None:
    """Ask the shop's confirm_url before the approval; the reason to fail, or None. Never inside a transaction."""
    url = held.facts.get("confirm_url")
    if not isinstance(url, str) or not url or not sandbox.settings["confirm_enabled"]:
        return None
    question = {"imp_uid": held.imp_uid, "merchant_uid": held.merchant_uid, "amount": held.record["amount"]}
    answer = _ask(sandbox, url, json.dumps(question).encode())
    return None if answer.status == 200 else f"고객사 요청에 의해 결제를 중단합니다. (상세사유 : {_detail(answer)})"


def _ask(sandbox: Sandbox, url: str, body: bytes) -> Delivery:
    deliver = sandbox.webhooks.deliver
    if deliver is not None:
        outcome = deliver(url, body, "application/json")
        return outcome if isinstance(outcome, Delivery) else Delivery(outcome, b"", None)
    if not is_loopback(url):
        sandbox.note("refused", "confirm_url leaves this machine; taken as an error of the shop")
        return Delivery(0, b"", "not loopback")
    return post(url, body, "application/json", connect_seconds=10, read_seconds=10)


def _detail(answer: Delivery) -> str:
    try:
        reason = json.loads(answer.body)["reason"]
    except (ValueError, KeyError, TypeError):
        return "알 수 없음"
    return str(reason)
