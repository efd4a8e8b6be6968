"""The account: its token, its channels, its sub-merchants."""

from __future__ import annotations

from .. import catalogue
from ..calls import Call, Reply, envelope
from ..refusals import Refused, bad_request, not_found
from ..routing import route


@route("POST", "/users/getToken")
def get_token(call: Call) -> Reply:
    sandbox = call.sandbox
    if not (call.text("imp_key") and call.text("imp_secret")):
        raise bad_request("imp_key, imp_secret 파라메터가 누락되었습니다.")
    if call.text("imp_key") != sandbox.imp_key or call.text("imp_secret") != sandbox.imp_secret:
        raise Refused(-1, "Unauthorized", 401)
    return envelope(sandbox.tokens.issue(sandbox.now()))


@route("GET", "/users/pg")
def channels(call: Call) -> Reply:
    return envelope([catalogue.public(channel) for channel in call.sandbox.channels()])


@route("GET", "/tiers/{tier_code}")
def tier(call: Call) -> Reply:
    code = call.params["tier_code"]
    name = call.sandbox.settings["tiers"].get(code)
    if name is None:
        raise not_found("존재하지 않는 Tier Code 입니다.")
    return envelope({"tier_code": code, "tier_name": name})
