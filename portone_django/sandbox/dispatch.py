"""From a Call to a Reply: faults first, then the token, then the handler; every answer in PortOne's envelope."""

from __future__ import annotations

from . import api, console, control, disasters  # noqa: F401 - importing registers the routes
from .api.elsewhere import is_documented
from .calls import Call, Reply, as_json, refusal, within_limit
from .forms import read_body
from .refusals import Refused
from .routing import Handler, route
from .routing import control as control_route

_UNAUTHORIZED = Refused(-1, "Unauthorized", 401)
_OPEN_PARTS = ["users", "getToken"]


def dispatch(call: Call) -> Reply:
    """Answer any request; never raises for what a client sent."""
    parts = call.parts
    if not parts or parts[0] == "_sandbox":
        return _controlled(call, parts)
    found = route.find(call.method, parts)
    handler = found[0] if found else None
    call.params = found[1] if found else {}
    unreadable = _read_body(call)
    fault = call.sandbox.faults.on_wire(call.method, "/" + "/".join(parts), _merchant_uid(call))
    if fault is None:
        return unreadable or _performed(call, handler)
    return disasters.strike(fault, call, lambda: unreadable or _performed(call, handler))


def _read_body(call: Call) -> Reply | None:
    try:
        call.body = read_body(within_limit(call.raw_body), call.headers.get("content-type", ""))
    except Refused as refused:
        return refusal(refused)
    return None


def _performed(call: Call, handler: Handler | None) -> Reply:
    call.sandbox.tick()
    try:
        if handler is None and not is_documented(call.parts):
            raise Refused(-1, "Not Found", 404)
        if call.parts != _OPEN_PARTS:
            _check_token(call)
        if handler is None:
            raise Refused(-1, "존재하지 않는 정보입니다.", 404)
        return handler(call)
    except Refused as refused:
        return refusal(refused)


def _check_token(call: Call) -> None:
    header = call.headers.get("authorization") or call.headers.get("x-imptokenheader") or ""
    scheme, _, rest = header.strip().partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else header.strip()
    if not token or not call.sandbox.tokens.is_live(token, call.sandbox.now()):
        raise _UNAUTHORIZED


def _merchant_uid(call: Call) -> str:
    """Whose payment a call is about, for faults that strike one of many."""
    named = call.params.get("merchant_uid") or call.text("merchant_uid")
    if named:
        return named
    imp_uid = call.params.get("imp_uid") or call.text("imp_uid")
    held = call.sandbox.payments.get(imp_uid) if imp_uid else None
    return held.merchant_uid if held else ""


def _controlled(call: Call, parts: list[str]) -> Reply:
    found = control_route.find(call.method, parts)
    if found is None:
        return as_json({"error": "no such address below _sandbox/"}, 404)
    handler, call.params = found
    try:
        call.body = read_body(within_limit(call.raw_body), call.headers.get("content-type", ""))
        call.sandbox.tick()
        return handler(call)
    except Refused as refused:
        return as_json({"error": refused.message}, 400 if refused.http_status == 200 else refused.http_status)
    except (TypeError, ValueError) as error:
        return as_json({"error": str(error)}, 400)
