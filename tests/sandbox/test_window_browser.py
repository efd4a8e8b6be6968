"""In a real browser the script and the window behave towards a shop as PortOne's do, from another origin."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path

from portone_django.sandbox.catalogue import BILLING_CHANNEL, TEST_CHANNEL
from portone_django.sandbox.ledger import Sandbox, use_sandbox
from tests.browser.chromium import open_chromium

pytestmark = pytest.mark.browser

PHONE = {
    "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) AppleWebKit/605.1 Mobile/15E148 Safari/604.1",
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}


def shop_page(request: HttpRequest) -> HttpResponse:
    """A shop on an origin of its own, under a policy that allows no inline style or script."""
    sandbox = request.GET["sandbox"]
    legacy = "?legacy=1" if "legacy" in request.GET else ""
    page = f"<!doctype html><html><body><h1>Shop</h1><script src='{sandbox}/sandbox/v1/iamport.js{legacy}'></script>"
    policy = f"default-src 'none'; script-src {sandbox}; frame-src {sandbox}; connect-src {sandbox}"
    return HttpResponse(page, headers={"Content-Security-Policy": policy})


def came_back(request: HttpRequest) -> HttpResponse:
    return HttpResponse("back in the shop")


urlpatterns = [
    path("sandbox/", include("portone_django.sandbox.urls")),
    path("shop/", shop_page),
    path("return/", came_back),
    path("favicon.ico", came_back),
]


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def serve() -> ThreadedWSGIServer:
    server = ThreadedWSGIServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    server.set_app(WSGIHandler())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def origins() -> Iterator[tuple[str, str]]:
    """Two origins of one program: the shop's and the sandbox's."""
    allowed = {"ALLOW_WITHOUT_DEBUG": True}
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], ALLOWED_HOSTS=["127.0.0.1"], PORTONE_SANDBOX=allowed):
        servers = serve(), serve()
        yield f"http://127.0.0.1:{servers[0].server_port}", f"http://127.0.0.1:{servers[1].server_port}"
        for server in servers:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path / "portone.sqlite3")
    use_sandbox(sandbox)
    yield sandbox
    use_sandbox(None)
    sandbox.close()


class ShopPage:
    """A shop's page that calls request_pay and keeps what its callback hears."""

    def __init__(self, browser: Any, origins: tuple[str, str], **context: Any) -> None:
        self.shop, self.sandbox = origins
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(45_000)
        self.logs: list[str] = []
        self.page.on("console", lambda message: self.logs.append(message.text))

    def load(self, *, legacy: bool = False, init: bool = True) -> None:
        self.page.goto(f"{self.shop}/shop/?sandbox={self.sandbox}{'&legacy' if legacy else ''}")
        self.page.evaluate("() => { window.heard = []; }")
        if init:
            self.page.evaluate("() => IMP.init('imp00000000')")

    def params(self, **changes: Any) -> dict[str, Any]:
        return {
            "channelKey": TEST_CHANNEL,
            "pay_method": "card",
            "merchant_uid": "order1",
            "name": "한우 선물세트",
            "amount": 60_000,
            "buyer_tel": "010-0000-0000",
            "m_redirect_url": f"{self.shop}/return/?from=phone",
            **changes,
        }

    def pay(self, **changes: Any) -> None:
        self.page.evaluate("p => IMP.request_pay(p, rsp => { window.heard.push(rsp); })", self.params(**changes))

    def window(self) -> Any:
        return self.page.frame_locator("iframe[data-testid=portone-window]")

    def heard(self, count: int = 1) -> list[dict[str, Any]]:
        self.page.wait_for_function("count => window.heard.length >= count", arg=count)
        return list(self.page.evaluate("() => window.heard"))

    def settled(self) -> list[dict[str, Any]]:
        """What was heard once the overlay is gone."""
        self.page.locator("[data-testid=portone-overlay]").wait_for(state="detached")
        return list(self.page.evaluate("() => window.heard"))


@pytest.fixture
def pc(ledger: Sandbox, chromium: Any, origins: tuple[str, str]) -> Iterator[ShopPage]:
    shop = ShopPage(chromium, origins, viewport={"width": 1280, "height": 800})
    shop.load()
    yield shop
    shop.context.close()


@pytest.fixture
def phone(ledger: Sandbox, chromium: Any, origins: tuple[str, str]) -> Iterator[ShopPage]:
    shop = ShopPage(chromium, origins, **PHONE)
    shop.load()
    yield shop
    shop.context.close()


def test_paying_by_card_on_a_pc_reaches_the_callback_once(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.window().get_by_test_id("agree").check()
    pc.window().get_by_test_id("issuer-366").click()
    pc.window().get_by_test_id("quota").select_option("3")
    pc.window().get_by_test_id("pay").click()
    (rsp,) = pc.heard()
    (record,) = ledger.payments_of("order1")
    assert (record["status"], record["card_code"], record["card_quota"]) == ("paid", "366", 3)
    assert (rsp["imp_uid"], rsp["merchant_uid"], rsp["paid_amount"]) == (record["imp_uid"], "order1", 60_000)
    assert "success" not in rsp
    assert pc.settled() == [rsp]
    assert pc.logs == []


def test_a_declined_card_reaches_the_callback_with_its_code(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.window().get_by_test_id("decline-reason").select_option("1254")
    pc.window().get_by_test_id("decline").click()
    (rsp,) = pc.heard()
    assert (rsp["error_code"], rsp["error_msg"]) == ("1254", "[1254] 잔액부족")
    assert ledger.payments_of("order1")[0]["status"] == "failed"


def test_closing_the_window_reaches_the_callback_without_a_code(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.window().get_by_test_id("close").click()
    (rsp,) = pc.heard()
    assert rsp["error_msg"] == "사용자가 결제를 취소하셨습니다"
    assert rsp.keys().isdisjoint({"error_code", "status", "success"})
    assert ledger.payments_of("order1")[0]["status"] == "failed"


def test_an_account_is_shown_and_then_told(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay(pay_method="vbank", vbank_due="2099-12-23")
    pc.window().get_by_test_id("agree").check()
    pc.window().get_by_test_id("bank-004").click()
    pc.window().get_by_test_id("pay").click()
    number = pc.window().get_by_test_id("vbank-num").inner_text()
    assert pc.page.evaluate("() => window.heard") == []
    pc.window().get_by_test_id("done").click()
    (rsp,) = pc.heard()
    assert (rsp["status"], rsp["vbank_num"], rsp["vbank_date"]) == ("ready", number, "2099-12-23 23:59:59")


def test_a_lost_answer_charges_and_never_calls_back(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.window().get_by_test_id("lose").click()
    pc.window().get_by_test_id("dismiss").click()
    assert pc.settled() == []
    assert ledger.payments_of("order1")[0]["status"] == "paid"


def test_leaving_closes_the_window_and_keeps_the_record_ready(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.window().get_by_test_id("leave").click()
    assert pc.settled() == []
    assert ledger.payments_of("order1")[0]["status"] == "ready"


def test_a_double_click_opens_two_windows_and_both_are_told(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.pay()
    pc.page.locator("iframe").nth(1).wait_for()
    assert len(ledger.payments_of("order1")) == 2
    overflow = "() => document.documentElement.style.overflow"
    pc.page.frame_locator("iframe >> nth=-1").get_by_test_id("close").click()
    pc.heard(1)
    assert pc.page.evaluate(overflow) == "hidden"
    pc.page.frame_locator("iframe").get_by_test_id("close").click()
    assert len({rsp["imp_uid"] for rsp in pc.heard(2)}) == 2
    assert pc.page.evaluate(overflow) == ""


def test_a_card_is_registered_without_a_charge(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay(channelKey=BILLING_CHANNEL, customer_uid="card-1")
    pc.window().get_by_test_id("not-charged").wait_for()
    pc.window().get_by_test_id("agree").check()
    pc.window().get_by_test_id("issuer-365").click()
    pc.window().get_by_test_id("pay").click()
    pc.heard()
    assert ledger.payments_of("order1")[0]["customer_uid_usage"] == "issue"


def test_a_wallet_is_confirmed_on_its_own_screen(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.window().get_by_test_id("agree").check()
    pc.window().get_by_test_id("wallet-naverpay").click()
    pc.window().get_by_test_id("pay").click()
    pc.window().get_by_test_id("wallet-name").wait_for()
    pc.window().get_by_test_id("pay").click()
    assert pc.heard()[0]["emb_pg_provider"] == "naverpay"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"amount": "60000"}, "amount"),
        ({"merchant_uid": 7}, "merchant_uid"),
        ({"buyer_tel": ""}, "buyer_tel"),
        ({"channelKey": "channel-key-of-nobody"}, "channelKey"),
    ],
)
def test_a_wrong_argument_opens_nothing(ledger: Sandbox, pc: ShopPage, wrong: dict[str, Any], words: str) -> None:
    pc.pay(**wrong)
    (rsp,) = pc.heard()
    assert rsp["imp_uid"] is None
    assert words in rsp["error_msg"]
    assert pc.page.locator("iframe").count() == 0
    assert ledger.transactions() == []


def test_request_pay_refuses_before_init(ledger: Sandbox, pc: ShopPage) -> None:
    pc.load(init=False)
    pc.pay()
    assert pc.heard()[0]["error_code"] == "NOT_READY"
    assert ledger.transactions() == []


def test_request_pay_writes_into_the_object_it_is_given(ledger: Sandbox, pc: ShopPage) -> None:
    written = pc.page.evaluate("() => { const p = {amount: 100}; IMP.request_pay(p, () => {}); return p; }")
    assert written["request_id"].startswith("req_")
    assert written["merchant_uid"].startswith("nobody_")
    assert written["pay_method"] == "card"


def test_what_a_callback_throws_is_only_logged(ledger: Sandbox, pc: ShopPage) -> None:
    crashes: list[str] = []
    pc.page.on("pageerror", lambda error: crashes.append(str(error)))
    pc.page.evaluate("() => IMP.request_pay({}, () => { throw new Error('of the shop'); })")
    assert any("of the shop" in line for line in pc.logs)
    assert crashes == []


def test_other_windows_cannot_answer_for_the_payment_window(ledger: Sandbox, pc: ShopPage) -> None:
    pc.pay()
    pc.window().get_by_test_id("pay").wait_for()
    pc.page.evaluate("() => window.postMessage({portone_sandbox: 'answered', rsp: {imp_uid: 'imp_forged'}}, '*')")
    pc.window().get_by_test_id("close").click()
    assert [rsp["imp_uid"] for rsp in pc.heard()] == [ledger.payments_of("order1")[0]["imp_uid"]]


def test_the_legacy_script_tells_success(ledger: Sandbox, pc: ShopPage) -> None:
    pc.load(legacy=True)
    pc.pay()
    pc.window().get_by_test_id("approve").click()
    assert pc.heard()[0]["success"] is True


def test_certification_and_modules_answer_without_harm(ledger: Sandbox, pc: ShopPage) -> None:
    pc.page.evaluate("() => IMP.certification({merchant_uid: 'c1'}, rsp => { window.heard.push(rsp); })")
    assert pc.heard()[0]["error_code"] == "NOT_AVAILABLE"
    assert pc.page.evaluate("() => IMP.loadModule('x', {}, {}).then(() => 'loaded')") == "loaded"


def test_a_phone_navigates_to_the_window_and_back_with_the_uids(ledger: Sandbox, phone: ShopPage) -> None:
    phone.pay()
    phone.page.get_by_test_id("agree").check()
    phone.page.get_by_test_id("issuer-366").click()
    phone.page.get_by_test_id("pay").click()
    phone.page.wait_for_url("**/return/**")
    (record,) = ledger.payments_of("order1")
    assert record["channel"] == "mobile"
    ends = f"/return/?from=phone&imp_uid={record['imp_uid']}&merchant_uid=order1"
    assert phone.page.url == phone.shop + ends


def test_a_phone_comes_back_with_the_reason_after_a_cancel(ledger: Sandbox, phone: ShopPage) -> None:
    phone.pay()
    phone.page.get_by_test_id("close").click()
    phone.page.wait_for_url("**/return/**")
    assert "error_code=F400&error_msg=" in phone.page.url


def test_a_phones_back_button_meets_the_same_result(ledger: Sandbox, phone: ShopPage) -> None:
    phone.pay()
    phone.page.get_by_test_id("approve").click()
    phone.page.wait_for_url("**/return/**")
    first = phone.page.url
    phone.page.go_back(wait_until="commit")
    phone.page.wait_for_url("**/return/**")
    assert phone.page.url == first
    assert len(ledger.payments_of("order1")) == 1


def test_a_phone_without_a_way_back_is_refused(ledger: Sandbox, phone: ShopPage) -> None:
    phone.pay(m_redirect_url=None)
    assert "m_redirect_url" in phone.heard()[0]["error_msg"]
    assert ledger.transactions() == []


@pytest.mark.parametrize("method", ["card", "vbank", "trans", "kakaopay", "phone"])
def test_no_screen_is_wider_than_a_phone(ledger: Sandbox, phone: ShopPage, method: str) -> None:
    phone.pay(pay_method=method, language="en")
    phone.page.get_by_test_id("pay").wait_for()
    assert phone.page.evaluate("() => document.documentElement.scrollWidth") <= 390
