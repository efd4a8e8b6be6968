"""How one plain value is read from Python or from a template: strictly, with an error that names its option."""

from __future__ import annotations

import re
from typing import Any

from .errors import InvalidOption, nearest

__all__ = [
    "LONGEST_INSTALMENT",
    "read_app_scheme",
    "read_card_show_option",
    "read_customer_id",
    "read_flag",
    "read_language",
    "read_months",
    "read_pay_method",
    "read_payshot_key",
    "read_skin",
    "read_whole_number",
]

LONGEST_INSTALMENT = 36  # months
# KG Inicis guide: what the Inicis window offers. The wallets are charged through Inicis.
PAY_METHODS = (
    "card", "kakaopay", "naverpay", "samsung", "applepay", "ssgpay", "payco", "tosspay", "lpay",
    "trans", "vbank", "phone", "cultureland", "smartculture", "happymoney", "booknlife",
)  # fmt: skip
_OTHER_NAMES = {"samsungpay": "samsung", "toss": "tosspay", "bank": "trans", "transfer": "trans", "mobile": "phone"}
_APP_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://[A-Za-z0-9._~/-]*)?")
# These would leave for the web, or run as a script, where an app is to be called.
_NOT_AN_APP = {"http", "https", "javascript", "data", "file", "about", "blob", "vbscript"}


def read_pay_method(option: str, value: Any) -> str:
    """One of Inicis' payment methods."""
    word = _text(option, value, write='pay_method="card"')
    if word in PAY_METHODS:
        return word
    meant = _OTHER_NAMES.get(word.casefold()) or nearest(word, PAY_METHODS)
    known = ", ".join(PAY_METHODS)
    raise InvalidOption(
        option, f"KG Inicis has no payment method {word!r} (it has {known})", write=f'pay_method="{meant or "card"}"'
    )


def read_language(option: str, value: Any) -> str:
    """`ko` or `en`, also from a Django language code such as "en-us"; the Inicis window knows no other."""
    word = _text(option, value, write='language="ko"')
    language = re.split("[-_]", word.casefold())[0]
    if language not in ("ko", "en"):
        raise InvalidOption(option, f"the KG Inicis window knows only ko and en, not {word!r}", write='language="en"')
    return language


def read_flag(option: str, value: Any) -> bool:
    """True or False, or "true" or "false" from a template."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    raise InvalidOption(option, f"must be True or False, not {value!r}", write=f"{option}=True")


def read_whole_number(option: str, value: Any, *, write: str) -> int:
    """An int, or its digits from a template; True, 3.0 and "3.0" are not."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value.strip()):
        return int(value)
    raise InvalidOption(option, f"must be a whole number, not {value!r}", write=write)


def read_months(option: str, value: Any) -> int:
    """Months of an instalment: 2 to 36."""
    months = read_whole_number(option, value, write=f"{option}=6")
    if not 2 <= months <= LONGEST_INSTALMENT:
        raise InvalidOption(
            option, f"must be 2 to {LONGEST_INSTALMENT} months, not {months}: a lump sum has none", write=f"{option}=6"
        )
    return months


def read_app_scheme(option: str, value: Any) -> str:
    """The scheme that leads back into a host's app: "myapp", or "myapp://path" used as it is."""
    scheme = _matching(
        option, value, _APP_SCHEME, "must be a scheme such as myapp or myapp://path", 'app_scheme="myapp"'
    )
    if scheme.split(":")[0].casefold() in _NOT_AN_APP:
        raise InvalidOption(option, f"{scheme!r} is not an app's scheme", write='app_scheme="myapp"')
    return scheme


def read_skin(option: str, value: Any) -> str:
    """The window's colour: a name such as BLUE, or #rrggbb (Inicis' own is #c1272c)."""
    pattern = re.compile("#[0-9A-Fa-f]{6}|#[0-9A-Fa-f]{3}|[A-Za-z]{1,20}")
    return _matching(option, value, pattern, "must be a colour such as BLUE or #c1272c", 'skin="BLUE"')


def read_card_show_option(option: str, value: Any) -> str:
    """Inicis' own two-digit card code and the screen its issuer opens with: "04-6"."""
    problem = "must be KG Inicis' two-digit card code, a dash and an option number"
    return _matching(option, value, re.compile("[0-9]{2}-[0-9]{1,2}"), problem, 'card_show_option="04-6"')


def read_payshot_key(option: str, value: Any) -> str:
    """The Hyundai Payshot customer key: merchant, time with milliseconds, customer."""
    problem = "may only have letters, digits, '.', '_' and '-', up to 100"
    write = 'payshot_key="shop20260801093000123customer1"'
    return _matching(option, value, re.compile("[A-Za-z0-9._-]{1,100}"), problem, write)


def read_customer_id(option: str, value: Any) -> str:
    """The shop's unique id of the buyer; a primary key may be an int."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return _matching(
        option, value, re.compile("[!-~]{1,80}"), "must be 1 to 80 printable ASCII characters", 'customer_id="u-1024"'
    )


def _matching(option: str, value: Any, pattern: re.Pattern[str], problem: str, write: str) -> str:
    word = _text(option, value, write=write)
    # What is not spelled out here could end a token of `acceptmethod` or `P_RESERVED` and begin another.
    if not pattern.fullmatch(word):
        raise InvalidOption(option, f"{problem}, not {word!r}", write=write)
    return word


def _text(option: str, value: Any, *, write: str) -> str:
    if not isinstance(value, str):
        raise InvalidOption(option, f"must be a str, not {value!r}", write=write)
    if not value.strip():
        raise InvalidOption(option, "is empty (an undefined template variable?): leave it out, or", write=write)
    return str.__str__(value)  # a template's SafeString becomes a plain str
