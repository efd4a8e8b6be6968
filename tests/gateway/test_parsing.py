"""Which bytes are JSON to us, and which values are amounts, times and ids."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django.gateway.parsing import LARGEST_WON, Fields, Unreadable, loads


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'[{"b": 1, "b": 1}]',
        b'{"a": "\xb0\xe1\xc1\xa6"}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1} {"a": 2}',
        b"{'a': 1}",
        b'{"a": 01}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a": 1e' + b"9" * 30 + b"}",
    ],
    ids=range(16),
)
def test_what_is_not_strict_json_is_unreadable_and_its_content_is_not_told(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        loads(body)
    assert caught.value.__context__ is None
    assert len(str(caught.value)) < 60


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_unreadable(body: bytes) -> None:
    try:
        loads(body)
    except Unreadable:
        return
    json.loads(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9900", 9900), ("0", 0), ("9900.0", 9900), ("9.9e3", 9900), ("-0.0", 0), (str(LARGEST_WON), LARGEST_WON)],
)
def test_a_whole_amount_is_an_integer(text: str, expected: int) -> None:
    amount = amount_of(text)
    assert amount == expected
    assert type(amount) is int


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "false",
        "null",
        '"9900"',
        '""',
        "9900.5",
        "0.1",
        "-1",
        "-9900",
        "1e400",
        "1e999999999",
        "1e-400",
        "1000000000001",
        "[9900]",
        '{"total": 9900}',
    ],
)
def test_nothing_else_is_an_amount(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^payment\.amount "):
        amount_of(text)


def test_a_missing_amount_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        Fields({}, "payment").won("amount")


def amount_of(text: str) -> int:
    return Fields(loads(b'{"amount": ' + text.encode() + b"}"), "payment").won("amount")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, None), (None, None), (1785985200, 1785985200), (-5, None), (10**15, None), (253_402_300_799, 253_402_300_799)],
)
def test_a_time_is_seconds_and_zero_means_it_did_not_happen(value: Any, expected: int | None) -> None:
    assert Fields({"paid_at": value}, "payment").moment("paid_at") == expected


@pytest.mark.parametrize("value", ["1785985200", "2026-08-06 12:00:00", True, [1], {}])
def test_a_time_of_another_type_is_unreadable(value: Any) -> None:
    with pytest.raises(Unreadable, match=r"payment\.paid_at is not a time"):
        Fields({"paid_at": value}, "payment").moment("paid_at")


@pytest.mark.parametrize("value", [None, "", 5, True, ["imp_1"]])
def test_an_id_is_a_text_that_is_there(value: Any) -> None:
    with pytest.raises(Unreadable, match=r"payment\.imp_uid is"):
        Fields({"imp_uid": value}, "payment").identifier("imp_uid")


@pytest.mark.parametrize("value", [0, 1, "true", "", []])
def test_a_flag_that_decides_is_true_or_false_or_absent(value: Any) -> None:
    with pytest.raises(Unreadable):
        Fields({"sandbox": value}, "payment").strict_flag("sandbox")


def test_a_text_that_is_only_shown_never_makes_an_answer_unreadable() -> None:
    for value in ({}, [], True, None):
        assert Fields({"name": value}, "payment").text("name") is None
    assert Fields({"card_code": 366}, "payment").text("card_code") == "366"


def test_texts_hold_nothing_that_a_database_refuses() -> None:
    # PostgreSQL refuses NUL; half an emoji is what a limit in UTF-16 units leaves.
    fields = Fields(loads(rb'{"name": "\ud83c\udf81 gift \ud83c", "user_agent": "a\u0000b"}'), "payment")
    assert fields.text("name") == "🎁 gift \ufffd"
    assert fields.contact("user_agent") == "a\ufffdb"


@given(st.text())
def test_every_text_can_be_written_as_utf8(text: str) -> None:
    value = Fields(loads(json.dumps({"name": text}).encode()), "payment").text("name")
    assert value is not None
    value.encode("utf-8")


def test_a_remark_loses_a_card_number_but_not_a_date() -> None:
    fields = Fields({"fail_reason": "[1214] 4902-2012-3456-7894 카드번호 오류 20260806"}, "payment")
    assert fields.remark("fail_reason") == "[1214] ******7894 카드번호 오류 20260806"
