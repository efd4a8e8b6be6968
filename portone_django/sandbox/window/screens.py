"""What one payment window shows, worked out once from the record and the parameters of request_pay."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from portone_django.sandbox.window import cards, catalogue
from portone_django.sandbox.window.deadlines import deposit_deadline, korean_text
from portone_django.sandbox.window.skins import asked_skin
from portone_django.sandbox.window.texts import texts
from portone_django.sandbox.window.tickets import Ticket

__all__ = ["Quota", "Screen", "describe", "wallet_screen", "won"]

Kind = Literal["card", "wallet", "vbank", "trans", "other"]

COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True)
class Quota:
    """One line of the instalment list; `months` 0 is a lump sum."""

    months: int
    label: str


@dataclass(frozen=True)
class Screen:
    """All that the templates and the reading of the form need; `amount` is won, `due` unix seconds, texts are ready."""

    kind: Kind
    method: str
    method_name: str
    language: str
    is_registration: bool
    is_mobile: bool
    shop: str
    goods: str
    amount: int
    amount_text: str
    buyer: str
    period: str
    is_escrow: bool
    skin: str
    issuers: tuple[cards.Issuer, ...] = ()
    quotas: tuple[Quota, ...] = ()
    wallets: tuple[tuple[str, str], ...] = ()
    direct: cards.Direct | None = None
    banks: tuple[tuple[str, str], ...] = ()
    due: int | None = None
    deadline: str = ""
    is_second_step: bool = False


def describe(record: Mapping[str, Any], params: Mapping[str, Any], ticket: Ticket, *, now: int) -> Screen:
    """The window for a record that is still `ready`; `now` is the sandbox's clock in unix seconds."""
    language = "en" if params.get("language") == "en" else "ko"
    words = texts(language)
    method = _method(params)
    kind, name = _kind(method, language)
    amount = int(record["amount"])
    screen = Screen(
        kind=kind,
        method=method,
        method_name=name,
        language=language,
        is_registration=bool(params.get("customer_uid")),
        is_mobile=ticket.device == "mobile",
        shop=ticket.shop or words["sandbox"],
        goods=_text(params.get("name")),
        amount=amount,
        amount_text=won(amount, language),
        buyer=_text(params.get("buyer_name")),
        period=_period(params.get("period")),
        is_escrow=params.get("escrow") is True,
        skin=asked_skin(params),
    )
    if kind == "card":
        return _with_cards(screen, params, ticket)
    if kind == "vbank":
        deadline = deposit_deadline(params.get("vbank_due"), now)
        shown = korean_text(deadline)[:16] if deadline else ""
        return replace(screen, banks=_names(catalogue.BANKS, language), due=deadline, deadline=shown)
    if kind == "trans":
        return replace(screen, banks=_names(catalogue.TRANSFER_BANKS, language))
    return screen


def wallet_screen(screen: Screen, wallet: str) -> Screen:
    """The confirmation that follows an easy-pay button of the card window."""
    return replace(screen, kind="wallet", method=wallet, method_name=dict(screen.wallets)[wallet], is_second_step=True)


def won(amount: int, language: str) -> str:
    """Money as the window prints it: `12,900원`, `KRW 12,900`."""
    return f"KRW {amount:,}" if language == "en" else f"{amount:,}원"


def _with_cards(screen: Screen, params: Mapping[str, Any], ticket: Ticket) -> Screen:
    """Billing cards are registered without instalments and without wallets."""
    language = screen.language
    months = (0,) if screen.is_registration else cards.offered_quotas(params, screen.amount)
    direct = cards.direct_issuer(params, screen.amount, language)
    easy_pay = cards.has_easy_pay(params, ticket.device) and not screen.is_registration and direct is None
    if direct is not None:
        months = (direct.quota,)
    free = cards.interest_free_months(params)
    return replace(
        screen,
        issuers=cards.offered_issuers(params, language) if direct is None else (direct.issuer,),
        quotas=tuple(Quota(m, _quota_label(m, free, texts(language))) for m in months),
        wallets=_names(catalogue.WALLETS, language) if easy_pay else (),
        direct=direct,
    )


def _quota_label(months: int, free: int, words: Mapping[str, str]) -> str:
    if months == 0:
        return words["lump_sum"]
    label = f"{months}{words['months']}"
    return f"{label} ({words['interest_free']})" if months <= free else label


def _method(params: Mapping[str, Any]) -> str:
    method = params.get("pay_method")
    if not isinstance(method, str) or not method:
        return "card"
    return "samsung" if method == "samsungpay" else method


def _kind(method: str, language: str) -> tuple[Kind, str]:
    words = texts(language)
    if method in ("card", "vbank", "trans"):
        return method, words[method]  # type: ignore[return-value]  # the three literals above
    wallet = catalogue.named(catalogue.WALLETS, method)
    if wallet is not None:
        return "wallet", wallet.name(language)
    other = catalogue.named(catalogue.OTHER_METHODS, method)
    return "other", other.name(language) if other else method


def _names(table: tuple[catalogue.Named, ...], language: str) -> tuple[tuple[str, str], ...]:
    return tuple((row.code, row.name(language)) for row in table)


def _period(period: object) -> str:
    if not isinstance(period, Mapping):
        return ""
    ends = [COMPACT_DATE.fullmatch(str(period.get(side))) for side in ("from", "to")]
    return " ~ ".join(f"{d[1]}.{d[2]}.{d[3]}" for d in ends if d)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
