"""Nothing that is given to the button can become markup: 500 texts in every place that takes one."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from django.template.loader import render_to_string

from portone_django.models import Order
from portone_django.storable import storable
from portone_django.tokens import read_checkout
from portone_django.window import OPTION_NAMES, InvalidOption, WindowOptions
from tests.factories import OrderFactory
from tests.templatetags.page import button

from .markup import Page, plain
from .payloads import TEXTS

pytestmark = pytest.mark.django_db

HOW_MANY = pytest.mark.parametrize(
    "texts", [TEXTS[::10], pytest.param(TEXTS, marks=pytest.mark.slow)], ids=["50", "500"]
)


def test_there_are_500_different_texts_and_the_worst_are_among_the_few() -> None:
    assert len(set(TEXTS)) == 500
    for piece in ("</script>", "<!--", "{{", "{%", "javascript:", "\u202e", "\u200b", '"', "'"):
        assert any(piece in text for text in TEXTS[::10]), piece
    for piece in ("\u2028", "\x00", "\ud800", "👩‍👩‍👧‍👦"):
        assert any(piece in text for text in TEXTS), piece


@HOW_MANY
def test_label_class_and_free_texts_stay_what_they_are(texts: tuple[str, ...]) -> None:
    order = OrderFactory()
    baseline = Page(button(order, label="x", css_class="x", custom_data={"x": "x"}, bypass={"x": "x"})).skeleton
    for text in texts:
        page = Page(button(order, label=text, css_class=text, custom_data=_free(text), bypass={"raw": storable(text)}))
        assert page.skeleton == baseline, text
        assert len(page.code) == 1
        [config] = page.configs
        assert read_checkout(config["token"]).options == {
            "custom_data": _free(text), "bypass": {"raw": storable(text)},
        }, text  # fmt: skip
        page.html.encode()


@HOW_MANY
@pytest.mark.parametrize("option", sorted({*OPTION_NAMES, "channel", "another"}))
def test_an_option_is_either_refused_or_harmless(texts: tuple[str, ...], option: str) -> None:
    order = OrderFactory()
    refused = plain(button(order, unknown_option="x"))
    baseline = Page(button(order)).skeleton
    for text in texts:
        html = button(order, **{option: text})
        if plain(html) == refused:
            continue
        page = Page(html)
        assert page.skeleton == baseline, (option, text)
        [config] = page.configs
        kept = read_checkout(config["token"]).options
        assert kept == WindowOptions.parse(**{option: text}).as_dict()


@HOW_MANY
def test_texts_of_the_configuration_come_back_exactly(texts: tuple[str, ...]) -> None:
    """What the script reads is what the server meant, whatever a translator or a setting wrote."""
    render = functools.partial(render_to_string, "portone/checkout_button.html")
    for text in texts:
        config = {"token": text, "sdk_url": text, "messages": {"failed": text, text: [text, {"deep": text}]}}
        context = {"element_id": "portone-1", "label": "x", "config": config, "script_url": "/x.js", "nonce": text}
        [read] = Page(render(context)).configs
        assert json.dumps(read) == json.dumps(config), text


@HOW_MANY
def test_an_order_that_can_be_made_cannot_break_the_page(texts: tuple[str, ...]) -> None:
    baseline = Page(button(OrderFactory())).skeleton
    for text in texts:
        order = Order(pk=7, public_id="7", name=text, amount=1, reference=text, buyer_name=text, buyer_tel=text)
        assert Page(button(order, pay_method="kakaopay")).skeleton == baseline


@pytest.mark.parametrize("text", ["nul\x00", "half\ud800", {"deep": ["\udfff"]}, {"\x00": 1}])
def test_what_no_database_stores_is_refused_by_the_name_of_its_option(text: Any) -> None:
    for option in ("custom_data", "bypass"):
        with pytest.raises(InvalidOption, match=f"^{option}: "):
            WindowOptions.parse(**{option: {"a": text}})


def _free(text: str) -> dict[str, Any]:
    return {storable(text): [storable(text), {"deep": storable(text)}]}
