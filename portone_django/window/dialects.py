"""One plain option in Inicis' two notations: PC `acceptmethod` (tokens joined with ":"), mobile `P_RESERVED`
(key=value joined with "&"). Each side ignores the other's, so both are always built.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .errors import InvalidOption
from .jsonable import copy_of

if TYPE_CHECKING:
    from .options import WindowOptions

__all__ = ["bypass_params", "called_app"]

# The name of a token → the plain option that writes it (KG Inicis guide).
_PC_OWNERS = {
    "noeasypay": "no_easy_pay",
    "cardpoint": "card_points",
    "no_receipt": "cash_receipt",
    "skin": "skin",
    "cardshowopt": "card_show_option",
    "disablepoint": "hyundai_points",
    "usespcp": "hyundai_points",
}
_MOBILE_OWNERS = {
    "noeasypay": "no_easy_pay",
    "cp_yn": "card_points",
    "dcp_yn": "direct_card_points",
    "vbank_receipt": "cash_receipt",
    "bank_receipt": "cash_receipt",
    "twotrs_bank": "pay_method",
    "apprun_check": "apprun_check",
    "app_scheme": "app_scheme",
    "iosapp": "ios_app",
    "cardshowopt": "card_show_option",
}
_PAYSHOT = ("ini_PAYSHOT_KEY", "P_PAYSHOT_KEY")


def bypass_params(options: WindowOptions) -> dict[str, Any]:
    """`bypass` of IMP.request_pay: what the plain options say, then what the raw `bypass` adds.

    Raises InvalidOption, naming both, where the raw text says otherwise than a plain option.
    """
    raw = copy_of(options.bypass)
    pc = _merged(options, "acceptmethod", pc_tokens(options), _raw_pc(raw.pop("acceptmethod", "")))
    mobile = _merged(options, "P_RESERVED", mobile_tokens(options), _raw_mobile(raw.pop("P_RESERVED", "")))
    _refuse_two_ways_back(mobile)
    texts = {"acceptmethod": ":".join(pc), "P_RESERVED": "&".join(mobile)}
    return {**{name: text for name, text in texts.items() if text}, **_payshot(options, raw), **raw}


def pc_tokens(options: WindowOptions) -> list[str]:
    """The tokens of `acceptmethod`."""
    tokens = {
        "noeasypay": options.no_easy_pay,
        "CARDPOINT": options.card_points,
        "no_receipt": options.cash_receipt is False,
        f"SKIN({options.skin})": options.skin is not None,
        f"cardshowopt({options.card_show_option})": options.card_show_option is not None,
        "usespcp": options.hyundai_points is True,
        "disablepoint": options.hyundai_points is False,
    }
    return [token for token, is_wanted in tokens.items() if is_wanted]


def mobile_tokens(options: WindowOptions) -> list[str]:
    """The key=value pairs of `P_RESERVED`."""
    tokens = {
        # Required for account transfer on phones.
        "twotrs_bank=Y": options.pay_method == "trans",
        "noeasypay=Y": options.no_easy_pay,
        "cp_yn=Y": options.card_points,
        "dcp_yn=Y": options.direct_card_points,
        # The receipt's input is hidden for a virtual account and shown for a transfer unless told otherwise.
        "vbank_receipt=Y": options.cash_receipt is True and options.pay_method == "vbank",
        "bank_receipt=N": options.cash_receipt is False and options.pay_method == "trans",
        "apprun_check=Y": options.apprun_check,
        f"app_scheme={called_app(options.app_scheme or '')}": options.app_scheme is not None,
        "iosapp=Y": options.ios_app,
        f"cardshowopt={(options.card_show_option or '').replace('-', ':')}": options.card_show_option is not None,
    }
    return [token for token, is_wanted in tokens.items() if is_wanted]


def called_app(scheme: str) -> str:
    """myapp is called as myapp://; a scheme with :// is used as it is."""
    return scheme if "://" in scheme else f"{scheme}://"


def _raw_pc(text: str) -> list[str]:
    if not re.fullmatch(r"(?:[^()]|\([^()]*\))*", text):
        raise InvalidOption("bypass", f"acceptmethod has unbalanced brackets: {text!r}", write='"cd_ps(06-3)"')
    # A ":" inside brackets belongs to the token.
    return _each_once(re.split(r":(?![^(]*\))", text))


def _raw_mobile(text: str) -> list[str]:
    tokens = _each_once(text.split("&"))
    for token in tokens:
        if not re.fullmatch(r"[A-Za-z0-9_]+=.*", token):
            raise InvalidOption("bypass", f"P_RESERVED has {token!r}, which is not key=value", write='"noeasypay=Y"')
    return tokens


def _each_once(tokens: list[str]) -> list[str]:
    return list(dict.fromkeys(token.strip() for token in tokens if token.strip()))


def _merged(options: WindowOptions, where: str, built: list[str], raw: list[str]) -> list[str]:
    own = {token.casefold() for token in built}
    added = [token for token in raw if token.casefold() not in own]
    said: dict[str, str] = {}
    for token in added:
        owner, subject = _meaning(where, token)
        if owner and _is_said(options, owner):
            raise InvalidOption(owner, f"contradicts {token!r} in bypass[{where!r}]: keep one of {owner} and bypass")
        if subject and said.setdefault(subject, token) != token:
            raise InvalidOption("bypass", f"{where} says both {said[subject]!r} and {token!r}: keep one of them")
    return built + added


def _meaning(where: str, token: str) -> tuple[str, str]:
    """The plain option that a raw token speaks for ("" = none), and what may be said only once."""
    if where == "acceptmethod":
        # usespcp and disablepoint are two words about one thing.
        owner = _PC_OWNERS.get(token.split("(")[0].casefold(), "")
        return owner, owner
    return _MOBILE_OWNERS.get(_key(token), ""), _key(token)


def _is_said(options: WindowOptions, owner: str) -> bool:
    return options.pay_method == "trans" if owner == "pay_method" else options.has(owner)


def _key(token: str) -> str:
    return token.split("=")[0]


def _refuse_two_ways_back(mobile: list[str]) -> None:
    # KG Inicis guide: apprun_check and app_scheme exclude each other.
    if {"apprun_check", "app_scheme"} <= {_key(token) for token in mobile} and "apprun_check=N" not in mobile:
        raise InvalidOption("apprun_check", "cannot be used together with app_scheme: keep one of them")


def _payshot(options: WindowOptions, raw: dict[str, Any]) -> dict[str, str]:
    if options.payshot_key is None:
        return {}
    for name in _PAYSHOT:
        if raw.pop(name, options.payshot_key) != options.payshot_key:
            raise InvalidOption("payshot_key", f"contradicts bypass[{name!r}]: keep one of payshot_key and bypass")
    return dict.fromkeys(_PAYSHOT, options.payshot_key)
