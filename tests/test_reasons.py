"""A decline in the reader's language."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.utils import translation

from portone_django.reasons import failure_reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1254] 잔액부족", "a limit or the balance"),
        ("[1226] 도난, 분실카드", "can no longer be used"),
        ("[1205] 가맹점 오류", "does not allow this payment"),
        ("사용자가 결제를 취소하셨습니다", "cancelled in the payment window"),
    ],
)
def test_a_known_reason_is_read_in_english_and_stays_as_it_is_in_korean(text: str, words: str) -> None:
    with translation.override("en"):
        assert words in failure_reason(text)
        assert "잔액" not in failure_reason(text)
    with translation.override("ko"):
        assert failure_reason(text) == text


def test_a_reason_that_nobody_knows_is_better_than_none() -> None:
    with translation.override("en"):
        assert failure_reason("알 수 없는 오류") == "알 수 없는 오류"
        assert failure_reason("") == ""


def test_a_project_s_template_shows_it_escaped() -> None:
    page = Template("{% load portone %}{{ text|failure_reason }}")
    with translation.override("en"):
        assert page.render(Context({"text": "<b>"})) == "&lt;b&gt;"
