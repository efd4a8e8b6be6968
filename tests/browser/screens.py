"""make screens: pictures of every page in Korean and English at 390 and 1280 px, into docs/screens/.

The demo's processes run, buyers make each state happen, and Chromium looks at what came of it. A page that is wider
than the screen, or in the wrong language, ends the run with an error.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from example_project.demo.interrupts import Interrupts
from example_project.demo.stack import Stack
from example_project.demo.switchboard import Switchboard
from example_project.demo.visitor import Visitor, Window
from tests.browser.chromium import open_chromium

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
PORT = 8730
LANGUAGES = ("ko", "en")
WIDTHS = {390: 844, 1280: 900}
PHONE = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile"
Look = Callable[[Any], None]


def main() -> int:
    """0 when every picture was taken."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    interrupts = Interrupts()
    stack = Stack(port=PORT, interrupts=interrupts)
    try:
        stack.start()
        with open_chromium() as chromium:
            for language, width in itertools.product(LANGUAGES, WIDTHS):
                with _context(chromium, stack.shop_url, language, width) as page:
                    for name, look in _pages(stack, language, width):
                        look(page)
                        _take(page, name, language, width)
    finally:
        with interrupts.ignored():
            stack.stop()
    return 0


def _pages(stack: Stack, language: str, width: int) -> Iterator[tuple[str, Look]]:
    """Name and way to each page, in the order in which a customer meets them."""
    scene = Scene(stack, language, is_phone=width < 600)
    yield "shop-products", scene.at("/")
    yield "shop-product", scene.at("/products/dripper-set/")
    yield "shop-buy", scene.at("/products/dripper-set/buy/?quantity=1")
    yield "shop-login", scene.at("/login/")
    code = scene.visitor.order("dripper-set")
    yield "shop-pay", scene.at(f"/pay/{code}/")
    yield "window-card", scene.opened(code, "pay-card")
    yield "window-wallet", scene.opened(scene.visitor.order("namu-blend"), "pay-kakao")
    yield "window-transfer", scene.opened(scene.visitor.order("namu-blend"), "pay-trans")
    yield "window-vbank", scene.opened(scene.visitor.order("namu-blend"), "pay-vbank")
    yield "window-vbank-issued", scene.issued(scene.visitor.order("namu-blend"))
    yield "result-paid", scene.at(scene.paid())
    yield "result-awaiting-deposit", scene.at(scene.awaiting())
    yield "result-failed", scene.at(scene.declined())
    yield "result-confirming", scene.at(scene.left())
    yield "result-checking", scene.at(scene.tampered())
    yield "result-neutral", scene.at("/portone/result/")
    yield "result-error", scene.at("/portone/result/no-such-token/")
    yield "shop-order-paid", scene.at(f"/orders/{scene.codes['paid']}/")
    yield "shop-order-awaiting", scene.at(f"/orders/{scene.codes['awaiting']}/")
    yield "shop-order-checking", scene.at(f"/orders/{scene.codes['checking']}/")
    yield "shop-orders", scene.at_home("/orders/")
    yield "admin-orders", scene.in_admin("/admin/portone/order/")
    yield "admin-payments", scene.in_admin("/admin/portone/payment/")
    yield "sandbox-console", scene.at(f"{stack.sandbox_url}/")


class Scene:
    """Makes each state happen with a buyer over HTTP; what it returns are the addresses to look at."""

    def __init__(self, stack: Stack, language: str, *, is_phone: bool) -> None:
        self.stack, self.language, self.is_phone = stack, language, is_phone
        self.visitor = Visitor(stack.shop_url, language=language)
        self.switchboard = Switchboard(stack.sandbox_url)
        self.codes: dict[str, str] = {}

    def at(self, address: str) -> Look:
        url = address if address.startswith("http") else self.stack.shop_url + address
        return lambda page: page.goto(url)

    def at_home(self, address: str) -> Look:
        """As the buyer, whose cookies the browser borrows."""

        def look(page: Any) -> None:
            cookies = [
                {"name": name, "value": value, "url": self.stack.shop_url}
                for name, value in self.visitor.cookies.items()
            ]
            page.context.add_cookies(cookies)
            page.goto(self.stack.shop_url + address)

        return look

    def in_admin(self, address: str) -> Look:
        def look(page: Any) -> None:
            page.goto(f"{self.stack.shop_url}/admin/login/?next={address}")
            if page.locator("input[name=username]").count():
                page.fill("input[name=username]", "operator")
                page.fill("input[name=password]", "operator")
                page.click("[type=submit]")
            page.goto(self.stack.shop_url + address)

        return look

    def opened(self, code: str, button: str) -> Look:
        """The payment window over the shop's page, or in its place on a phone."""

        def look(page: Any) -> None:
            page.goto(f"{self.stack.shop_url}/pay/{code}/")
            page.click(f".{button}")
            if self.is_phone:
                page.wait_for_url("**/v1/window/**")
                page.get_by_test_id("window").wait_for()
            else:
                page.frame_locator("iframe").get_by_test_id("window").wait_for()

        return look

    def issued(self, code: str) -> Look:
        window = self._window(code, "pay-vbank")
        self.visitor.act(window, "pay", bank="088")
        return lambda page: page.goto(window.url)

    def paid(self) -> str:
        code = self.codes["paid"] = self.visitor.order("dripper-set")
        window = self._window(code, "pay-card")
        self.visitor.report(window, self.visitor.act(window, "pay", choice="366", quota="3"))
        return window.click.result_url

    def awaiting(self) -> str:
        code = self.codes["awaiting"] = self.visitor.order("decaf")
        window = self._window(code, "pay-vbank")
        self.visitor.act(window, "pay", bank="088")
        self.visitor.report(window, self.visitor.act(window, "done"))
        return window.click.result_url

    def declined(self) -> str:
        window = self._window(self.visitor.order("gift-box"), "pay-card")
        rsp = self.visitor.act(window, "pay", choice="361", card_number="4000-0000-0000-1216")
        self.visitor.report(window, rsp)
        return window.click.result_url

    def left(self) -> str:
        window = self._window(self.visitor.order("namu-blend"), "pay-card")
        return window.click.result_url

    def tampered(self) -> str:
        code = self.codes["checking"] = self.visitor.order("gift-box")
        self.switchboard.arm("http_503", method="POST", path="/payments/prepare")
        click = self.visitor.press(code, "pay-card")
        window = self.visitor.open_window(click, amount=100, confirm_url="")
        self.visitor.report(window, self.visitor.act(window, "pay", choice="366"))
        return click.result_url

    def _window(self, code: str, button: str) -> Window:
        return self.visitor.open_window(self.visitor.press(code, button))


@contextmanager
def _context(chromium: Any, shop_url: str, language: str, width: int) -> Iterator[Any]:
    is_phone = width < 600
    context = chromium.new_context(
        viewport={"width": width, "height": WIDTHS[width]},
        locale="ko-KR" if language == "ko" else "en-US",
        timezone_id="Asia/Seoul",
        reduced_motion="reduce",
        has_touch=is_phone,
        is_mobile=is_phone,
        user_agent=PHONE if is_phone else None,
    )
    context.add_cookies([{"name": "django_language", "value": language, "url": shop_url}])
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def _take(page: Any, name: str, language: str, width: int) -> None:
    page.wait_for_load_state("networkidle")
    shown = page.evaluate("document.documentElement.lang").split("-")[0]
    if shown != language and not name.startswith("sandbox-"):
        sys.exit(f"{name}: the page is in {shown!r}, not in {language!r}")
    overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    # Django's own admin scrolls sideways on phones; ours must not.
    if overhang > 0 and not name.startswith("admin-"):
        sys.exit(f"{name}: {overhang} px wider than {width}")
    path = FOLDER / f"{name}-{language}-{width}.png"
    # Long tables and a page under a window are shown as far as the screen goes.
    is_whole = not name.startswith(("admin-", "sandbox-", "window-"))
    page.screenshot(path=path, full_page=is_whole)
    print(path.relative_to(FOLDER.parent.parent), flush=True)


if __name__ == "__main__":
    sys.exit(main())
