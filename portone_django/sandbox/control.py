"""The testers' switchboard over HTTP, below `_sandbox/`: JSON in, JSON out, no token."""

from __future__ import annotations

from typing import Any

from . import escrow
from .amounts import optional
from .calls import Call, Reply, as_json
from .faults import LEDGER_KINDS, WIRE_KINDS
from .records import Record
from .refusals import Refused, WindowRefused, not_found
from .routing import control
from .switches import DEFAULTS


@control("GET", "/_sandbox/state")
def state(call: Call) -> Reply:
    sandbox = call.sandbox
    return as_json(
        {
            "user_code": sandbox.user_code,
            "now": sandbox.now(),
            "settings": sandbox.settings.all(),
            "channels": sandbox.channels(),
            "faults": sandbox.faults.list(),
            "transactions": len(sandbox.transactions(100_000)),
        }
    )


@control("POST", "/_sandbox/reset")
def reset(call: Call) -> Reply:
    call.sandbox.reset()
    return as_json({"reset": True})


@control("GET", "/_sandbox/clock")
def clock(call: Call) -> Reply:
    return as_json({"now": call.sandbox.now(), "offset": call.sandbox.settings["offset"]})


@control("POST", "/_sandbox/clock")
def move_clock(call: Call) -> Reply:
    """`advance` moves by so many seconds, `offset` sets the distance to the real time."""
    offset = optional(call.body.get("offset"), "offset")
    if offset is not None:
        call.sandbox.settings.set(offset=offset)
    call.sandbox.advance(optional(call.body.get("advance"), "advance") or 0)
    return clock(call)


@control("GET", "/_sandbox/faults")
def faults(call: Call) -> Reply:
    return as_json({"faults": call.sandbox.faults.list(), "kinds": {**WIRE_KINDS, **LEDGER_KINDS}})


@control("POST", "/_sandbox/faults")
def add_fault(call: Call) -> Reply:
    """`kind`, then method, path, merchant_uid, times, probability, seed and the options of the kind."""
    arguments = dict(call.body)
    fault_id = call.sandbox.faults.add(str(arguments.pop("kind", "")), **arguments)
    return as_json({"id": fault_id}, 201)


@control("DELETE", "/_sandbox/faults")
def clear_faults(call: Call) -> Reply:
    call.sandbox.faults.clear()
    return as_json({"faults": []})


@control("DELETE", "/_sandbox/faults/{id}")
def remove_fault(call: Call) -> Reply:
    call.sandbox.faults.remove(int(call.params["id"]))
    return as_json({"faults": call.sandbox.faults.list()})


@control("GET", "/_sandbox/settings")
def settings(call: Call) -> Reply:
    return as_json(call.sandbox.settings.all())


@control("POST", "/_sandbox/settings")
def change_settings(call: Call) -> Reply:
    unknown = [name for name in call.body if name not in DEFAULTS]
    if unknown:
        raise ValueError(f"unknown setting {unknown[0]!r}; there are {', '.join(DEFAULTS)}")
    call.sandbox.settings.set(**call.body)
    return settings(call)


@control("GET", "/_sandbox/transactions")
def transactions(call: Call) -> Reply:
    merchant_uid = call.text("merchant_uid")
    if merchant_uid:
        return as_json(call.sandbox.payments_of(merchant_uid))
    return as_json(call.sandbox.transactions(optional(call.query.get("limit"), "limit") or 100))


@control("POST", "/_sandbox/windows")
def open_window(call: Call) -> Reply:
    """IMP.request_pay without a browser: `params`, `device` (pc or mobile)."""
    params: dict[str, Any] = call.body.get("params") or {}
    try:
        record = call.sandbox.open_window(params, device=call.text("device") or "pc", user_agent="")
    except WindowRefused as refused:
        content = {"error_code": refused.error_code, "error": refused.message, "imp_uid": refused.imp_uid}
        return as_json(content, 400)
    return as_json(record, 201)


@control("GET", "/_sandbox/payments/{imp_uid}")
def payment(call: Call) -> Reply:
    return as_json(call.sandbox.payment(call.params["imp_uid"]))


@control("POST", "/_sandbox/payments/{imp_uid}/{verb}")
def act(call: Call) -> Reply:
    """`approve`, `vbank`, `fail`, `deposit`, `cancel`, `escrow_…`; a form from the console's page goes back to it."""
    record = _verb(call, call.params["imp_uid"])
    if "json" in call.headers.get("content-type", "") or not call.flag("back"):
        return as_json(record)
    return Reply(303, b"", {"Location": f"{call.prefix}_sandbox/console", "Content-Type": "text/html"})


def _verb(call: Call, imp_uid: str) -> Record:
    sandbox, verb = call.sandbox, call.params["verb"]
    if verb == "approve":
        return sandbox.approve(
            imp_uid,
            pay_method=call.text("pay_method"),
            card_code=call.text("card_code"),
            card_quota=optional(call.body.get("card_quota"), "card_quota") or 0,
            card_number=call.text("card_number"),
            bank_code=call.text("bank_code"),
            emb_pg_provider=call.text("emb_pg_provider"),
        )
    if verb == "vbank":
        return sandbox.issue_vbank(imp_uid, bank_code=call.text("bank_code") or "088")
    if verb == "fail":
        reason = call.text("reason")
        return sandbox.fail(imp_uid, reason) if reason else sandbox.fail(imp_uid)
    if verb == "deposit":
        return sandbox.deposit(imp_uid)
    if verb == "cancel":
        reason = call.text("reason") or "관리자페이지취소"
        return sandbox.console_cancel(imp_uid, optional(call.body.get("amount"), "amount"), reason)
    if verb == "cancel_at_inicis":
        sandbox.cancel_at_inicis(imp_uid)
        return sandbox.payment(imp_uid)
    if verb in escrow.MOVES:
        return sandbox.escrow(imp_uid, verb, call.text("reason"))
    known = ", ".join(("approve", "vbank", "fail", "deposit", "cancel", "cancel_at_inicis", *escrow.MOVES))
    raise not_found(f"there are {known}")


@control("GET", "/_sandbox/webhooks")
def webhooks(call: Call) -> Reply:
    return as_json(call.sandbox.webhooks.log())


@control("POST", "/_sandbox/webhooks/flush")
def flush(call: Call) -> Reply:
    return as_json({"sent": call.sandbox.flush_webhooks()})


@control("POST", "/_sandbox/webhooks/{id}/resend")
def resend(call: Call) -> Reply:
    if not call.sandbox.webhooks.resend(int(call.params["id"])):
        raise Refused(-1, "no such webhook", 404)
    return as_json({"queued": True}, 202)


@control("PUT", "/_sandbox/certifications/{imp_uid}")
def put_certification(call: Call) -> Reply:
    """An identity result to be read: its fields over a made-up person."""
    imp_uid = call.params["imp_uid"]
    person: Record = {
        "imp_uid": imp_uid,
        "merchant_uid": None,
        "pg_tid": None,
        "pg_provider": "inicis_unified",
        "name": "홍길동",
        "gender": "male",
        "birthday": "1982-02-13",
        "foreigner": False,
        "foreigner_v2": None,
        "phone": "01000000000",
        "carrier": None,
        "certified": True,
        "certified_at": call.sandbox.now(),
        "unique_key": "C" * 88,
        "unique_in_site": None,
        "origin": None,
    }
    call.sandbox.certifications.put(imp_uid, {**person, **call.body, "imp_uid": imp_uid})
    return as_json(call.sandbox.certifications.get(imp_uid))


@control("GET", "/_sandbox/log")
def log(call: Call) -> Reply:
    return as_json(call.sandbox.diary.entries())
