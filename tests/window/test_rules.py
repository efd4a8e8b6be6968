"""Options that cannot stand together are said with their names; those that can, pass."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portone_django.window import Buyer, InvalidOption, WindowOptions, contradictions

from .samples import NOW

CARD_OPTIONS: list[dict[str, Any]] = [
    {"card_quota": "2,3"},
    {"card_quota": []},
    {"interest_free": 3},
    {"free_interest_from_mall": "366:3"},
    {"card_direct": "366"},
    {"card_detail": [{"card_code": "366"}]},
    {"card_only": "366"},
    {"card_except": "366"},
    {"card_points": True},
    {"hyundai_points": False},
    {"card_show_option": "04-6"},
    {"payshot_key": "shop1"},
]
WALLETS = ["kakaopay", "naverpay", "samsung", "applepay", "ssgpay", "payco", "tosspay", "lpay"]
GIFT_CARDS = ["cultureland", "smartculture", "happymoney", "booknlife"]


def refused(options: dict[str, Any], **situation: Any) -> InvalidOption:
    with pytest.raises(InvalidOption) as caught:
        contradictions(WindowOptions.parse(**options), **situation)
    return caught.value


@pytest.mark.parametrize("options", CARD_OPTIONS)
@pytest.mark.parametrize("method", ["vbank", "trans", *GIFT_CARDS])
def test_a_card_option_without_a_card_screen_is_refused(options: dict[str, Any], method: str) -> None:
    error = refused({"pay_method": method, **options})
    assert error.option == next(iter(options))
    assert method in str(error)


@pytest.mark.parametrize("options", CARD_OPTIONS)
def test_a_card_option_passes_with_cards(options: dict[str, Any]) -> None:
    contradictions(WindowOptions.parse(pay_method="card", **options), amount=60_000)


@pytest.mark.parametrize(
    ("options", "named", "also"),
    [
        ({"pay_method": "card", "vbank_due": 3}, "vbank_due", "card"),
        ({"pay_method": "trans", "vbank_due": 3}, "vbank_due", "trans"),
        ({"pay_method": "phone"}, "digital", "phone"),
        ({"pay_method": "phone", "digital": True, "escrow": True}, "escrow", "phone"),
        ({"pay_method": "cultureland", "escrow": True}, "escrow", "cultureland"),
        ({"pay_method": "kakaopay", "card_direct": "366"}, "card_direct", "kakaopay"),
        ({"pay_method": "kakaopay", "no_easy_pay": True}, "no_easy_pay", "kakaopay"),
        ({"card_only": "366", "card_except": "361"}, "card_only", "card_except"),
        ({"card_except": "366", "card_detail": [{"card_code": "361"}]}, "card_except", "card_detail"),
        ({"card_direct_quota": 3}, "card_direct_quota", "card_direct="),
        ({"direct_card_points": True}, "direct_card_points", "card_direct"),
        ({"card_direct": "366", "card_only": "361"}, "card_direct", "card_only"),
        ({"card_direct": "366", "card_except": "366"}, "card_direct", "card_except"),
        (
            {"card_direct": "366", "card_detail": [{"card_code": "366", "enabled": False}]},
            "card_direct",
            "card_detail",
        ),
        ({"card_direct": "366", "card_direct_quota": 3, "card_quota": "2,6"}, "card_direct_quota", "card_quota"),
        ({"card_direct": "366", "card_direct_quota": 3, "card_quota": "0"}, "card_direct_quota", "card_quota"),
        ({"card_quota": "0", "interest_free": 3}, "interest_free", "card_quota"),
        ({"card_quota": "0", "free_interest_from_mall": "366:3"}, "free_interest_from_mall", "card_quota"),
        ({"free_interest_from_mall": True}, "free_interest_from_mall", "366:6"),
        ({"free_interest_from_mall": "366:3", "card_except": "366"}, "free_interest_from_mall", "366"),
        ({"free_interest_from_mall": "366:3", "card_only": "361"}, "free_interest_from_mall", "366"),
        (
            {"free_interest_from_mall": "366:3", "card_detail": [{"card_code": "366", "max_month": 6}]},
            "free_interest_from_mall",
            "card_detail",
        ),
    ],
)
def test_contradicting_options_are_refused_naming_both(options: dict[str, Any], named: str, also: str) -> None:
    error = refused(options)
    assert error.option == named
    assert also in str(error)


@pytest.mark.parametrize(
    "options",
    [
        {"card_direct": "366", "card_direct_quota": 0, "card_quota": "2,6"},
        {"card_direct": "366", "card_direct_quota": 6, "card_quota": "2,6"},
        {"card_direct": "366", "card_only": "366"},
        {"pay_method": "kakaopay", "card_quota": "2,3"},
        {"pay_method": "card", "digital": True},
        {"pay_method": "phone", "digital": False},
        {"pay_method": "vbank", "escrow": True, "vbank_due": 3},
        {"pay_method": "trans", "escrow": True},
        {"pay_method": "card", "escrow": True},
        {"interest_free": 3, "free_interest_from_mall": "366:6"},
        {"free_interest_from_mall": True, "card_detail": [{"card_code": "366", "max_month": 6}]},
        {"free_interest_from_mall": "366:6", "card_detail": [{"card_code": "366", "max_month": 6}]},
        {"free_interest_from_mall": "*:3", "card_only": "366"},
    ],
)
def test_options_that_agree_pass(options: dict[str, Any]) -> None:
    contradictions(WindowOptions.parse(**options), amount=60_000)


@pytest.mark.parametrize("method", ["card", "trans", "vbank", *WALLETS, *GIFT_CARDS])
def test_every_method_of_inicis_opens_without_options(method: str) -> None:
    contradictions(WindowOptions.parse(pay_method=method), amount=60_000, buyer=Buyer(tel="010"))


@pytest.mark.parametrize("amount", [100, 0])
def test_an_amount_that_a_card_can_take_or_that_opens_no_window_passes(amount: int) -> None:
    contradictions(WindowOptions.parse(), amount=amount)


def test_less_than_a_card_takes_is_refused() -> None:
    assert refused({}, amount=99).option == "amount"


def test_an_escrow_account_takes_500_won_or_more() -> None:
    options = {"pay_method": "vbank", "escrow": True}
    assert refused(options, amount=499).option == "escrow"
    contradictions(WindowOptions.parse(**options), amount=500)


@pytest.mark.parametrize("buyer", [Buyer(), Buyer(tel="  "), Buyer(name="홍길동", tel="\n")])
def test_a_buyer_without_telephone_is_refused_because_inicis_refuses(buyer: Buyer) -> None:
    assert refused({}, buyer=buyer).option == "buyer_tel"


def test_a_currency_other_than_won_is_refused() -> None:
    assert refused({}, currency="USD").option == "currency"


@pytest.mark.parametrize("method", ["vbank", "trans", "kakaopay"])
def test_only_a_card_can_be_registered(method: str) -> None:
    assert refused({"pay_method": method}, customer_uid="c1").option == "pay_method"


@pytest.mark.parametrize("amount", [0, 99])
def test_registering_a_card_may_show_any_amount(amount: int) -> None:
    contradictions(WindowOptions.parse(), amount=amount, customer_uid="c1")


@pytest.mark.parametrize("due", ["20260801", "20260802005959", "20260802010000"])
def test_a_deposit_deadline_that_is_over_is_refused(due: str) -> None:
    assert refused({"pay_method": "vbank", "vbank_due": due}, now=NOW).option == "vbank_due"


@pytest.mark.parametrize("due", [1, "20260802", "20260802010001"])
def test_a_deposit_deadline_ahead_passes(due: Any) -> None:
    contradictions(WindowOptions.parse(pay_method="vbank", vbank_due=due), now=NOW)


def test_without_a_moment_a_deadline_is_not_judged() -> None:
    contradictions(WindowOptions.parse(pay_method="vbank", vbank_due=dt.date(2001, 1, 1)))
