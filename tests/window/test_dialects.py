"""One plain option speaks both of Inicis' notations, and nothing in it can begin a token of its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django.window import InvalidOption, WindowOptions
from portone_django.window.dialects import bypass_params

from .samples import opened

SHOWN = [
    ({}, None, None),
    ({"no_easy_pay": True}, "noeasypay", "noeasypay=Y"),
    ({"card_points": True}, "CARDPOINT", "cp_yn=Y"),
    ({"card_direct": "366", "direct_card_points": True}, None, "dcp_yn=Y"),
    ({"hyundai_points": True}, "usespcp", None),
    ({"hyundai_points": False}, "disablepoint", None),
    ({"skin": "BLUE"}, "SKIN(BLUE)", None),
    ({"card_show_option": "04-6"}, "cardshowopt(04-6)", "cardshowopt=04:6"),
    ({"cash_receipt": False, "pay_method": "vbank"}, "no_receipt", None),
    ({"cash_receipt": True, "pay_method": "vbank"}, None, "vbank_receipt=Y"),
    ({"cash_receipt": False, "pay_method": "trans"}, "no_receipt", "twotrs_bank=Y&bank_receipt=N"),
    ({"cash_receipt": True, "pay_method": "trans"}, None, "twotrs_bank=Y"),
    ({"pay_method": "trans"}, None, "twotrs_bank=Y"),
    ({"app_scheme": "myapp"}, None, "app_scheme=myapp://"),
    ({"app_scheme": "daumapps://open"}, None, "app_scheme=daumapps://open"),
    ({"ios_app": True}, None, "iosapp=Y"),
    ({"apprun_check": True}, None, "apprun_check=Y"),
    (
        {"pay_method": "trans", "ios_app": True, "app_scheme": "myapp"},
        None,
        "twotrs_bank=Y&app_scheme=myapp://&iosapp=Y",
    ),
    (
        {"no_easy_pay": True, "card_points": True, "skin": "#fff"},
        "noeasypay:CARDPOINT:SKIN(#fff)",
        "noeasypay=Y&cp_yn=Y",
    ),
]


@pytest.mark.parametrize(("options", "pc", "mobile"), SHOWN)
def test_a_plain_option_is_written_for_pc_and_for_phones(options: dict[str, Any], pc: str, mobile: str) -> None:
    bypass = opened(**options).get("bypass", {})
    assert bypass.get("acceptmethod") == pc
    assert bypass.get("P_RESERVED") == mobile


def test_a_payshot_key_is_written_for_pc_and_for_phones() -> None:
    bypass = opened(payshot_key="shop20260801c1")["bypass"]
    assert bypass == {"ini_PAYSHOT_KEY": "shop20260801c1", "P_PAYSHOT_KEY": "shop20260801c1"}


def test_raw_tokens_follow_the_built_ones() -> None:
    raw = {"acceptmethod": "cd_ps(06-3):below1000", "P_RESERVED": "below1000=Y", "inicis": {"authtype": "01"}}
    assert opened(no_easy_pay=True, bypass=raw)["bypass"] == {
        "acceptmethod": "noeasypay:cd_ps(06-3):below1000",
        "P_RESERVED": "noeasypay=Y&below1000=Y",
        "inicis": {"authtype": "01"},
    }


def test_a_colon_inside_brackets_belongs_to_the_raw_token() -> None:
    assert opened(bypass={"acceptmethod": "x(06-3:04-6):y"})["bypass"]["acceptmethod"] == "x(06-3:04-6):y"


def test_raw_text_that_repeats_a_plain_option_is_said_once() -> None:
    raw = {"acceptmethod": "cardpoint:noeasypay:", "P_RESERVED": "&cp_yn=Y&noeasypay=Y"}
    bypass = opened(no_easy_pay=True, card_points=True, bypass=raw)["bypass"]
    assert bypass == {"acceptmethod": "noeasypay:CARDPOINT", "P_RESERVED": "noeasypay=Y&cp_yn=Y"}


@pytest.mark.parametrize(
    ("options", "where", "text", "named"),
    [
        ({"skin": "BLUE"}, "acceptmethod", "SKIN(RED)", "skin"),
        ({"hyundai_points": True}, "acceptmethod", "disablepoint", "hyundai_points"),
        ({"card_show_option": "04-6"}, "acceptmethod", "cardshowopt(06-3)", "card_show_option"),
        ({"cash_receipt": True}, "acceptmethod", "no_receipt", "cash_receipt"),
        ({"no_easy_pay": True}, "P_RESERVED", "noeasypay=N", "no_easy_pay"),
        ({"card_points": True}, "P_RESERVED", "cp_yn=N", "card_points"),
        ({"pay_method": "trans"}, "P_RESERVED", "twotrs_bank=N", "pay_method"),
        ({"app_scheme": "myapp"}, "P_RESERVED", "app_scheme=other://", "app_scheme"),
        ({"ios_app": True}, "P_RESERVED", "iosapp=N", "ios_app"),
    ],
)
def test_raw_text_against_a_plain_option_is_refused_naming_both(
    options: dict[str, Any], where: str, text: str, named: str
) -> None:
    with pytest.raises(InvalidOption, match="bypass") as caught:
        WindowOptions.parse(**options, bypass={where: text})
    assert caught.value.option == named


@pytest.mark.parametrize(
    "raw",
    [
        {"acceptmethod": "SKIN(RED):SKIN(BLUE)"},
        {"acceptmethod": "usespcp:disablepoint"},
        {"P_RESERVED": "noeasypay=Y&noeasypay=N"},
        {"P_RESERVED": "below1000=Y&below1000=N"},
    ],
)
def test_raw_text_that_contradicts_itself_is_refused(raw: dict[str, str]) -> None:
    with pytest.raises(InvalidOption, match="keep one") as caught:
        WindowOptions.parse(bypass=raw)
    assert caught.value.option == "bypass"


@pytest.mark.parametrize(
    "options",
    [
        {"apprun_check": True, "app_scheme": "myapp"},
        {"apprun_check": True, "bypass": {"P_RESERVED": "app_scheme=myapp://"}},
        {"app_scheme": "myapp", "bypass": {"P_RESERVED": "apprun_check=Y"}},
        {"bypass": {"P_RESERVED": "apprun_check=Y&app_scheme=myapp://"}},
    ],
)
def test_two_ways_back_into_an_app_are_refused_however_they_are_written(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match="app_scheme") as caught:
        WindowOptions.parse(**options)
    assert caught.value.option == "apprun_check"


@pytest.mark.parametrize("name", ["ini_PAYSHOT_KEY", "P_PAYSHOT_KEY"])
def test_another_raw_payshot_key_is_refused(name: str) -> None:
    with pytest.raises(InvalidOption, match="bypass") as caught:
        WindowOptions.parse(payshot_key="shop1", bypass={name: "shop2"})
    assert caught.value.option == "payshot_key"


@pytest.mark.parametrize("option", ["skin", "app_scheme", "card_show_option", "payshot_key"])
@pytest.mark.parametrize(
    "attack",
    [
        "BLUE):noeasypay",
        "BLUE)",
        "(BLUE",
        "BLUE:usespcp",
        "myapp&twotrs_bank=N",
        "myapp://&cp_yn=Y",
        "myapp://a?b=c",
        "a=b",
        "04-6):SKIN(RED",
        "04-6&noeasypay=Y",
        "BLUE\n",
        "BLUE\x00",
        "</script><script>",
        'a"b',
        "javascript:alert(1)",
        "javascript://x",
        "https://evil.example",
        "ＢＬＵＥ＆",
        " ",
    ],
)
def test_a_value_that_would_break_out_of_its_token_is_refused(option: str, attack: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        WindowOptions.parse(**{option: attack})
    assert caught.value.option == option


NOTATION = st.text(st.sampled_from("BLUE#046-:&=()/ .\n")) | st.text()


@given(st.sampled_from(["skin", "app_scheme", "card_show_option", "payshot_key"]), NOTATION)
def test_no_text_adds_a_token_of_its_own(option: str, text: str) -> None:
    bypass = bypass_if_read(option, text)
    pc, mobile = bypass.get("acceptmethod", ""), bypass.get("P_RESERVED", "")
    assert ":" not in pc
    assert pc.count("(") == pc.count(")") <= 1
    assert "&" not in mobile
    assert mobile.count("=") <= 1


def bypass_if_read(option: str, text: str) -> dict[str, Any]:
    try:
        return bypass_params(WindowOptions.parse(**{option: text}))
    except InvalidOption:
        return {}
