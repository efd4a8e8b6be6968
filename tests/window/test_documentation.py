"""docs/options.md describes every option there is, and what it shows works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template import Context
from django.template.base import FilterExpression, Parser, kwarg_re

from portone_django.buttons import button_context, card_button_context, own_words
from portone_django.cards import card_config
from portone_django.checkout import checkout_config
from portone_django.window import OPTION_NAMES, WindowOptions, contradictions
from portone_django.window.dialects import mobile_tokens, pc_tokens

PAGE = (Path(__file__).parents[2] / "docs" / "options.md").read_text(encoding="utf-8")
TAGS = re.findall(r"\{% portone_checkout order(.*?) %\}", PAGE)


def words(part: str) -> list[str]:
    """The first cells of a part's tables."""
    cells = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", part, flags=re.MULTILINE)
    return sorted(word for cell in cells for word in re.findall(r"\w+", cell))


def test_every_option_and_every_keyword_of_the_two_buttons_has_one_row() -> None:
    of_the_window, others = PAGE.split("## 버튼 ·")
    of_checkout, others = others.split("## 카드 등록 버튼 ·")
    of_cards, _ = others.split("## 파이썬에서 ·")
    assert words(of_the_window) == sorted(OPTION_NAMES)
    assert words(of_checkout) == sorted(own_words(button_context, checkout_config))
    assert words(of_cards) == sorted(own_words(card_button_context, card_config))


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_that_is_shown_opens_a_window(tag: str) -> None:
    words = [kwarg_re.match(word) for word in tag.split()]
    options = {word[1]: FilterExpression(word[2], Parser([])).resolve(Context()) for word in words if word}
    assert len(options) == len(tag.split())
    contradictions(WindowOptions.parse(**options), amount=60_000)


def test_several_tags_are_shown() -> None:
    assert len(TAGS) >= 8


def test_the_python_example_runs() -> None:
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, {})


def test_every_token_that_can_be_written_is_in_the_table() -> None:
    everything = WindowOptions(
        pay_method="trans", no_easy_pay=True, card_points=True, direct_card_points=True, hyundai_points=True,
        skin="BLUE", card_show_option="04-6", cash_receipt=False, apprun_check=True, app_scheme="myapp", ios_app=True,
    )  # fmt: skip
    written = [*pc_tokens(everything), *mobile_tokens(everything)]
    assert len(written) == 15
    for token in written:
        assert f"`{token}`" in PAGE
