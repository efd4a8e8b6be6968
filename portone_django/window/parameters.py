"""The whole argument of `IMP.request_pay`, for PC and phone at once, from checked options and one attempt."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.views.decorators.debug import sensitive_variables

from ..money import require_split, require_won
from .buyer import NAME_LENGTH, Buyer, cut
from .cards import merge_free_months
from .channels import one_channel
from .dates import KST, Period, vbank_due_text
from .dialects import bypass_params
from .errors import InvalidOption
from .jsonable import copy_of
from .options import WindowOptions
from .rules import INSTALMENTS_FROM, contradictions, issuer_rules

__all__ = ["Buyer", "request_pay_params"]


@sensitive_variables("params")
def request_pay_params(
    options: WindowOptions,
    *,
    merchant_uid: str,
    amount: int,
    currency: str = "KRW",
    name: str,
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    buyer: Buyer,
    channel_key: str | None = None,
    pg: str | None = None,
    m_redirect_url: str,
    notice_url: str | None = None,
    confirm_url: str | None = None,
    customer_uid: str | None = None,
    now: dt.datetime | None = None,
) -> dict[str, Any]:
    """A fresh, JSON-able dict: IMP.request_pay writes into it, so never use one twice.

    Amounts are won. `name` (40) and the buyer's fields (16, 64, 16, 128, 8) are cut, never refused. `now` (aware) is
    what vbank_due in days counts from: pass clock.now(); without it the machine's time. With `customer_uid` it is the
    window that registers a card: `amount` is only shown there and may be 0. Below 50,000 won nothing about
    instalments is sent. Raises InvalidOption; TypeError for an amount that is not an int.
    """
    now = now or dt.datetime.now(KST)
    _attempt(merchant_uid, require_won(amount, "amount"), customer_uid)
    contradictions(options, amount=amount, currency=currency, buyer=buyer, customer_uid=customer_uid, now=now)
    _urls(m_redirect_url, notice_url, confirm_url)
    params: dict[str, Any] = {
        **one_channel(channel_key, pg),
        "pay_method": options.pay_method,
        "merchant_uid": merchant_uid,
        "name": _title(name),
        "amount": amount,
        "currency": currency,
        **_tax(amount, tax_free_amount, vat_amount),
        **buyer.params(),
        "m_redirect_url": m_redirect_url,
        "notice_url": notice_url,
        "confirm_url": confirm_url,
        "customer_uid": customer_uid,
        "escrow": options.escrow or None,
        "digital": options.digital,
        "language": options.language,
        "period": _period(options.period),
        "vbank_due": None if options.vbank_due is None else vbank_due_text(options.vbank_due, now),
        "app_scheme": options.app_scheme,
        "popup": options.popup,
        "customer_id": options.customer_id,
        "custom_data": copy_of(options.custom_data),
        **_card(options, has_instalments=amount >= INSTALMENTS_FROM),
        "bypass": bypass_params(options) or None,
    }
    return {key: value for key, value in params.items() if value is not None}


def _attempt(merchant_uid: str, amount: int, customer_uid: str | None) -> None:
    # PortOne V1 keeps 40 characters and is silent on which; other sign sets are refused by some PGs.
    if not isinstance(merchant_uid, str) or not re.fullmatch("[A-Za-z0-9_-]{1,40}", merchant_uid):
        raise InvalidOption("merchant_uid", f"must be 1 to 40 of a-z, A-Z, 0-9, _ and -, not {merchant_uid!r}")
    if customer_uid is not None and not re.fullmatch("[!-~]{1,80}", customer_uid):
        raise InvalidOption("customer_uid", f"must be 1 to 80 printable ASCII characters, not {customer_uid!r}")
    if amount == 0 and not customer_uid:
        raise InvalidOption("amount", "an order of 0 won is settled without a window")


def _urls(m_redirect_url: str, notice_url: str | None, confirm_url: str | None) -> None:
    urls = {"m_redirect_url": m_redirect_url, "notice_url": notice_url, "confirm_url": confirm_url}
    for option, url in urls.items():
        if url is not None and not re.fullmatch(r"https?://[^\s/?#]+[!-~]*", url):
            raise InvalidOption(option, f"must be a full address such as https://shop.example/…, not {url!r}")
    parts = urlsplit(m_redirect_url)
    # Published SDK builds append the result wrongly behind a second key or a fragment.
    if parts.fragment or len(parse_qsl(parts.query, keep_blank_values=True)) > 1:
        raise InvalidOption(
            "m_redirect_url", "may have at most one query key and no fragment: put the rest into its path"
        )


def _title(name: str) -> str:
    title = cut(name, NAME_LENGTH)
    if not title:
        raise InvalidOption("name", "is empty, and the KG Inicis window needs it", write='create_order(name="…", …)')
    return title


def _tax(amount: int, tax_free_amount: int | None, vat_amount: int | None) -> dict[str, int | None]:
    try:
        require_split(amount, tax_free_amount=tax_free_amount, vat_amount=vat_amount)
    except ValueError as error:
        option = "tax_free_amount" if str(error).startswith("tax_free_amount") else "vat_amount"
        raise InvalidOption(option, str(error).removeprefix(option).strip()) from error
    return {"tax_free": tax_free_amount, "vat_amount": vat_amount}


def _period(period: Period | None) -> dict[str, str] | None:
    return period and {"from": period[0].strftime("%Y%m%d"), "to": period[1].strftime("%Y%m%d")}


def _card(options: WindowOptions, *, has_instalments: bool) -> dict[str, Any]:
    free = options.free_interest_from_mall if has_instalments else False
    rules = issuer_rules(options)
    if isinstance(free, dict):
        rules = merge_free_months(rules, free)
    detail = [rule.as_dict() for rule in rules]
    if not has_instalments:
        detail = [{key: value for key, value in entry.items() if key != "max_month"} for entry in detail]
    card = {
        "direct": _direct(options, has_instalments=has_instalments),
        "detail": detail or None,
        "interest_free": options.interest_free if has_instalments else None,
    }
    quotas = options.card_quota if has_instalments else None
    return {
        "display": None if quotas is None else {"card_quota": list(quotas)},
        "card": {key: value for key, value in card.items() if value is not None} or None,
        "useFreeInterestFromMall": True if free else None,
    }


def _direct(options: WindowOptions, *, has_instalments: bool) -> dict[str, Any] | None:
    if options.card_direct is None:
        return None
    if options.card_direct_quota is None:
        return {"code": options.card_direct}
    return {"code": options.card_direct, "quota": options.card_direct_quota if has_instalments else 0}
