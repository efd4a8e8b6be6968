"""Options are read strictly, from Python and from templates alike, and survive being stored."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils.safestring import mark_safe

from portone_django.window import OPTION_NAMES, InvalidOption, WindowOptions

KST = dt.timezone(dt.timedelta(hours=9))
FLAGS = (
    "card_points", "direct_card_points", "hyundai_points", "no_easy_pay", "escrow", "digital", "cash_receipt",
    "ios_app", "apprun_check", "popup",
)  # fmt: skip


@pytest.mark.parametrize(
    ("option", "given_value", "read"),
    [
        ("pay_method", "kakaopay", "kakaopay"),
        ("card_quota", "2,3,6", (2, 3, 6)),
        ("card_quota", [6, 2, "3", 2], (2, 3, 6)),
        ("card_quota", (36,), (36,)),
        ("card_quota", 3, (3,)),
        ("card_quota", "0", ()),
        ("card_quota", 0, ()),
        ("card_quota", [], ()),
        ("interest_free", "6", 6),
        ("interest_free", 6, 6),
        ("free_interest_from_mall", "366:6, *:3", {"366": 6, "*": 3}),
        ("free_interest_from_mall", {"366": 6}, {"366": 6}),
        ("card_direct", "041", "041"),
        ("card_only", "366, 361", ("366", "361")),
        ("card_except", ["090"], ("090",)),
        ("period", "20260801-20260831", (dt.date(2026, 8, 1), dt.date(2026, 8, 31))),
        ("period", "2026-08-01~2026-08-31", (dt.date(2026, 8, 1), dt.date(2026, 8, 31))),
        ("period", {"from": "20260801", "to": "20260801"}, (dt.date(2026, 8, 1), dt.date(2026, 8, 1))),
        ("period", (dt.date(2026, 8, 1), "20260831"), (dt.date(2026, 8, 1), dt.date(2026, 8, 31))),
        ("language", "en-us", "en"),
        ("language", "ko", "ko"),
        ("skin", "#c1272c", "#c1272c"),
        ("app_scheme", "daumapps://open", "daumapps://open"),
        ("card_show_option", "04-6", "04-6"),
        ("customer_id", 1024, "1024"),
        ("custom_data", {"cart": [1, {"a": None}]}, {"cart": [1, {"a": None}]}),
    ],
)
def test_a_value_is_read_from_each_of_its_spellings(option: str, given_value: Any, read: Any) -> None:
    assert getattr(WindowOptions.parse(**{option: given_value}), option) == read


@pytest.mark.parametrize(
    ("given_value", "read"),
    [
        (3, 3),
        ("3", 3),
        (dt.date(2026, 8, 31), "20260831"),
        ("20260831", "20260831"),
        ("2026-08-31", "20260831"),
        ("20260831180000", "20260831180000"),
        ("2026-08-31 18:00:00", "20260831180000"),
        (dt.datetime(2026, 8, 31, 18, 0, tzinfo=KST), "20260831180000"),
        (dt.datetime(2026, 8, 31, 9, 0, tzinfo=dt.UTC), "20260831180000"),
    ],
)
def test_a_deposit_deadline_is_read_as_korean_time(given_value: Any, read: Any) -> None:
    assert WindowOptions.parse(pay_method="vbank", vbank_due=given_value).vbank_due == read


@pytest.mark.parametrize("option", FLAGS)
@pytest.mark.parametrize(("given_value", "read"), [(True, True), ("true", True), (False, False), ("false", False)])
def test_a_flag_is_read_from_python_and_from_a_template(option: str, given_value: Any, read: bool) -> None:
    direct = {"card_direct": "366"} if option == "direct_card_points" else {}
    assert getattr(WindowOptions.parse(**{option: given_value}, **direct), option) is read


@pytest.mark.parametrize("option", FLAGS)
@pytest.mark.parametrize("wrong", [1, 0, "yes", "", "Y", [], 1.0])
def test_a_flag_takes_nothing_else(option: str, wrong: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        WindowOptions.parse(**{option: wrong})
    assert caught.value.option == option


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("pay_method", "samsungpay"),
        ("pay_method", "kpay"),
        ("pay_method", "CARD"),
        ("pay_method", ""),
        ("pay_method", 3),
        ("card_quota", ""),
        ("card_quota", "2;3"),
        ("card_quota", "1"),
        ("card_quota", 37),
        ("card_quota", -2),
        ("card_quota", "0,2"),
        ("card_quota", [2, True]),
        ("card_quota", [2.0]),
        ("card_quota", [None]),
        ("card_quota", {2: 3}),
        ("interest_free", 1),
        ("interest_free", 0),
        ("interest_free", True),
        ("interest_free", "six"),
        ("interest_free", "６"),
        ("free_interest_from_mall", "366"),
        ("free_interest_from_mall", {}),
        ("free_interest_from_mall", "366:6,366:3"),
        ("free_interest_from_mall", {"Shinhan": 6}),
        ("free_interest_from_mall", {"366": 1}),
        ("free_interest_from_mall", 6),
        ("card_direct", 366),
        ("card_direct", "04"),
        ("card_direct", "*"),
        ("card_direct", "신한카드"),
        ("card_direct", {"quota": 3}),
        ("card_direct", {"code": "366", "months": 3}),
        ("card_only", []),
        ("card_only", ""),
        ("card_only", "366,"),
        ("card_except", "*"),
        ("card_detail", "366"),
        ("card_detail", {"card_code": "366"}),
        ("card_detail", [{"enabled": True}]),
        ("card_detail", [{"card_code": "366", "enable": True}]),
        ("card_detail", [{"card_code": "366", "enabled": 1}]),
        ("card_detail", [{"card_code": "366", "max_month": "long"}]),
        ("card_detail", [{"card_code": "366"}, {"card_code": "366"}]),
        ("card_detail", [{"card_code": "*", "enabled": False}]),
        ("period", "20260831-20260801"),
        ("period", "20260231-20260301"),
        ("period", "20260801"),
        ("period", [dt.date(2026, 8, 1)]),
        ("period", {"from": "20260801"}),
        ("period", ("soon", "later")),
        ("period", (dt.datetime(2026, 8, 1), dt.date(2026, 8, 2))),  # noqa: DTZ001
        ("language", "zh"),
        ("language", "kor"),
        ("customer_id", "with space"),
        ("customer_id", True),
        ("custom_data", "text"),
        ("custom_data", [1]),
        ("custom_data", {"price": float("nan")}),
        ("custom_data", {"when": dt.date(2026, 8, 1)}),
        ("custom_data", {1: "one"}),
        ("custom_data", {"deep": [{2: "two"}]}),
        ("bypass", "noeasypay"),
        ("bypass", {"acceptmethod": ["noeasypay"]}),
        ("bypass", {"P_RESERVED": "a=1\r\nb=2"}),
        ("bypass", {"acceptmethod": "a\nb"}),
        ("bypass", {"ini_PAYSHOT_KEY": "a\x00b"}),
        ("bypass", {"P_RESERVED": "noeasypay"}),
        ("bypass", {"acceptmethod": "SKIN(BLUE"}),
        ("bypass", {"acceptmethod": "SKIN((BLUE))"}),
    ],
)
def test_a_wrong_value_is_refused_and_its_option_named(option: str, wrong: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        WindowOptions.parse(**{option: wrong})
    assert caught.value.option == option
    assert str(caught.value).startswith(f"{option}: ")


@pytest.mark.parametrize(
    "wrong",
    [
        0,
        61,
        -1,
        True,
        3.0,
        "soon",
        "",
        "2026-8-31",
        "20260230",
        "2026-08-31 25:00:00",
        "20260831 180000",
        "202608311800",
    ],
)
def test_a_wrong_deposit_deadline_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        WindowOptions.parse(pay_method="vbank", vbank_due=wrong)
    assert caught.value.option == "vbank_due"


def test_a_naive_datetime_is_no_deposit_deadline() -> None:
    with pytest.raises(InvalidOption, match="naive") as caught:
        WindowOptions.parse(pay_method="vbank", vbank_due=dt.datetime(2026, 8, 31))  # noqa: DTZ001
    assert caught.value.option == "vbank_due"


def test_samsungpay_is_answered_with_the_word_that_inicis_knows() -> None:
    with pytest.raises(InvalidOption, match='pay_method="samsung"'):
        WindowOptions.parse(pay_method="samsungpay")


@pytest.mark.parametrize(
    ("unknown", "line"),
    [
        ("cardquota", "card_quota="),
        ("useFreeInterestFromMall", "free_interest_from_mall="),
        ("appScheme", "app_scheme="),
        ("no_easypay", "no_easy_pay="),
        ("display", "card_quota="),
        ("acceptmethod", "bypass="),
        ("channelKey", "CHANNELS"),
        ("pg", "html5_inicis.MID"),
    ],
)
def test_an_unknown_option_is_answered_with_the_one_that_was_meant(unknown: str, line: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        WindowOptions.parse(**{unknown: "x"})
    assert caught.value.option == unknown
    assert line in str(caught.value)


def test_an_option_that_resembles_nothing_points_to_the_list() -> None:
    with pytest.raises(InvalidOption, match=r"docs/options\.md"):
        WindowOptions.parse(zzz=1)


@pytest.mark.parametrize("plain", ["366", {"card_code": "366"}, {"366"}])
def test_issuers_where_entries_belong_are_answered_with_the_plain_option(plain: Any) -> None:
    with pytest.raises(InvalidOption, match='card_only="366,361"'):
        WindowOptions.parse(card_detail=plain)


@pytest.mark.parametrize("option", ["pay_method", "language", "skin", "app_scheme", "customer_id"])
def test_an_empty_text_is_answered_with_where_it_comes_from(option: str) -> None:
    with pytest.raises(InvalidOption, match="undefined template variable"):
        WindowOptions.parse(**{option: " "})


def test_an_issuer_as_a_number_is_answered_with_its_leading_zero() -> None:
    with pytest.raises(InvalidOption, match='card_direct="041"'):
        WindowOptions.parse(card_direct=41)


@pytest.mark.parametrize("option", OPTION_NAMES)
def test_none_is_an_option_that_is_not_given(option: str) -> None:
    assert WindowOptions.parse(**{option: None}) == WindowOptions()


def test_a_direct_issuer_with_its_quota_is_one_dict_or_two_options() -> None:
    one = WindowOptions.parse(card_direct={"code": "366", "quota": "3"})
    assert one == WindowOptions.parse(card_direct="366", card_direct_quota=3)


def test_a_direct_quota_given_twice_is_refused() -> None:
    with pytest.raises(InvalidOption) as caught:
        WindowOptions.parse(card_direct={"code": "366", "quota": 3}, card_direct_quota=3)
    assert caught.value.option == "card_direct_quota"


def test_text_from_a_template_is_kept_as_plain_text() -> None:
    parsed = WindowOptions.parse(pay_method=mark_safe("vbank"), skin=mark_safe("BLUE"))
    assert type(parsed.pay_method) is str
    assert type(parsed.skin) is str


def test_the_default_options_are_stored_as_nothing() -> None:
    assert WindowOptions.parse().as_dict() == {}
    assert WindowOptions.parse(pay_method="card", escrow="false").as_dict() == {}


def test_what_a_caller_changes_later_does_not_reach_the_options() -> None:
    data = {"lines": [1]}
    parsed = WindowOptions.parse(custom_data=data)
    data["lines"].append(2)
    parsed.as_dict()["custom_data"]["lines"].append(3)
    assert parsed.custom_data == {"lines": [1]}
