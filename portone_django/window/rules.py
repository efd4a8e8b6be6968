"""Which options cannot stand together, with this method and this amount: said before a customer clicks.

Refused is what the KG Inicis guide or PortOne's tables exclude, and what says two things at once; the rest passes.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from .buyer import Buyer
from .cards import EVERY_ISSUER, IssuerRule, except_rules, only_rules
from .dates import deposit_deadline
from .dialects import bypass_params
from .errors import InvalidOption

if TYPE_CHECKING:
    from .options import WindowOptions

__all__ = ["INSTALMENTS_FROM", "contradictions", "issuer_rules"]

INSTALMENTS_FROM = 50_000  # won; KG Inicis guide: below it only a lump sum
SMALLEST_CARD = 100  # won; Inicis' 500690 refuses less
SMALLEST_ESCROW_ACCOUNT = 500  # won; Inicis' 504612 refuses less
_GIFT_CARDS = ("cultureland", "smartculture", "happymoney", "booknlife")
_WITHOUT_CARDS = ("trans", "vbank", "phone", *_GIFT_CARDS)
# Escrow keeps money until goods arrive; Inicis' escrow refusals exist for cards, transfers and virtual accounts.
_WITHOUT_ESCROW = ("phone", *_GIFT_CARDS)
_WALLETS = ("kakaopay", "naverpay", "samsung", "applepay", "ssgpay", "payco", "tosspay", "lpay")
_CARD_OPTIONS = (
    "card_quota", "interest_free", "free_interest_from_mall", "card_direct", "card_direct_quota", "card_detail",
    "card_only", "card_except", "card_points", "direct_card_points", "hyundai_points", "card_show_option",
    "payshot_key",
)  # fmt: skip


def contradictions(
    options: WindowOptions,
    *,
    amount: int | None = None,
    currency: str = "KRW",
    buyer: Buyer | None = None,
    customer_uid: str | None = None,
    now: dt.datetime | None = None,
) -> None:
    """Raise InvalidOption for options that surely fail at KG Inicis or lose money.

    What is not given is not judged: `amount` in won (0 = nothing to pay, no window), `buyer`, `customer_uid` (set
    for the window that registers a card), `now` (aware; a deposit deadline before it is refused).
    """
    _method(options, customer_uid)
    _issuers(options)
    _instalments(options)
    bypass_params(options)
    if currency != "KRW":
        raise InvalidOption("currency", f"KG Inicis takes KRW, not {currency!r}", write='currency="KRW"')
    if buyer is not None and not buyer.params().get("buyer_tel"):
        why = "the KG Inicis window does not open without it"
        if customer_uid is None:
            raise InvalidOption("buyer_tel", why, write='create_order(buyer_tel="010-…", …)')
        write = '{% portone_register_card user buyer_tel="010-…" %}'
        raise InvalidOption("buyer_tel", f'{why}. Give it here, or in buyer() of your PORTONE["ADAPTER"]', write=write)
    if amount and not customer_uid:
        _smallest(options, amount)
    if now is not None and options.vbank_due is not None and deposit_deadline(options.vbank_due, now) <= now:
        raise InvalidOption("vbank_due", f"{options.vbank_due} is already over", write="vbank_due=3")


def issuer_rules(options: WindowOptions) -> tuple[IssuerRule, ...]:
    """`card.detail` as the options say it, without the months of free_interest_from_mall."""
    if options.card_only:
        return only_rules(options.card_only)
    return except_rules(options.card_except) or options.card_detail


def _method(options: WindowOptions, customer_uid: str | None) -> None:
    method = options.pay_method
    if customer_uid and method != "card":
        raise InvalidOption("pay_method", f"a card is registered with card, not {method}", write='pay_method="card"')
    if method in _WITHOUT_CARDS:
        name = next(filter(options.has, _CARD_OPTIONS), None)
        if name:
            raise InvalidOption(
                name, f'has no meaning with pay_method="{method}"', write='pay_method="card", or leave it out'
            )
    if method in _WALLETS and options.card_direct:
        raise InvalidOption(
            "card_direct", f'opens an issuer, pay_method="{method}" a wallet', write='pay_method="card"'
        )
    if method in _WALLETS and options.no_easy_pay:
        raise InvalidOption("no_easy_pay", f'hides what pay_method="{method}" asks for: keep one of them')
    if method in _WITHOUT_ESCROW and options.escrow:
        raise InvalidOption("escrow", f'is not for pay_method="{method}"', write='pay_method="vbank" (or card, trans)')
    if method != "vbank" and options.vbank_due is not None:
        raise InvalidOption("vbank_due", f'has no meaning with pay_method="{method}"', write='pay_method="vbank"')
    if method == "phone" and options.digital is None:
        raise InvalidOption(
            "digital",
            'pay_method="phone" needs it (the fee differs)',
            write="digital=True for digital goods, digital=False for parcels",
        )


def _issuers(options: WindowOptions) -> None:
    given = [name for name in ("card_only", "card_except", "card_detail") if options.has(name)]
    if len(given) > 1:
        raise InvalidOption(given[0], f"{' and '.join(given)} both choose issuers: keep one of them")
    if options.card_direct_quota is not None and options.card_direct is None:
        raise InvalidOption("card_direct_quota", "needs the issuer", write='card_direct="366" card_direct_quota=3')
    if options.direct_card_points and options.card_direct is None:
        raise InvalidOption(
            "direct_card_points", "is for an issuer opened directly", write='card_direct="366", or card_points=True'
        )
    if options.card_direct and not _is_shown(options, options.card_direct):
        raise InvalidOption("card_direct", f"opens issuer {options.card_direct}, which {given[0]} switches off")


def _instalments(options: WindowOptions) -> None:
    quotas, direct = options.card_quota, options.card_direct_quota
    if quotas is not None and direct and direct not in quotas:
        raise InvalidOption("card_direct_quota", f"{direct} months are not in card_quota {list(quotas)}")
    free = options.free_interest_from_mall
    if quotas == () and (options.interest_free or free):
        name = "interest_free" if options.interest_free else "free_interest_from_mall"
        raise InvalidOption(name, "there is no instalment to be free of interest: card_quota is a lump sum only")
    if free is True and not any(rule.max_month for rule in options.card_detail):
        raise InvalidOption(
            "free_interest_from_mall", "needs the months of each issuer", write='free_interest_from_mall="366:6,361:3"'
        )
    if isinstance(free, dict):
        _free_months(options, free)


def _free_months(options: WindowOptions, free: dict[str, int]) -> None:
    written = {rule.card_code: rule.max_month for rule in issuer_rules(options)}
    for code, months in free.items():
        if code != EVERY_ISSUER and not _is_shown(options, code):
            raise InvalidOption("free_interest_from_mall", f"issuer {code} is switched off by the other card options")
        if written.get(code) not in (None, months):
            raise InvalidOption(
                "free_interest_from_mall",
                f"says {months} months for {code}, card_detail says {written[code]}: keep one",
            )


def _is_shown(options: WindowOptions, code: str) -> bool:
    shown = {rule.card_code: rule.enabled for rule in issuer_rules(options)}
    return shown.get(code, shown.get(EVERY_ISSUER, True))


def _smallest(options: WindowOptions, amount: int) -> None:
    if options.escrow and options.pay_method == "vbank" and amount < SMALLEST_ESCROW_ACCOUNT:
        raise InvalidOption("escrow", f"an escrow account takes {SMALLEST_ESCROW_ACCOUNT} won or more, not {amount}")
    if options.pay_method == "card" and amount < SMALLEST_CARD:
        raise InvalidOption("amount", f"KG Inicis takes {SMALLEST_CARD} won or more from a card, not {amount}")
