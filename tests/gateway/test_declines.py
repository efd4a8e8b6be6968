"""Free text of a decline, sorted as well as free text can be."""

from __future__ import annotations

import pytest

from portone_django.gateway.declines import Decline, classify


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("[1254] 잔액부족", Decline.SOFT),
        ("[120054] 잔액부족", Decline.SOFT),
        ("[1216] 월 사용한도 초과", Decline.SOFT),
        ("카드사 거래 TIMEOUT", Decline.SOFT),
        ("[1204] 유효기간 만료(기간오류)", Decline.NEEDS_NEW_CARD),
        ("[120026] 도난, 분실카드", Decline.NEEDS_NEW_CARD),
        ("12B2|해지카드", Decline.NEEDS_NEW_CARD),
        ("도난/분실 카드입니다", Decline.NEEDS_NEW_CARD),
        ("500638|유효기간 오류", Decline.NEEDS_NEW_CARD),
        ("[1207] 거래정지 가맹점", Decline.HARD),
        ("500690|금액 오류(100원 미만 승인 불가)", Decline.HARD),
        ("[1200GK] 가맹점 건당 승인 한도 초과", Decline.HARD),
        ("알 수 없는 오류", Decline.SOFT),
        ("", Decline.SOFT),
        (None, Decline.SOFT),
    ],
)
def test_a_reason_is_sorted_by_code_then_by_words(reason: str | None, expected: Decline) -> None:
    assert classify(reason) is expected


@pytest.mark.parametrize("text", ["imp_120026000000", "20261204", "주문 91204호", "A1204B"])
def test_a_code_inside_another_number_is_no_code(text: str) -> None:
    assert classify(text) is Decline.SOFT
