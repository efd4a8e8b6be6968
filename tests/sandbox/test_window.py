"""The window's doors: they open for any shop, ask only what was offered, and end each record once."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path

from portone_django.sandbox.catalogue import BILLING_CHANNEL, TEST_CHANNEL
from portone_django.sandbox.ledger import Sandbox, use_sandbox

urlpatterns = [path("any/prefix/", include("portone_django.sandbox.urls"))]
pytestmark = pytest.mark.urls(__name__)

BASE = "/any/prefix/v1/"
SHOP = "https://shop.example"


@pytest.fixture
def ledger(tmp_path: Path, settings: Any) -> Iterator[Sandbox]:
    """The sandbox of this process, on a file of its own."""
    settings.PORTONE_SANDBOX = {"ALLOW_WITHOUT_DEBUG": True}
    sandbox = Sandbox(tmp_path / "portone.sqlite3")
    use_sandbox(sandbox)
    yield sandbox
    use_sandbox(None)
    sandbox.close()


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True)


def ask(
    browser: Client, device: str = "pc", legacy: bool = False, user_code: str = "imp00000000", **params: Any
) -> Any:
    """What iamport.js gets for request_pay with `params`."""
    wanted = {
        "channelKey": TEST_CHANNEL,
        "pay_method": "card",
        "merchant_uid": "order1",
        "name": "한우 선물세트",
        "amount": 60_000,
        "buyer_tel": "010-0000-0000",
        "m_redirect_url": f"{SHOP}/return/?from=phone",
        **params,
    }
    body = {"user_code": user_code, "device": device, "legacy": legacy, "origin": SHOP, "params": wanted}
    response = browser.post(f"{BASE}window/open", json.dumps(body), content_type="application/json")
    assert response["Access-Control-Allow-Origin"] == "*"
    return response.json()


def opened(browser: Client, device: str = "pc", legacy: bool = False, **params: Any) -> str:
    """The address of a new window."""
    return f"{BASE}window/{ask(browser, device, legacy, **params)['token']}/"


def html(response: Any) -> str:
    return str(response.content.decode())


def told(response: Any) -> Any:
    """The message that the last page hands to iamport.js."""
    found = re.search(r'<script id="delivery" type="application/json">(.*?)</script>', html(response))
    assert found, html(response)
    parcel = json.loads(unescape(found[1]))
    assert parcel["origin"] == SHOP
    return parcel["message"]


def only(ledger: Sandbox, merchant_uid: str = "order1") -> dict[str, Any]:
    (record,) = ledger.payments_of(merchant_uid)
    return record


def test_the_script_and_the_style_come_from_the_sandbox_itself(ledger: Sandbox, browser: Client) -> None:
    script = browser.get(f"{BASE}iamport.js?legacy=1")
    assert script["Content-Type"].startswith("text/javascript")
    assert "request_pay" in html(script)
    assert browser.get(f"{BASE}window/assets/window.css")["Content-Type"].startswith("text/css")
    assert browser.get(f"{BASE}window/skin/1f5fbf.css").status_code == 200


@pytest.mark.parametrize("name", ["assets/views.py", "assets/..", "skin/red.css", "skin/1f5fbf};x{.css", "made-up/"])
def test_nothing_else_is_served(ledger: Sandbox, browser: Client, name: str) -> None:
    assert browser.get(f"{BASE}window/{name}").status_code == 404


def test_a_window_opens_for_any_origin_and_leaves_a_ready_record(ledger: Sandbox, browser: Client) -> None:
    assert browser.options(f"{BASE}window/open")["Access-Control-Allow-Origin"] == "*"
    page = browser.get(opened(browser))
    assert page.status_code == 200
    assert only(ledger)["status"] == "ready"
    assert "X-Frame-Options" not in page
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "한우 선물세트" in html(page)
    assert "60,000원" in html(page)


@pytest.mark.parametrize(
    "wrong",
    [
        {"buyer_tel": None},
        {"amount": "60000"},
        {"merchant_uid": "m" * 41},
        {"channelKey": "channel-key-of-nobody"},
        {"channelKey": None},
        {"user_code": "imp99999999"},
        {"device": "mobile", "m_redirect_url": "/return/"},
        {"device": "mobile", "m_redirect_url": "http://["},
    ],
)
def test_what_portone_refuses_opens_no_window(ledger: Sandbox, browser: Client, wrong: dict[str, Any]) -> None:
    refusal = ask(browser, **wrong)["refusal"]
    assert refusal["imp_uid"] is None
    assert refusal["error_msg"]
    assert refusal["merchant_uid"] == wrong.get("merchant_uid", "order1")
    assert ledger.payments_of("order1") == []


@pytest.mark.parametrize("body", ["", "[]", "{", '{"params": 1}'])
def test_an_unreadable_request_is_an_error_not_a_crash(ledger: Sandbox, browser: Client, body: str) -> None:
    assert browser.post(f"{BASE}window/open", body, content_type="text/plain").status_code == 400


def test_nothing_from_the_shop_breaks_out_of_the_page(ledger: Sandbox, browser: Client) -> None:
    attack = '"></script><script>alert(1)</script>'
    window_address = opened(browser, name=attack[:40], buyer_name=attack[:16], pay_method="vbank")
    assert "<script>alert" not in html(browser.get(window_address))
    assert "<script>alert" not in html(browser.post(window_address, {"outcome": "cancel"}))


def test_paying_by_card_settles_the_record_and_tells_the_shop(ledger: Sandbox, browser: Client) -> None:
    form = {"outcome": "pay", "agree": "1", "choice": "366", "quota": "3"}
    message = told(browser.post(opened(browser), form))
    record = only(ledger)
    assert (record["status"], record["card_code"], record["card_quota"]) == ("paid", "366", 3)
    assert message["portone_sandbox"] == "answered"
    assert message["rsp"]["imp_uid"] == record["imp_uid"]
    assert "success" not in message["rsp"]


def test_the_legacy_script_is_told_success(ledger: Sandbox, browser: Client) -> None:
    message = told(browser.post(opened(browser, legacy=True), {"outcome": "approve"}))
    assert message["rsp"]["success"] is True


@pytest.mark.parametrize("form", [{"choice": "366"}, {"agree": "1"}, {"agree": "1", "choice": "366", "quota": "99"}])
def test_an_incomplete_form_is_asked_again_and_charges_nothing(
    ledger: Sandbox, browser: Client, form: dict[str, str]
) -> None:
    page = browser.post(opened(browser), {"outcome": "pay", **form})
    assert 'role="alert"' in html(page)
    assert only(ledger)["status"] == "ready"


def test_a_card_number_is_never_shown_again(ledger: Sandbox, browser: Client) -> None:
    number = "4000000000001254"
    form = {"outcome": "pay", "choice": "366", "card_number": number}
    assert number not in html(browser.post(opened(browser), form))


def test_a_magic_card_is_declined_and_told_with_its_code(ledger: Sandbox, browser: Client) -> None:
    form = {"outcome": "pay", "agree": "1", "choice": "366", "card_number": "4000-0000-0000-1254"}
    rsp = told(browser.post(opened(browser), form))["rsp"]
    assert only(ledger)["status"] == "failed"
    assert rsp["error_code"] == "1254"


@pytest.mark.parametrize("code", ["120049", "1254", "1226"])
def test_a_chosen_decline_fails_the_record_with_inicis_reason(ledger: Sandbox, browser: Client, code: str) -> None:
    rsp = told(browser.post(opened(browser), {"outcome": "decline", "reason": code}))["rsp"]
    assert only(ledger)["fail_reason"] == rsp["error_msg"]
    assert rsp["error_code"] == code


def test_closing_fails_the_record_as_the_buyers_cancel(ledger: Sandbox, browser: Client) -> None:
    rsp = told(browser.post(opened(browser), {"outcome": "cancel"}))["rsp"]
    assert only(ledger)["status"] == "failed"
    assert rsp["error_msg"] == "사용자가 결제를 취소하셨습니다"
    assert "error_code" not in rsp


def test_losing_the_answer_charges_and_tells_nobody(ledger: Sandbox, browser: Client) -> None:
    message = told(browser.post(opened(browser), {"outcome": "lose"}))
    assert only(ledger)["status"] == "paid"
    assert message == {"portone_sandbox": "closed", "rsp": None}


def test_leaving_keeps_the_record_ready_and_tells_nobody(ledger: Sandbox, browser: Client) -> None:
    message = told(browser.post(opened(browser), {"outcome": "leave"}))
    assert only(ledger)["status"] == "ready"
    assert message["rsp"] is None


def test_a_second_submission_changes_nothing_and_tells_the_same(ledger: Sandbox, browser: Client) -> None:
    address = opened(browser)
    first = told(browser.post(address, {"outcome": "approve"}))
    assert told(browser.post(address, {"outcome": "decline"})) == first
    assert told(browser.get(address)) == first
    assert only(ledger)["status"] == "paid"


def test_an_easy_pay_button_leads_to_the_wallets_own_screen(ledger: Sandbox, browser: Client) -> None:
    address = opened(browser)
    step = html(browser.post(address, {"outcome": "pay", "agree": "1", "choice": "wallet:kakaopay"}))
    assert 'data-testid="wallet-name">카카오페이<' in step
    assert only(ledger)["status"] == "ready"
    browser.post(address, {"outcome": "pay", "agree": "1", "wallet": "kakaopay"})
    record = only(ledger)
    assert (record["status"], record["pg_provider"], record["emb_pg_provider"]) == ("paid", "html5_inicis", "kakaopay")


def test_a_virtual_account_is_shown_until_the_buyer_confirms(ledger: Sandbox, browser: Client) -> None:
    address = opened(browser, pay_method="vbank", vbank_due="2099-12-23")
    page = html(browser.post(address, {"outcome": "pay", "agree": "1", "bank": "088"}))
    record = only(ledger)
    assert (record["status"], record["vbank_code"]) == ("ready", "088")
    assert record["vbank_num"] in page
    assert record["vbank_num"] in html(browser.get(address))
    rsp = told(browser.post(address, {"outcome": "done"}))["rsp"]
    assert (rsp["status"], rsp["vbank_date"]) == ("ready", "2099-12-23 23:59:59")


@pytest.mark.parametrize("due", ["2099-12-23", "20991223", "2099-12-23 18:30:00", "20991223183000", None])
def test_the_issued_deadline_is_the_one_that_was_shown(ledger: Sandbox, browser: Client, due: str | None) -> None:
    address = opened(browser, pay_method="vbank", vbank_due=due)
    shown = re.search(r'data-testid="deadline">([^<]+)<', html(browser.get(address)))
    issued = re.search(r'data-testid="deadline">([^<]+)<', html(browser.post(address, {"outcome": "approve"})))
    assert shown
    assert issued
    assert shown[1] == issued[1]


def test_an_account_transfer_pays_from_the_chosen_bank(ledger: Sandbox, browser: Client) -> None:
    browser.post(opened(browser, pay_method="trans"), {"outcome": "pay", "agree": "1", "bank": "004"})
    assert (only(ledger)["status"], only(ledger)["bank_code"]) == ("paid", "004")


@pytest.mark.parametrize(
    "method", ["phone", "cultureland", "smartculture", "happymoney", "booknlife", "samsung", "lpay"]
)
def test_every_other_method_pays_on_one_screen(ledger: Sandbox, browser: Client, method: str) -> None:
    browser.post(opened(browser, pay_method=method, digital=True), {"outcome": "pay", "agree": "1"})
    assert (only(ledger)["status"], only(ledger)["pay_method"]) == ("paid", method)


def test_registering_a_card_says_that_nothing_is_charged(ledger: Sandbox, browser: Client) -> None:
    address = opened(browser, channelKey=BILLING_CHANNEL, customer_uid="card-1")
    assert 'data-testid="not-charged"' in html(browser.get(address))
    browser.post(address, {"outcome": "pay", "agree": "1", "choice": "366"})
    record = only(ledger)
    assert (record["customer_uid"], record["customer_uid_usage"]) == ("card-1", "issue")


def test_a_phone_is_sent_back_to_the_shop_with_the_uids(ledger: Sandbox, browser: Client) -> None:
    response = browser.post(opened(browser, "mobile"), {"outcome": "approve"})
    record = only(ledger)
    assert response.status_code == 303
    assert response["Location"] == f"{SHOP}/return/?from=phone&imp_uid={record['imp_uid']}&merchant_uid=order1"


def test_a_phone_is_sent_back_with_the_reason_after_a_cancel(ledger: Sandbox, browser: Client) -> None:
    response = browser.post(opened(browser, "mobile"), {"outcome": "cancel"})
    assert "&error_code=F400&error_msg=%EC%82%AC" in response["Location"]


def test_a_phones_back_button_returns_to_the_same_result(ledger: Sandbox, browser: Client) -> None:
    address = opened(browser, "mobile")
    first = browser.post(address, {"outcome": "approve"})
    assert browser.get(address)["Location"] == first["Location"]
    assert "no-store" in first["Cache-Control"]


@pytest.mark.parametrize("outcome", ["lose", "leave"])
def test_a_phone_that_is_lost_stays_at_portone(ledger: Sandbox, browser: Client, outcome: str) -> None:
    page = browser.post(opened(browser, "mobile"), {"outcome": outcome})
    assert page.status_code == 200
    assert SHOP + "/return" not in html(page)


def test_a_window_of_a_sandbox_that_was_reset_is_gone(ledger: Sandbox, browser: Client) -> None:
    address = opened(browser)
    ledger.reset()
    assert browser.get(address).status_code == 404
    assert browser.post(address, {"outcome": "approve"}).status_code == 404
