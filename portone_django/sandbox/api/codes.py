"""Issuer and bank codes (KFTC)."""

from __future__ import annotations

from .. import catalogue
from ..calls import Call, Reply, envelope
from ..refusals import not_found
from ..routing import route


@route("GET", "/cards")
def cards(call: Call) -> Reply:
    return _all(catalogue.CARDS)


@route("GET", "/cards/{code}")
def card(call: Call) -> Reply:
    return _one(catalogue.CARDS, call.params["code"])


@route("GET", "/banks")
def banks(call: Call) -> Reply:
    return _all(catalogue.BANKS)


@route("GET", "/banks/{code}")
def bank(call: Call) -> Reply:
    return _one(catalogue.BANKS, call.params["code"])


def _all(names: dict[str, str]) -> Reply:
    return envelope([{"code": code, "name": name} for code, name in names.items()])


def _one(names: dict[str, str], code: str) -> Reply:
    if code not in names:
        raise not_found("존재하지 않는 코드입니다.")
    return envelope({"code": code, "name": names[code]})
