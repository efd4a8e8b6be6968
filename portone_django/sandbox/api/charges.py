"""Charges without the buyer: again, onetime, and the legacy foreign one."""

from __future__ import annotations

from .. import charging
from ..calls import Call, Reply, envelope
from ..payments import Held
from ..records import Record
from ..refusals import Refused
from ..routing import route


@route("POST", "/subscribe/payments/again")
def again(call: Call) -> Reply:
    return envelope(_shown(charging.again(call.sandbox, call.body)))


@route("POST", "/subscribe/payments/onetime")
def onetime(call: Call) -> Reply:
    return envelope(_shown(charging.onetime(call.sandbox, call.body)))


@route("POST", "/subscribe/payments/foreign")
def foreign(call: Call) -> Reply:
    """Not in the document; the Python client still calls it and expects a refusal in band."""
    raise Refused(-1, "지원하지 않는 PG입니다.")


def _shown(held: Held) -> Record:
    """The answer of the charge itself lags behind nothing, but hidden fields stay hidden."""
    return {name: value for name, value in held.record.items() if name not in held.facts.get("omit", ())}
