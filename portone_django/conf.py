"""Reads the one settings dict, `PORTONE = {…}`, into a typed, checked, frozen configuration.

A wrong or unknown key never becomes a silent default: `problems()` lists every fault with the line to
write (the system checks print them), and `get_config()` raises ImproperlyConfigured with the same text.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.views.decorators.debug import sensitive_variables

SEND_DEADLINE_SECONDS = 45
TASK_LIMIT_SECONDS = 90
LEASE_SECONDS = 120
QUIET_PERIOD_SECONDS = 600

_FIRST_LINE = 'PORTONE = {"USER_CODE": os.environ["PORTONE_USER_CODE"], …}'
_REQUIRED = ("USER_CODE", "IMP_KEY", "IMP_SECRET", "CHANNELS", "PUBLIC_BASE_URL", "UID_KEY", "MERCHANT_UID_PREFIX")


@dataclass(frozen=True, slots=True)
class Channel:
    """One PortOne channel as configured: how to reach it and what its payments must look like.

    `pg_provider`, `pg_id` and `sandbox` are what GET /users/pg says of it; None = learn it from there.
    `pg_api_key` is KG Inicis' own key (상점관리자): with it a virtual account that is given up is closed there too.
    """

    name: str
    channel_key: str = ""
    pg: str = ""
    pg_provider: str | None = None
    pg_id: str | None = None
    sandbox: bool | None = None
    pg_api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunning:
    """When a declined bill is tried again, in days after the first decline, and what happens after the last day.

    `then`: "end" the subscription, "pause" it, or "keep" it and go on with the next period.
    """

    days: tuple[int, ...] = (1, 3, 5, 7)
    then: str = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings, one attribute per key (the key in lower case), each default beside its name."""

    user_code: str = ""
    imp_key: str = field(default="", repr=False)
    imp_secret: str = field(default="", repr=False)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    api_base: str = "https://api.iamport.kr"
    sdk_url: str = "https://cdn.iamport.kr/v1/iamport.js"
    public_base_url: str = ""
    uid_key: str = field(default="", repr=False)
    merchant_uid_prefix: str = ""
    accept_test_payments: bool = False
    webhook_mode: str = "deferred"
    attempt_lifetime: int = 30 * 60
    vbank_days: int = 3
    on_duplicate: str = "refund"
    on_mismatch: str = "hold"
    late_payment: str = "hold"
    time_zone: str = "Asia/Seoul"
    charge_hour: int = 10
    concurrency: int = 8
    minimum_charge: int = 100
    dunning: Dunning = Dunning()
    grace_days: int = 7
    catch_up: str = "current"
    notices: Mapping[str, bool] = field(default_factory=dict)
    key_in: bool = False
    keep_payment_days: int = 5 * 366
    keep_webhook_days: int = 90
    support: str = ""
    subscribe_url: str = ""
    adapter: str = "portone_django.adapter.Adapter"
    movable_clock: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """The business time zone (dates of deadlines, receipts and renewals)."""
        return ZoneInfo(self.time_zone)

    def channel(self, name: str) -> Channel:
        """The channel of that name; raises ImproperlyConfigured naming the ones there are."""
        try:
            return self.channels[name]
        except (KeyError, TypeError):
            known = ", ".join(repr(known) for known in self.channels) or "none"
            raise ImproperlyConfigured(
                f'PORTONE["CHANNELS"] has no channel {name!r} (configured: {known}). '
                f'Write: "CHANNELS": {{{name!r}: {{"channel_key": "channel-key-…"}}}}'
            ) from None


_CHOICES: dict[str, tuple[str, ...]] = {
    "webhook_mode": ("deferred", "inline"),
    "on_duplicate": ("refund", "hold"),
    "on_mismatch": ("hold", "refund"),
    "late_payment": ("hold", "accept", "refund"),
    "catch_up": ("current", "each", "none"),
}
_RANGES: dict[str, tuple[int, int]] = {
    "attempt_lifetime": (60, 24 * 3600),
    "vbank_days": (1, 60),
    "charge_hour": (0, 23),
    "keep_payment_days": (5 * 365 + 2, 100 * 366),
    "keep_webhook_days": (1, 100 * 366),
    "concurrency": (1, 256),
    "minimum_charge": (1, 1_000_000),
    "grace_days": (0, 366),
}
# The mails there are; PORTONE["NOTICES"] switches each.
NOTICE_KINDS = ("card_registered", "bill_paid", "bill_failed", "bill_given_up", "subscription_ended", "card_needed")
_THEN = ("end", "pause", "keep")

# Why a number outside of its range is refused, where the number alone does not say it.
_REASONS = {"keep_payment_days": "the law keeps records of payments for five years (전자상거래법 시행령 §6)"}


def get_config() -> Config:
    """The checked configuration; raises ImproperlyConfigured listing every problem at once."""
    config, faults = _read()
    if faults:
        raise ImproperlyConfigured("\n".join(fault for _, fault in faults))
    return config


def problems() -> list[tuple[str, str]]:
    """Every fault of the settings as (key, sentence with the line to write); empty when all is well."""
    return list(_read()[1])


@lru_cache(maxsize=1)
@sensitive_variables()
def _read() -> tuple[Config, tuple[tuple[str, str], ...]]:
    raw = getattr(settings, "PORTONE", None)
    if raw is None:
        return Config(), (("PORTONE", f"The settings have no PORTONE dict. Write: {_FIRST_LINE}"),)
    if not isinstance(raw, Mapping):
        return Config(), (("PORTONE", f"PORTONE must be a dict, not {type(raw).__name__}. Write: {_FIRST_LINE}"),)
    faults: list[tuple[str, str]] = []
    values: dict[str, Any] = {}
    for key, value in raw.items():
        _read_key(str(key), value, values, faults)
    values.setdefault("accept_test_payments", bool(settings.DEBUG))
    values.setdefault("movable_clock", False)
    for key in _REQUIRED:
        if key not in raw:
            faults.append((key, f'PORTONE["{key}"] is missing. Write: {_example(key)}'))
    return Config(**values), tuple(faults)


@sensitive_variables()
def _read_key(key: str, value: Any, values: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    name = key.lower()
    kinds = get_type_hints(Config)
    if key != key.upper() or name not in kinds:
        near = difflib.get_close_matches(key.upper(), [known.upper() for known in kinds], n=1)
        hint = f'Did you mean "{near[0]}"?' if near else "Leave it out."
        faults.append((key, f'PORTONE has an unknown key "{key}". {hint}'))
        return
    if name in _READERS:
        values[name] = _READERS[name](value, faults)
        return
    fault = _fault_of(name, kinds[name], value)
    if fault:
        faults.append((key, f'PORTONE["{key}"] {fault} Write: {_entry(name, kinds[name], value)}'))
        return
    values[name] = value.strip() if isinstance(value, str) else value


@sensitive_variables()
def _fault_of(name: str, kind: Any, value: Any) -> str | None:
    if type(value) is not kind:
        return f"must be {kind.__name__}, not {type(value).__name__}."
    if isinstance(value, str) and name.upper() in _REQUIRED and not value.strip():
        return "is empty."
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"must be one of {', '.join(map(repr, _CHOICES[name]))}, not {value!r}."
    if name in _RANGES and not _RANGES[name][0] <= value <= _RANGES[name][1]:
        why = f": {_REASONS[name]}" if name in _REASONS else ""
        return f"must be between {_RANGES[name][0]} and {_RANGES[name][1]}, not {value}{why}."
    if name == "time_zone" and value not in available_timezones():
        return f"is not a known time zone: {value!r}."
    if name == "merchant_uid_prefix":
        return _prefix_fault(value)
    if name == "uid_key" and len(value.encode()) < 32:
        return 'is shorter than 32 bytes. Make one: python -c "import secrets; print(secrets.token_hex(32))"'
    if name in ("api_base", "sdk_url", "public_base_url") and not value.startswith(("https://", "http://")):
        return f"must be a full URL such as https://shop.example, not {value!r}."
    return None


def _prefix_fault(value: str) -> str | None:
    if value.isascii() and value.isalnum() and value == value.lower() and len(value) <= 8:
        return None
    return f"must be 1 to 8 characters of a-z and 0-9, different in every environment, not {value!r}."


@sensitive_variables()
def _read_channels(value: Any, faults: list[tuple[str, str]]) -> dict[str, Channel]:
    if not isinstance(value, Mapping) or not value:
        line = '"CHANNELS": {"checkout": {"channel_key": "channel-key-…"}}'
        faults.append(("CHANNELS", f'PORTONE["CHANNELS"] must name at least one channel. Write: {line}'))
        return {}
    channels: dict[str, Channel] = {}
    for name, entry in value.items():
        where = f'PORTONE["CHANNELS"]["{name}"]'
        known = {f.name for f in fields(Channel)} - {"name"}
        if not isinstance(entry, Mapping):
            line = f'"{name}": {{"channel_key": "channel-key-…"}}'
            faults.append(("CHANNELS", f"{where} must be a dict. Write: {line}"))
            continue
        for key in set(entry) - known:
            near = difflib.get_close_matches(str(key), sorted(known), n=1)
            hint = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(sorted(known))}."
            faults.append(("CHANNELS", f'{where} has an unknown key "{key}". {hint}'))
        given = {key: entry[key] for key in known if key in entry}
        wrong = [key for key, value in given.items() if key != "sandbox" and not isinstance(value, str)]
        for key in wrong:
            text = f'must be str, not {type(given.pop(key)).__name__}. Write: "{key}": "…"'
            faults.append(("CHANNELS", f'{where}["{key}"] {text}'))
        channel = Channel(name=str(name), **given)
        if not wrong:
            faults.extend(("CHANNELS", f"{where} {fault}") for fault in _channel_faults(channel))
        channels[str(name)] = channel
    return channels


def _read_dunning(value: Any, faults: list[tuple[str, str]]) -> Dunning:
    line = 'Write: "DUNNING": {"days": [1, 3, 5, 7], "then": "end"}'
    if not isinstance(value, Mapping) or set(value) - {"days", "then"}:
        faults.append(("DUNNING", f'PORTONE["DUNNING"] must be a dict with "days" and "then". {line}'))
        return Dunning()
    days = value.get("days", Dunning().days)
    then = value.get("then", Dunning().then)
    is_list = isinstance(days, list | tuple) and all(type(day) is int and 1 <= day <= 366 for day in days)
    if not is_list or list(days) != sorted(set(days)):
        text = f"must be rising numbers of days between 1 and 366, not {days!r}."
        faults.append(("DUNNING", f'PORTONE["DUNNING"]["days"] {text} {line}'))
        return Dunning()
    if then not in _THEN:
        text = f"must be one of {', '.join(map(repr, _THEN))}, not {then!r}."
        faults.append(("DUNNING", f'PORTONE["DUNNING"]["then"] {text} {line}'))
        return Dunning()
    return Dunning(days=tuple(days), then=then)


def _read_notices(value: Any, faults: list[tuple[str, str]]) -> dict[str, bool]:
    line = 'Write: "NOTICES": {"bill_paid": False}'
    if not isinstance(value, Mapping):
        faults.append(("NOTICES", f'PORTONE["NOTICES"] must be a dict. {line}'))
        return {}
    for key, switch in value.items():
        if key not in NOTICE_KINDS:
            near = difflib.get_close_matches(str(key), NOTICE_KINDS, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else f" There are: {', '.join(NOTICE_KINDS)}."
            faults.append(("NOTICES", f'PORTONE["NOTICES"] has an unknown key "{key}".{hint}'))
        elif type(switch) is not bool:
            faults.append(("NOTICES", f'PORTONE["NOTICES"]["{key}"] must be True or False, not {switch!r}. {line}'))
    return {key: switch for key, switch in value.items() if key in NOTICE_KINDS and type(switch) is bool}


# Keys whose values are more than one word.
_READERS: dict[str, Callable[[Any, list[tuple[str, str]]], Any]] = {
    "channels": _read_channels,
    "dunning": _read_dunning,
    "notices": _read_notices,
}


@sensitive_variables()
def _channel_faults(channel: Channel) -> list[str]:
    faults = []
    if bool(channel.channel_key) == bool(channel.pg):
        have = "both" if channel.pg else "neither"
        faults.append(f'needs either "channel_key" or "pg", and has {have}. Keep "channel_key".')
    if channel.pg and "." not in channel.pg:
        faults.append(f'"pg" must name the MID, not {channel.pg!r}. Write: "pg": "html5_inicis.MID"')
    if channel.sandbox is not None and not isinstance(channel.sandbox, bool):
        faults.append(f'"sandbox" must be True or False, not {channel.sandbox!r}. Write: "sandbox": False')
    return faults


@sensitive_variables()
def _entry(name: str, kind: Any, value: Any) -> str:
    """The entry to write instead: the value without its quotes where that is right, else the default."""
    if name.upper() in _REQUIRED:
        return _example(name.upper())
    try:
        meant = ast.literal_eval(value) if kind is not str else None
    except (ValueError, SyntaxError):
        meant = None
    right = meant if type(meant) is kind and not _fault_of(name, kind, meant) else getattr(Config(), name)
    return f'"{name.upper()}": ' + (f'"{right}"' if kind is str else repr(right))


def _example(key: str) -> str:
    """The entry of a key that has no default."""
    lines = {
        "CHANNELS": '"CHANNELS": {"checkout": {"channel_key": os.environ["PORTONE_CHANNEL_KEY"]}}',
        "PUBLIC_BASE_URL": '"PUBLIC_BASE_URL": "https://shop.example"',
        "MERCHANT_UID_PREFIX": '"MERCHANT_UID_PREFIX": "shop1"  # another one in every environment',
    }
    return lines.get(key, f'"{key}": os.environ["PORTONE_{key}"]')


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("PORTONE", "DEBUG"):
        _read.cache_clear()


setting_changed.connect(_forget, dispatch_uid="portone_django.conf")
