"""The tour reads pages as a browser does."""

from __future__ import annotations

import pytest

from example_project.demo.pages import Page

HTML = """
<form><input type="hidden" name="token" value="a&amp;b"><input name="seen" value="x"></form>
<button id="one" class="portone-button pay-card">카드</button><button class="other">…</button>
<script id="one-config" type="application/json">{"token": "t<"}</script><script>var code = 1;</script>
<ul><li data-bill="2" data-bill-state="paid" data-amount="19900" data-packed="1">…</li></ul>
<div data-state="paid" data-delivered="delivered"></div><li data-kind="order.paid" data-source="sweep">x</li>
"""


def test_a_page_gives_its_hidden_fields_and_marks() -> None:
    page = Page(HTML)
    assert page.hidden == {"token": "a&b"}
    assert page.marks == {"data-state": "paid", "data-delivered": "delivered"}
    assert page.events == [("order.paid", "sweep")]


def test_bills_are_read_line_by_line() -> None:
    (bill,) = Page(HTML).bills
    assert (bill["bill"], bill["bill-state"], bill["amount"], bill["packed"]) == ("2", "paid", "19900", "1")


def test_a_button_leads_to_its_own_data() -> None:
    page = Page(HTML)
    assert page.data(f"{page.button('pay-card')['id']}-config") == {"token": "t<"}


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(LookupError, match="pay-vbank"):
        Page(HTML).button("pay-vbank")
    with pytest.raises(KeyError):
        Page(HTML).data("delivery")


def test_code_is_not_text() -> None:
    assert "code" not in Page(HTML).text
