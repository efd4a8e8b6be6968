"""Which issuers, instalments and easy-pay buttons a window offers, from `card`, `display` and `bypass`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from portone_django.sandbox.window.catalogue import ISSUERS, Named, named
from portone_django.sandbox.window.tickets import Device

__all__ = [
    "INSTALMENTS_FROM",
    "Direct",
    "Issuer",
    "direct_issuer",
    "has_easy_pay",
    "interest_free_months",
    "offered_issuers",
    "offered_quotas",
]

INSTALMENTS_FROM = 50_000  # won; PortOne V1: below it only a lump sum
LONGEST = 36  # months
USUAL_QUOTAS = tuple(range(2, 13))


@dataclass(frozen=True)
class Issuer:
    """One issuer's button; `free_months` is the longest instalment without interest, 0 for none."""

    code: str
    name: str
    free_months: int = 0


@dataclass(frozen=True)
class Direct:
    """`card.direct`: the issuer that is called without a choice, with its fixed instalment (0 = lump sum)."""

    issuer: Issuer
    quota: int


def offered_issuers(params: Mapping[str, Any], language: str) -> tuple[Issuer, ...]:
    """Issuers after `card.detail`: the entry "*" speaks for all that have none of their own."""
    rules = _detail(params)
    everyone = rules.get("*", {})
    return tuple(
        _issuer(row, rules.get(row.code, everyone), language)
        for row in ISSUERS
        if rules.get(row.code, everyone).get("enabled", True) is not False
    )


def offered_quotas(params: Mapping[str, Any], amount: int) -> tuple[int, ...]:
    """Instalment months in ascending order, 0 (lump sum) first; only that below 50,000 won."""
    if amount < INSTALMENTS_FROM:
        return (0,)
    asked = _mapping(params.get("display")).get("card_quota")
    months = USUAL_QUOTAS if not isinstance(asked, list) else tuple(m for m in asked if _is_months(m))
    return (0, *sorted(set(months)))


def direct_issuer(params: Mapping[str, Any], amount: int, language: str) -> Direct | None:
    """`card.direct`, None when absent; an issuer unknown to the tables is called by its code."""
    wanted = _mapping(_mapping(params.get("card")).get("direct"))
    code = wanted.get("code")
    if not isinstance(code, str) or not code:
        return None
    row = named(ISSUERS, code) or Named(code, code, code)
    quota = wanted.get("quota")
    months = quota if _is_months(quota) and amount >= INSTALMENTS_FROM else 0
    return Direct(_issuer(row, {}, language), months)


def interest_free_months(params: Mapping[str, Any]) -> int:
    """The longest instalment that is free of interest with every issuer, 0 for none."""
    months = _mapping(params.get("card")).get("interest_free")
    everyone = _detail(params).get("*", {}).get("max_month")
    return max(months if _is_months(months) else 0, everyone if _is_months(everyone) else 0)


def has_easy_pay(params: Mapping[str, Any], device: Device) -> bool:
    """Whether easy-pay buttons show; a PC reads `acceptmethod`, a phone `P_RESERVED`, each ignoring the other."""
    bypass = _mapping(params.get("bypass"))
    if device == "mobile":
        return "noeasypay=Y" not in str(bypass.get("P_RESERVED", "")).split("&")
    return "noeasypay" not in str(bypass.get("acceptmethod", "")).split(":")


def _detail(params: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    entries = _mapping(params.get("card")).get("detail")
    if not isinstance(entries, list):
        return {}
    return {str(entry.get("card_code")): entry for entry in entries if isinstance(entry, Mapping)}


def _issuer(row: Named, rule: Mapping[str, Any], language: str) -> Issuer:
    months = rule.get("max_month")
    return Issuer(row.code, row.name(language), months if _is_months(months) else 0)


def _is_months(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= LONGEST


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
