"""What each fault of the switchboard does to an answer, and whether the call still takes effect."""

from __future__ import annotations

import contextvars
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from .calls import Call, Reply, Wire, as_html, envelope
from .faults import Fault

Perform = Callable[[], Reply]
_HANG_SECONDS = 300.0
_ARRIVAL_SECONDS = 10.0
_AMOUNT = re.compile(rb'"amount": (\d+)')


def strike(fault: Fault, call: Call, perform: Perform) -> Reply:
    """The answer under `fault`; `perform` lets the call take effect."""
    call.sandbox.note("fault", f"{fault.kind} on {call.method} {call.path}")
    if fault.kind.startswith("http_"):
        return _status(fault, perform)
    if fault.kind in _LOSSES:
        return _lost(fault, perform)
    return _STRIKES[fault.kind](fault, call, perform)


_LOSSES = {
    "timeout_before": ("hang", False),
    "timeout_after": ("hang", True),
    "drop_before": ("drop", False),
    "drop_after": ("drop", True),
    "refuse": ("refuse", False),
    "connect_timeout": ("no_connect", False),
}


def _lost(fault: Fault, perform: Perform) -> Reply:
    kind, takes_effect = _LOSSES[fault.kind]
    if takes_effect:
        perform()
    return _wired(kind, fault.number("seconds", _HANG_SECONDS))


def _wired(kind: str, seconds: float = 0.0) -> Reply:
    return Reply(200, b"", {"Content-Type": "application/json"}, Wire(kind, seconds))


def _status(fault: Fault, perform: Perform) -> Reply:
    if fault.options.get("performed"):
        perform()
    status = int(fault.kind.removeprefix("http_"))
    if status in (502, 503, 504):
        name = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}[status]
        return as_html(f"<html><body><h1>{status} {name}</h1></body></html>\n", status)
    message = fault.options.get("message") or _MESSAGES[status]
    reply = envelope(None, status, code=1 if status == 400 else -1, message=message)
    if status == 429:
        reply.headers["Retry-After"] = str(fault.options.get("retry_after", 1))
    return reply


_MESSAGES = {
    400: "필수 파라미터가 누락되었습니다.",
    403: "허용되지 않은 접근입니다.",
    404: "존재하지 않는 결제정보입니다.",
    429: "요청이 너무 많습니다.",
    500: "알 수 없는 오류가 발생하였습니다.",
}


def _latency(fault: Fault, call: Call, perform: Perform) -> Reply:
    seconds = fault.number("seconds", 1)
    if call.patience is not None and seconds >= call.patience:
        perform()
        return _wired("hang")
    time.sleep(seconds)
    return perform()


def _timeout_late(fault: Fault, call: Call, perform: Perform) -> Reply:
    """The call arrives now, the client hears nothing, and the card is charged after `seconds`."""
    context, arrived = contextvars.copy_context(), threading.Event()

    def land() -> None:
        try:
            with call.sandbox.slow_approval(fault.number("seconds", 1), arrived.set):
                perform()
        finally:
            arrived.set()

    threading.Thread(target=context.run, args=(land,), name="portone-sandbox-late", daemon=True).start()
    arrived.wait(_ARRIVAL_SECONDS)  # what comes after this answer must find the call in flight
    return _wired("hang", _HANG_SECONDS)


def _expired_token(fault: Fault, call: Call, perform: Perform) -> Reply:
    call.sandbox.tokens.expire()
    return envelope(None, 401, code=-1, message="Unauthorized")


def _truncated(fault: Fault, call: Call, perform: Perform) -> Reply:
    return replace(_effect(fault, perform), wire=Wire("cut"))


def _wrong_length(fault: Fault, call: Call, perform: Perform) -> Reply:
    return replace(_effect(fault, perform), wire=Wire("long"))


def _slow_drip(fault: Fault, call: Call, perform: Perform) -> Reply:
    return replace(_effect(fault, perform), wire=Wire("drip", fault.number("interval", 0.5)))


def _malformed(fault: Fault, call: Call, perform: Perform) -> Reply:
    reply = _effect(fault, perform)
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def _html_200(fault: Fault, call: Call, perform: Perform) -> Reply:
    _effect(fault, perform)
    return as_html("<html><body>서비스 점검 중입니다.</body></html>")


def _empty_200(fault: Fault, call: Call, perform: Perform) -> Reply:
    return replace(_effect(fault, perform), body=b"", status=200)


def _duplicate_keys(fault: Fault, call: Call, perform: Perform) -> Reply:
    reply = _effect(fault, perform)
    body = _AMOUNT.sub(rb'"amount": \1, "amount": 1', reply.body, count=1)
    if body == reply.body:
        body = reply.body.replace(b'"code": ', b'"code": 0, "code": ', 1)
    return replace(reply, body=body)


def _oversized(fault: Fault, call: Call, perform: Perform) -> Reply:
    reply = _effect(fault, perform)
    padding = b'"padding": "' + b"x" * int(fault.number("size", 8 * 1024 * 1024)) + b'", '
    return replace(reply, body=reply.body.replace(b"{", b"{" + padding, 1))


def _redirect(fault: Fault, call: Call, perform: Perform) -> Reply:
    if fault.options.get("performed"):
        perform()
    location = str(fault.options.get("location", "/users/pg"))
    return Reply(302, b"", {"Content-Type": "text/html", "Location": location})


def _effect(fault: Fault, perform: Perform) -> Reply:
    """The true answer, unless the fault is told that the call takes no effect."""
    if fault.options.get("performed", True):
        return perform()
    return envelope(None)


_STRIKES: dict[str, Callable[[Fault, Call, Perform], Reply]] = {
    "latency": _latency,
    "timeout_late": _timeout_late,
    "expired_token": _expired_token,
    "truncated": _truncated,
    "malformed": _malformed,
    "wrong_length": _wrong_length,
    "html_200": _html_200,
    "empty_200": _empty_200,
    "duplicate_keys": _duplicate_keys,
    "oversized": _oversized,
    "slow_drip": _slow_drip,
    "redirect": _redirect,
}
