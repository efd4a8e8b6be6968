"""The result pages as a customer reads them: the facts are there, nobody's data is, no text becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import translation

PAGES = ["paid", "refunded", "awaiting_deposit", "failed", "confirming", "checking", "expired", "neutral"]
EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7|add:7 }}"
BUYER = {
    "buyer_name": "홍길동",
    "buyer_tel": "010-1111-2222",
    "buyer_email": "buyer@private.example",
    "buyer_addr": "세종대로 110",
    "buyer_postcode": "04524",
}


class Markup(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def retry(**overrides: Any) -> dict[str, Any]:
    button = {"element_id": "portone-1", "label": "다시", "css_class": "portone-button", "disabled": False}
    config = {"start_url": "/start", "token": "t", "messages": {}}
    return {**button, "config": config, "script_url": "/c.js", "style_url": "/c.css", **overrides}


def render(page: str, language: str = "ko", **overrides: Any) -> str:
    order = {"name": "감귤 5kg", "amount": 129000, "currency": "KRW", "reference": "ORD-7", "public_id": "f0" * 10}
    order |= {"pk": 7, "is_paid": True, "tax_free_amount": 80000, "vat_amount": 4455, **BUYER}
    payment: dict[str, Any] = {
        "pay_method": "card",
        "card_name": "신한카드",
        "card_quota": 3,
        "emb_pg_provider": "",
        "vbank_name": "신한은행",
        "vbank_num": "56211900000000",
        "vbank_holder": "케이지이니시스",
        "vbank_expires_at": datetime(2026, 8, 9, 14, 59, tzinfo=UTC),
        "paid_at": datetime(2026, 8, 5, 15, 30, tzinfo=UTC),
        "refunded_amount": 0,
        "paid_slot": 7,
        "fail_reason": "한도초과",
        "receipt_url": "https://iniweb.inicis.com/receipt?a=1&b=2",
        **BUYER,
    }
    context: dict[str, Any] = {
        "order": SimpleNamespace(**{**order, **overrides.pop("order", {})}),
        "payment": SimpleNamespace(**{**payment, **overrides.pop("payment", {})}),
        "amount_text": "129,000원" if language == "ko" else "KRW 129,000",
        "status_url": "/status",
        "return_url": "https://shop.example/orders/7",
        "support": "02-1234-5678",
        "retry": retry(),
        "refund": SimpleNamespace(settled_at=datetime(2026, 8, 7, 1, 0, tzinfo=UTC), receipt_url=""),
        "nonce": "n0nce",
        **overrides,
    }
    with translation.override(language):
        return render_to_string(f"portone/{page if page == 'error' else 'result_' + page}.html", context)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("page", [*PAGES, "error"])
def test_no_page_shows_who_the_buyer_is(page: str, language: str) -> None:
    html = render(page, language)
    assert [value for value in BUYER.values() if value in html] == []
    assert f'<html lang="{language}"' in html
    assert 'content="noindex, nofollow"' in html


@pytest.mark.parametrize("page", ["neutral", "error"])
def test_a_page_without_proof_tells_nothing_about_the_order(page: str) -> None:
    html = render(page, return_url="")
    details = ["감귤", "129,000", "ORD-7", "신한", "56211900000000", "한도초과", "inicis", "/status", "portone-1"]
    assert [detail for detail in details if detail in html] == []


@pytest.mark.parametrize("page", PAGES)
def test_whatever_a_text_holds_stays_text(page: str) -> None:
    texts = dict.fromkeys(("card_name", "vbank_name", "vbank_num", "vbank_holder", "fail_reason"), EVIL)
    shown = Markup(
        render(
            page,
            order={"name": EVIL, "reference": EVIL},
            payment={**texts, "pay_method": EVIL},
            support=EVIL,
            nonce=EVIL,
            retry=retry(label=EVIL, css_class=EVIL, config={"token": EVIL, "messages": {"failed": EVIL}}),
        )
    )
    plain = Markup(render(page))
    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in plain.elements]
    assert shown.all("img") == []
    assert "{{ 7|add:7 }}" in shown.text


@pytest.mark.parametrize("page", [*PAGES, "error"])
def test_no_page_has_inline_code_and_every_script_carries_the_nonce(page: str) -> None:
    markup = Markup(render(page))
    scripts = [script for script in markup.all("script") if script.get("type") != "application/json"]
    assert all(script.get("src") and script.get("nonce") == "n0nce" for script in scripts)
    assert [name for _, attributes in markup.elements for name in attributes if name.startswith("on")] == []
    assert [attributes for _, attributes in markup.elements if "style" in attributes] == []
    assert markup.all("style") == []


def test_the_paid_page_shows_amount_method_and_receipt() -> None:
    html = render("paid")
    for fact in ("129,000원", "감귤 5kg", "ORD-7", "신용카드 · 신한카드 · 3개월 할부", "80,000원", "4,455원"):
        assert fact in html
    assert "2026년 8월 6일 (목요일) 00:30" in html  # 15:30 UTC is half past midnight in Seoul
    [receipt] = [link for link in Markup(html).all("a") if "inicis" in str(link["href"])]
    assert receipt["rel"] == "noopener noreferrer"


def test_the_paid_page_shows_what_went_back_since() -> None:
    assert "2,900원" in render("paid", payment={"refunded_amount": 2900})
    assert "환불" not in render("paid")


def test_the_refunded_page_shows_how_much_went_back_and_when_it_arrives() -> None:
    html = render("refunded", payment={"refunded_amount": 129000})
    for fact in ("129,000원", "감귤 5kg", "신용카드 · 신한카드", "2026년 8월 7일 (금요일) 10:00", "영업일"):
        assert fact in html
    assert "카드" not in render("refunded", payment={"pay_method": "vbank"}).partition("<dl")[0]


def test_a_second_payment_that_went_back_says_that_the_order_is_paid_all_the_same() -> None:
    other = render("refunded", "en", payment={"paid_slot": None})
    assert "paid by another payment" in other
    assert "paid by another payment" not in render("refunded", "en")


@pytest.mark.parametrize(("quota", "text"), [(0, "일시불"), (1, "일시불"), (12, "12개월 할부")])
def test_a_lump_sum_is_called_so(quota: int, text: str) -> None:
    assert text in render("paid", payment={"card_quota": quota})


def test_a_wallet_is_named_instead_of_the_card_method() -> None:
    assert "카카오페이 · 신한카드" in render("paid", payment={"emb_pg_provider": "kakaopay"})


def test_what_is_not_known_leaves_no_empty_row() -> None:
    nothing = {"pay_method": "", "card_name": "", "card_quota": None, "paid_at": None, "receipt_url": ""}
    html = render("paid", payment=nothing, order={"tax_free_amount": None, "vat_amount": None}, return_url="")
    assert [word for word in ("결제 수단", "결제 일시", "면세", "부가세", "영수증", "None") if word in html] == []
    assert Markup(html).all("a") == []


def test_the_deposit_page_gives_account_amount_and_deadline_in_korean_time() -> None:
    html = render("awaiting_deposit")
    facts = ["신한은행", "56211900000000", "케이지이니시스", "129,000원", "2026년 8월 9일 (일요일) 23:59"]
    assert [fact for fact in facts if fact not in html] == []
    english = render("awaiting_deposit", "en")
    assert "Sun, 9 Aug 2026, 23:59" in english
    assert "Korean time" in english


@pytest.mark.parametrize("page", ["awaiting_deposit", "failed", "expired", "confirming"])
def test_the_pages_that_can_go_on_offer_the_servers_button_and_only_then(page: str) -> None:
    with_button = Markup(render(page))
    assert [button["id"] for button in with_button.all("button") if "data-portone-pay" in button] == ["portone-1"]
    without = Markup(render(page, retry=None))
    assert [button for button in without.all("button") if "data-portone-pay" in button] == []


@pytest.mark.parametrize("page", ["paid", "refunded", "checking", "neutral", "error"])
def test_the_pages_that_end_the_matter_never_offer_to_pay(page: str) -> None:
    assert [button for button in Markup(render(page)).all("button") if "data-portone-pay" in button] == []


@pytest.mark.parametrize(
    ("page", "korean", "english"),
    [
        ("failed", "결제된 금액은 없습니다.", "Nothing was charged."),
        ("checking", "두 번 결제되지 않습니다.", "You will not be charged twice."),
    ],
)
def test_the_promise_about_money_is_in_both_languages(page: str, korean: str, english: str) -> None:
    assert korean in render(page)
    assert english in render(page, "en")


def test_an_order_without_a_reference_is_known_by_its_own_number() -> None:
    assert "f0" * 10 in render("checking", order={"reference": None})


def test_a_disabled_button_has_no_options_and_no_script() -> None:
    markup = Markup(render("failed", retry=retry(disabled=True, config={})))
    [button] = [button for button in markup.all("button") if "data-portone-pay" in button]
    assert "disabled" in button
    assert markup.all("script") == []


def test_the_error_page_says_what_it_is_told_and_has_words_of_its_own() -> None:
    told = render("error", title="없는 페이지", message="링크가 만료되었습니다.", hint="다시 열어 주세요.")
    assert [text for text in ("없는 페이지", "링크가 만료되었습니다.", "다시 열어 주세요.") if text not in told] == []
    assert "페이지를 표시할 수 없습니다" in render("error")
