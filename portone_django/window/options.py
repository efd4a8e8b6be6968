"""Every window option with its default; reading is strict, so what a WindowOptions holds can be sent as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from . import cards, dates, jsonable, scalars
from .cards import IssuerRule
from .dates import Period
from .errors import InvalidOption, nearest
from .rules import contradictions

__all__ = ["ELSEWHERE", "OPTION_NAMES", "WindowOptions", "unknown_option"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOptions:
    """The options of one payment window, checked; make one with `parse`. Described one by one in docs/options.md."""

    pay_method: str = "card"
    card_quota: tuple[int, ...] | None = None  # months; () = lump sum only, None = what Inicis offers
    interest_free: int | None = None  # months
    free_interest_from_mall: bool | dict[str, int] = False
    card_direct: str | None = None
    card_direct_quota: int | None = None  # months; 0 = lump sum
    card_detail: tuple[IssuerRule, ...] = ()
    card_only: tuple[str, ...] = ()
    card_except: tuple[str, ...] = ()
    card_points: bool = False
    direct_card_points: bool = False
    hyundai_points: bool | None = None
    card_show_option: str | None = None
    payshot_key: str | None = None
    no_easy_pay: bool = False
    escrow: bool = False
    period: Period | None = None
    vbank_due: int | str | None = None  # days, or "YYYYMMDD", or "YYYYMMDDHHmmss" (KST)
    digital: bool | None = None
    cash_receipt: bool | None = None
    language: str | None = None
    skin: str | None = None
    app_scheme: str | None = None
    ios_app: bool = False
    apprun_check: bool = False
    popup: bool | None = None
    customer_id: str | None = None
    custom_data: dict[str, Any] | None = None
    bypass: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, **options: Any) -> WindowOptions:
        """Read keywords as they come from Python or from a template tag (True or "true", [2, 3] or "2,3").

        None stands for an option that is not given. Raises InvalidOption for an unknown keyword (naming the
        nearest), a wrong value, and options that contradict each other whatever the amount.
        """
        read = {name: _read(name, value) for name, value in _spread(options).items()}
        parsed = cls(**{name: value for name, value in read.items() if value is not None})
        contradictions(parsed)
        return parsed

    def as_dict(self) -> dict[str, Any]:
        """The options that differ from their default, JSON-able; `parse(**as_dict())` gives an equal WindowOptions."""
        return {name: _plain(getattr(self, name)) for name in OPTION_NAMES if self.has(name)}

    def has(self, name: str) -> bool:
        """Whether this option differs from its default."""
        return bool(getattr(self, name) != getattr(_DEFAULTS, name))


_DEFAULTS = WindowOptions()
OPTION_NAMES = tuple(each.name for each in fields(WindowOptions))

_Reader = Callable[[str, Any], Any]
_READERS: dict[str, _Reader] = {
    "pay_method": scalars.read_pay_method,
    "card_quota": cards.read_card_quota,
    "interest_free": scalars.read_months,
    "free_interest_from_mall": cards.read_free_interest,
    "card_direct": cards.read_issuer,
    "card_direct_quota": cards.read_direct_quota,
    "card_detail": cards.read_card_detail,
    "card_only": cards.read_issuers,
    "card_except": cards.read_issuers,
    "card_show_option": scalars.read_card_show_option,
    "payshot_key": scalars.read_payshot_key,
    "period": dates.read_period,
    "vbank_due": dates.read_vbank_due,
    "language": scalars.read_language,
    "skin": scalars.read_skin,
    "app_scheme": scalars.read_app_scheme,
    "customer_id": scalars.read_customer_id,
    "custom_data": jsonable.read_custom_data,
    "bypass": jsonable.read_bypass,
}

# Words of IMP.request_pay, and of an order, that have another home here.
ELSEWHERE = {
    "display": 'card_quota="2,3,6"',
    "card": 'card_direct="366", card_only="366,361" or interest_free=6',
    "acceptmethod": 'bypass={"acceptmethod": "…"}, or the plain option',
    "P_RESERVED": 'bypass={"P_RESERVED": "…"}, or the plain option',
    "channelKey": 'PORTONE = {"CHANNELS": {"checkout": {"channel_key": "channel-key-…"}}}',
    "channel_key": 'PORTONE = {"CHANNELS": {"checkout": {"channel_key": "channel-key-…"}}}',
    "pg": 'PORTONE = {"CHANNELS": {"checkout": {"pg": "html5_inicis.MID"}}}',
    "amount": "create_order(amount=9900, …)",
    "name": 'create_order(name="…", …)',
    "currency": 'create_order(currency="KRW", …)',
    "tax_free_amount": "create_order(tax_free_amount=…, …)",
    "vat_amount": "create_order(vat_amount=…, …)",
    "return_url": 'create_order(return_url="/orders/7/", …)',
    "buyer_name": 'create_order(buyer_name="…", …)',
    "buyer_email": 'create_order(buyer_email="…", …)',
    "buyer_tel": 'create_order(buyer_tel="010-…", …)',
    "buyer_phone": 'create_order(buyer_tel="010-…", …)',
    "buyer_addr": 'create_order(buyer_addr="…", …)',
    "buyer_postcode": 'create_order(buyer_postcode="…", …)',
}


def unknown_option(name: str, own: Iterable[str] = (), elsewhere: Mapping[str, str] = ELSEWHERE) -> InvalidOption:
    """What is said of a keyword that is no option: the nearest one, or its other home.

    `own` are words that the caller takes besides; `elsewhere` says of others what to write.
    """
    meant = name if name in elsewhere else nearest(name, (*elsewhere, *OPTION_NAMES, *own))
    write = "" if meant is None else elsewhere.get(meant) or f"{meant}=…"
    return InvalidOption(name, "is not an option here (docs/options.md lists them)", write=write)


def _read(name: str, value: Any) -> Any:
    if name not in OPTION_NAMES:
        raise unknown_option(name)
    if value is None:
        return None
    reader: _Reader = _READERS.get(name, scalars.read_flag)
    return reader(name, value)


def _spread(options: dict[str, Any]) -> dict[str, Any]:
    """card_direct={"code": "366", "quota": 3} is card_direct="366" and card_direct_quota=3."""
    direct = options.get("card_direct")
    if not isinstance(direct, dict):
        return options
    if "code" not in direct or not set(direct) <= {"code", "quota"}:
        raise InvalidOption(
            "card_direct", f"a dict of it has code and quota, not {sorted(map(str, direct))}", write='card_direct="366"'
        )
    if "quota" in direct and options.get("card_direct_quota") is not None:
        raise InvalidOption("card_direct_quota", "card_direct has a quota too: keep one of them")
    quota = {"card_direct_quota": direct["quota"]} if "quota" in direct else {}
    return {**options, "card_direct": direct["code"], **quota}


def _plain(value: Any) -> Any:
    """The JSON-able form that the option's reader reads back as the same value."""
    if isinstance(value, tuple) and value and isinstance(value[0], IssuerRule):
        return [rule.as_dict() for rule in value]
    if isinstance(value, tuple) and value and isinstance(value[0], dt.date):
        return "-".join(day.strftime("%Y%m%d") for day in value)
    if isinstance(value, tuple):
        return list(value)
    return jsonable.copy_of(value)
