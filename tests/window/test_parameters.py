"""What reaches `IMP.request_pay`: one fresh dict with which a PC and a phone both open the right window."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django.window import Buyer, InvalidOption, one_channel

from .samples import BUYER, opened


def test_an_attempt_without_options_sends_only_what_is_known() -> None:
    assert opened(amount=9_900) == {
        "channelKey": "channel-key-1",
        "pay_method": "card",
        "merchant_uid": "t0123456789",
        "name": "Americano",
        "amount": 9_900,
        "currency": "KRW",
        "buyer_name": "홍길동",
        "buyer_email": "hong@example.com",
        "buyer_tel": "010-1234-5678",
        "m_redirect_url": "https://shop.example/pay/return/abc/",
        "notice_url": "https://shop.example/pay/webhook/",
    }


@pytest.mark.parametrize(
    ("options", "key", "sent"),
    [
        ({"card_quota": "2,3,6"}, "display", {"card_quota": [2, 3, 6]}),
        ({"card_quota": "0"}, "display", {"card_quota": []}),
        ({"interest_free": 7}, "card", {"interest_free": 7}),
        ({"card_direct": "366"}, "card", {"direct": {"code": "366"}}),
        ({"card_direct": {"code": "366", "quota": 3}}, "card", {"direct": {"code": "366", "quota": 3}}),
        ({"card_direct": "366", "card_direct_quota": 0}, "card", {"direct": {"code": "366", "quota": 0}}),
        (
            {"card_only": "366"},
            "card",
            {"detail": [{"card_code": "*", "enabled": False}, {"card_code": "366", "enabled": True}]},
        ),
        ({"card_except": "366"}, "card", {"detail": [{"card_code": "366", "enabled": False}]}),
        (
            {"card_detail": [{"card_code": "366", "enabled": "false"}, {"card_code": "361", "max_month": 3}]},
            "card",
            {"detail": [{"card_code": "366", "enabled": False}, {"card_code": "361", "enabled": True, "max_month": 3}]},
        ),
        (
            {"free_interest_from_mall": "366:6"},
            "card",
            {"detail": [{"card_code": "366", "enabled": True, "max_month": 6}]},
        ),
        (
            {"free_interest_from_mall": "*:3,366:6", "card_only": "366,361"},
            "card",
            {
                "detail": [
                    {"card_code": "*", "enabled": False},
                    {"card_code": "366", "enabled": True, "max_month": 6},
                    {"card_code": "361", "enabled": True, "max_month": 3},
                ]
            },
        ),
        ({"free_interest_from_mall": "366:6"}, "useFreeInterestFromMall", True),
        ({"escrow": True}, "escrow", True),
        ({"digital": False}, "digital", False),
        ({"pay_method": "phone", "digital": "true"}, "digital", True),
        ({"language": "en"}, "language", "en"),
        ({"period": "2026-08-01~2026-08-31"}, "period", {"from": "20260801", "to": "20260831"}),
        ({"app_scheme": "myapp"}, "app_scheme", "myapp"),
        ({"popup": False}, "popup", False),
        ({"customer_id": 7}, "customer_id", "7"),
        ({"custom_data": {"cart": 7}}, "custom_data", {"cart": 7}),
        ({"custom_data": {}}, "custom_data", {}),
        ({"pay_method": "vbank", "vbank_due": "2026-08-31"}, "vbank_due", "20260831"),
        ({"pay_method": "vbank", "vbank_due": "20260831180000"}, "vbank_due", "20260831180000"),
    ],
)
def test_an_option_becomes_its_parameter(options: dict[str, Any], key: str, sent: Any) -> None:
    assert opened(**options)[key] == sent


def test_days_to_deposit_end_with_the_last_second_of_a_korean_day() -> None:
    assert opened(pay_method="vbank", vbank_due=3)["vbank_due"] == "20260805235959"


INSTALMENTS: dict[str, Any] = {
    "card_quota": "2,3",
    "interest_free": 3,
    "free_interest_from_mall": True,
    "card_detail": [{"card_code": "366", "max_month": 3}],
    "card_direct": {"code": "366", "quota": 3},
}


def test_below_50000_won_nothing_about_instalments_is_sent() -> None:
    params = opened(amount=49_999, **INSTALMENTS)
    assert "display" not in params
    assert "useFreeInterestFromMall" not in params
    assert params["card"] == {
        "direct": {"code": "366", "quota": 0},
        "detail": [{"card_code": "366", "enabled": True}],
    }


def test_from_50000_won_on_instalments_are_sent() -> None:
    params = opened(amount=50_000, **INSTALMENTS)
    assert params["display"] == {"card_quota": [2, 3]}
    assert params["useFreeInterestFromMall"] is True
    assert params["card"] == {
        "direct": {"code": "366", "quota": 3},
        "detail": [{"card_code": "366", "enabled": True, "max_month": 3}],
        "interest_free": 3,
    }


def test_long_texts_are_cut_to_what_portone_keeps() -> None:
    long = Buyer(name="가" * 50, email="e" * 100, tel="0" * 50, addr="나" * 300, postcode="1" * 20)
    params = opened(attempt={"name": "다" * 200, "buyer": long})
    sent = {key: len(value) for key, value in params.items() if key == "name" or key.startswith("buyer_")}
    assert sent == {
        "name": 40,
        "buyer_name": 16,
        "buyer_email": 64,
        "buyer_tel": 16,
        "buyer_addr": 128,
        "buyer_postcode": 8,
    }


def test_a_decomposed_korean_name_is_not_cut_inside_a_syllable() -> None:
    decomposed = "\u1112\u1161\u11ab" * 50  # 한, as some file systems write it
    assert opened(attempt={"name": decomposed})["name"] == "한" * 40


def test_line_breaks_do_not_reach_the_window() -> None:
    assert opened(attempt={"name": "coffee\r\nbeans\x00"})["name"] == "coffee  beans"


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_name_that_has_a_letter_stops_a_sale(name: str, address: str) -> None:
    params = opened(attempt={"name": f"a{name}", "buyer": Buyer(tel="010", addr=address)})
    assert 1 <= len(params["name"]) <= 40
    assert len(params.get("buyer_addr", "")) <= 128


def test_tax_is_sent_as_it_is_stated() -> None:
    params = opened(amount=1_100, attempt={"tax_free_amount": 0, "vat_amount": 0})
    assert (params["tax_free"], params["vat_amount"]) == (0, 0)
    assert opened(attempt={"tax_free_amount": 500})["tax_free"] == 500


def test_a_card_is_registered_with_a_customer_uid_and_no_amount() -> None:
    params = opened(amount=0, attempt={"customer_uid": "cu-1"})
    assert (params["customer_uid"], params["amount"]) == ("cu-1", 0)


@pytest.mark.parametrize(
    ("attempt", "named"),
    [
        ({"merchant_uid": ""}, "merchant_uid"),
        ({"merchant_uid": "t" * 41}, "merchant_uid"),
        ({"merchant_uid": "주문1"}, "merchant_uid"),
        ({"merchant_uid": 17}, "merchant_uid"),
        ({"merchant_uid": "t1\n"}, "merchant_uid"),
        ({"name": " \n"}, "name"),
        ({"amount": 0}, "amount"),
        ({"amount": 99}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"tax_free_amount": 60_001}, "tax_free_amount"),
        ({"vat_amount": 60_001}, "vat_amount"),
        ({"tax_free_amount": 59_000, "vat_amount": 1_001}, "vat_amount"),
        ({"tax_free_amount": -1}, "tax_free_amount"),
        ({"buyer": Buyer(name="홍길동")}, "buyer_tel"),
        ({"customer_uid": "c" * 81}, "customer_uid"),
        ({"customer_uid": "고객"}, "customer_uid"),
        ({"channel_key": None}, "channel_key"),
        ({"pg": "html5_inicis.INIpayTest"}, "channel_key"),
        ({"channel_key": None, "pg": "html5_inicis"}, "pg"),
        ({"channel_key": None, "pg": "inicis.INIpayTest"}, "pg"),
        ({"channel_key": "with space"}, "channel_key"),
        ({"m_redirect_url": ""}, "m_redirect_url"),
        ({"m_redirect_url": "/pay/return/"}, "m_redirect_url"),
        ({"m_redirect_url": "javascript:alert(1)"}, "m_redirect_url"),
        ({"m_redirect_url": "https://shop.example/?a=1&b=2"}, "m_redirect_url"),
        ({"m_redirect_url": "https://shop.example/#x"}, "m_redirect_url"),
        ({"notice_url": "shop.example/webhook"}, "notice_url"),
        ({"confirm_url": "https://shop.example/a b"}, "confirm_url"),
    ],
)
def test_an_attempt_that_would_fail_is_refused_by_name(attempt: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        opened(attempt=attempt)
    assert caught.value.option == named


@pytest.mark.parametrize("amount", [True, "9900", 9900.0, None])
def test_an_amount_is_a_whole_number_of_won(amount: Any) -> None:
    with pytest.raises(TypeError, match="amount"):
        opened(amount=amount)


def test_both_channel_key_and_pg_are_named_when_both_are_given() -> None:
    with pytest.raises(InvalidOption, match=r"channel_key and pg"):
        one_channel("channel-key-1", "html5_inicis.INIpayTest")


def test_a_pg_with_its_mid_stands_in_for_a_channel_key() -> None:
    params = opened(attempt={"channel_key": None, "pg": "html5_inicis.INIpayTest"})
    assert params["pg"] == "html5_inicis.INIpayTest"
    assert "channelKey" not in params


def test_every_call_gives_a_dict_of_its_own() -> None:
    options: dict[str, Any] = {"custom_data": {"lines": [1]}, "bypass": {"inicis": {"authtype": "01"}}}
    first = opened(**options)
    untouched = json.dumps(opened(**options))
    first["custom_data"]["lines"].append(2)
    first["bypass"]["inicis"]["authtype"] = "02"
    assert json.dumps(opened(**options)) == untouched


def test_the_buyer_is_never_changed_by_sending() -> None:
    opened()
    assert Buyer(name="홍길동", email="hong@example.com", tel="010-1234-5678") == BUYER
