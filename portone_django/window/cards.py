"""Which issuers, instalments and interest-free months the card screen offers, read from the card options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import InvalidOption, nearest
from .scalars import LONGEST_INSTALMENT, read_flag, read_months, read_whole_number

__all__ = [
    "EVERY_ISSUER",
    "IssuerRule",
    "except_rules",
    "merge_free_months",
    "only_rules",
    "read_card_detail",
    "read_card_quota",
    "read_direct_quota",
    "read_free_interest",
    "read_issuer",
    "read_issuers",
]

EVERY_ISSUER = "*"
_CODE = re.compile("[0-9]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRule:
    """One entry of `card.detail`: an issuer (or "*"), whether it shows, its longest interest-free instalment."""

    card_code: str
    enabled: bool = True
    max_month: int | None = None

    def as_dict(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"card_code": self.card_code, "enabled": self.enabled}
        return entry if self.max_month is None else {**entry, "max_month": self.max_month}


def read_issuer(option: str, value: Any) -> str:
    """A KFTC issuer code: three digits as a string, leading zeros kept (KG Inicis guide)."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise InvalidOption(option, "an issuer code is a str: its leading zeros count", write=f'{option}="{value:03d}"')
    if not isinstance(value, str) or not _CODE.fullmatch(value.strip()):
        raise InvalidOption(
            option,
            f"an issuer is a three-digit KFTC code such as 366 (Shinhan), not {value!r}",
            write=f'{option}="366"',
        )
    return value.strip()


def read_issuers(option: str, value: Any) -> tuple[str, ...]:
    """Issuer codes from a list, or from "366,361"; order kept, each once."""
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not entries:
        raise InvalidOption(option, f"must name at least one issuer, not {value!r}", write=f'{option}="366,361"')
    return tuple(dict.fromkeys(read_issuer(option, entry) for entry in entries))


def read_card_quota(option: str, value: Any) -> tuple[int, ...]:
    """Instalment months, ascending: [2, 3] or "2,3" or 3; () is a lump sum only, from [], 0 or "0"."""
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        entries = [entries]
    months = {_quota(option, entry) for entry in entries}
    if 0 in months and len(months) > 1:
        raise InvalidOption(
            option,
            f"0 is a lump sum only, so {value!r} contradicts itself; a lump sum is offered beside instalments anyway",
            write=f'{option}="{",".join(map(str, sorted(months - {0})))}"',
        )
    return tuple(sorted(months - {0}))


def read_direct_quota(option: str, value: Any) -> int:
    """The one fixed instalment of a directly opened issuer: months, 0 = lump sum."""
    return _quota(option, value)


def read_card_detail(option: str, value: Any) -> tuple[IssuerRule, ...]:
    """Entries of `card.detail`: [{"card_code": "366" or "*", "enabled": True, "max_month": 6}, …]."""
    if not isinstance(value, list | tuple):
        raise InvalidOption(
            option, f"must be a list of dicts, not {value!r}", write='card_only="366,361", or card_except="366"'
        )
    rules = tuple(_rule(option, entry) for entry in value)
    codes = [rule.card_code for rule in rules]
    for code in codes:
        if codes.count(code) > 1:
            raise InvalidOption(option, f"names issuer {code!r} more than once: keep one entry of it")
    if rules and not any(rule.enabled for rule in rules) and EVERY_ISSUER in codes:
        raise InvalidOption(option, "switches every issuer off", write='card_only="366"')
    return rules


def read_free_interest(option: str, value: Any) -> bool | dict[str, int]:
    """True (the months stand in card_detail), or months by issuer: {"366": 6, "*": 3} or "366:6,*:3"."""
    if isinstance(value, bool) or (isinstance(value, str) and value.casefold() in ("true", "false")):
        return read_flag(option, value)
    pairs = list(value.items()) if isinstance(value, Mapping) else _pairs(option, value)
    if not pairs:
        raise InvalidOption(option, "names no issuer", write=f'{option}="366:6,361:3"')
    months: dict[str, int] = {}
    for code, longest in pairs:
        issuer = _issuer_or_all(option, code)
        if issuer in months:
            raise InvalidOption(option, f"names issuer {issuer!r} more than once", write=f'{option}="366:6,361:3"')
        months[issuer] = read_months(option, longest)
    return months


def only_rules(issuers: tuple[str, ...]) -> tuple[IssuerRule, ...]:
    """Everybody off, these on (KG Inicis guide)."""
    return (IssuerRule(card_code=EVERY_ISSUER, enabled=False), *(IssuerRule(card_code=code) for code in issuers))


def except_rules(issuers: tuple[str, ...]) -> tuple[IssuerRule, ...]:
    """These off, everybody else as it is."""
    return tuple(IssuerRule(card_code=code, enabled=False) for code in issuers)


def merge_free_months(rules: tuple[IssuerRule, ...], months: Mapping[str, int]) -> tuple[IssuerRule, ...]:
    """The rules with each shown issuer's interest-free months written in; an issuer without an entry receives one.

    Months of "*" also reach the issuers that have an entry without months of their own.
    """
    merged = {rule.card_code: rule for rule in rules}
    for code in months:
        merged.setdefault(code, IssuerRule(card_code=code))
    # "*" first, as in the guide's sample, so that a window that reads in order ends with the issuer's own entry.
    ordered = sorted(merged.values(), key=lambda rule: rule.card_code != EVERY_ISSUER)
    return tuple(_with_months(rule, months) for rule in ordered)


def _with_months(rule: IssuerRule, months: Mapping[str, int]) -> IssuerRule:
    longest = months.get(rule.card_code, rule.max_month or months.get(EVERY_ISSUER))
    return replace(rule, max_month=longest) if rule.enabled else rule


def _quota(option: str, value: Any) -> int:
    months = read_whole_number(option, value, write=f"{option}=3")
    if months == 0:
        return 0
    if not 2 <= months <= LONGEST_INSTALMENT:
        raise InvalidOption(
            option,
            f"an instalment has 2 to {LONGEST_INSTALMENT} months, not {months}; a lump sum is 0",
            write=f"{option}=3",
        )
    return months


def _rule(option: str, entry: Any) -> IssuerRule:
    sample = 'card_detail=[{"card_code": "366", "enabled": True}]'
    if isinstance(entry, IssuerRule):
        entry = entry.as_dict()
    if not isinstance(entry, Mapping) or "card_code" not in entry:
        raise InvalidOption(option, f"every entry is a dict with card_code, not {entry!r}", write=sample)
    for key in entry:
        if key not in ("card_code", "enabled", "max_month"):
            meant = nearest(str(key), ("card_code", "enabled", "max_month"))
            raise InvalidOption(option, f"an entry has an unknown key {key!r}", write=f'"{meant or "enabled"}"')
    longest = entry.get("max_month")
    return IssuerRule(
        card_code=_issuer_or_all(option, entry["card_code"]),
        enabled=read_flag(option, entry.get("enabled", True)),
        max_month=None if longest is None else read_months(option, longest),
    )


def _issuer_or_all(option: str, value: Any) -> str:
    if isinstance(value, str) and value.strip() == EVERY_ISSUER:
        return EVERY_ISSUER
    if isinstance(value, str) and _CODE.fullmatch(value.strip()):
        return value.strip()
    raise InvalidOption(option, f'an issuer is "*" or a str of three digits such as "366", not {value!r}')


def _pairs(option: str, value: Any) -> list[tuple[str, str]]:
    write = f'{option}="366:6,361:3"'
    if not isinstance(value, str):
        raise InvalidOption(option, f"must be True, a dict of months by issuer, or a str, not {value!r}", write=write)
    pairs = [tuple(entry.split(":")) for entry in value.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        raise InvalidOption(option, f"must be issuer:months, joined with commas, not {value!r}", write=write)
    return [(pair[0], pair[1]) for pair in pairs]
