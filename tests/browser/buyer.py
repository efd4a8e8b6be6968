"""A customer with a real browser, at a desk or with a phone: what they press in the shop and in the payment window."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.test import Client

from portone_django.models import Order

from .devices import PC, PHONE
from .site import Site


class Buyer:
    """`page` is the tab in use; `complaints` is all that the browser held against our pages, with what was expected."""

    def __init__(self, chromium: Any, site: Site, *, is_phone: bool) -> None:
        self.site, self.is_phone = site, is_phone
        self.context = chromium.new_context(locale="ko-KR", **(PHONE if is_phone else PC))
        self.context.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = self.context.new_page()

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def sight(self) -> str:
        """What is before them now, and what the browser held against it: for the report of a test that failed."""
        frames = [f"{frame.url}\n{frame.locator('body').inner_text(timeout=5_000)}" for frame in self.page.frames]
        return "\n\n".join([*frames, *(f"complaint: {each}" for each in self.complaints)])

    # ---- in the shop ----

    def turns_to(self, tab: Any) -> None:
        """Brings a tab to the front, as a hand must before it can press anything there: a hidden one loses presses."""
        self.page = tab
        tab.bring_to_front()

    def visit(self, order: Order) -> None:
        self.page.goto(self.site.checkout(order))

    def logs_in(self, user: Any) -> None:
        """With a session of that user."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.site.url}])

    def button(self, method: str = "card") -> Any:
        return self.page.locator(f"#{method} [data-portone-pay]")

    def press(self, method: str = "card") -> None:
        """Press a pay button and wait until its window can be used."""
        self._touch(self.button(method))
        self.window.get_by_test_id("window").wait_for()

    def touch(self, text: str) -> None:
        """Press the button of that text."""
        self._touch(self.page.get_by_role("button", name=text, exact=True))

    def _touch(self, target: Any) -> None:
        """Press it, once the page has its script: a heading is seen before, and a press is nothing to it then."""
        until = time.monotonic() + 60
        while not self._has_its_script():
            assert time.monotonic() < until, "the page was never complete"
            self.page.wait_for_timeout(20)
        target.tap() if self.is_phone else target.click()

    def _has_its_script(self) -> bool:
        """Asked of the page: one that came back as it was left never loads again for Playwright."""
        from playwright.sync_api import Error

        try:
            return bool(self.page.evaluate("document.readyState") == "complete")
        except Error:  # between two pages
            return False

    def message(self, method: str = "card") -> Any:
        """The line below a button in which the shop speaks."""
        return self.page.locator(f"#{method} [data-portone-status]")

    def sees(self, heading: str) -> None:
        """Arrives, by itself, at the page of that heading."""
        self.page.get_by_role("heading", name=heading, exact=True).wait_for()

    def goes_back(self) -> None:
        self.page.go_back(wait_until="commit")

    def returns_to_the_shop(self) -> None:
        """Back, and back again, until the page with the buttons is there; a phone's window lies in between."""
        from playwright.sync_api import TimeoutError as TookTooLong

        for _ in range(4):
            self.goes_back()
            try:
                self.button().wait_for(timeout=12_000)
            except TookTooLong:
                continue
            return
        raise AssertionError("the way back does not lead to the shop's page")

    def takes_back(self, words: str) -> int:
        """How many complaints with these words were made and are forgiven: the test provoked them."""
        forgiven = [each for each in self.complaints if words in each]
        self.complaints = [each for each in self.complaints if words not in each]
        return len(forgiven)

    # ---- in the payment window ----

    @property
    def window(self) -> Any:
        return self.page if self.is_phone else self.page.frame_locator("iframe[data-testid=portone-window]")

    def does(self, *test_ids: str) -> None:
        """Press one thing after another in the window."""
        for test_id in test_ids:
            self._touch(self.window.get_by_test_id(test_id))

    def pays_by_card(self) -> None:
        self.does("agree", "issuer-366", "pay")

    def takes_an_account(self) -> str:
        """Through the virtual account's screens; the number that the window showed."""
        self.does("agree", "bank-088", "pay")
        number = str(self.window.get_by_test_id("vbank-num").inner_text())
        self.does("done")
        return number

    def window_is_gone(self) -> None:
        self.page.get_by_test_id("portone-overlay").wait_for(state="detached")

    def loses_the_answer(self) -> None:
        """Pays, and the browser never tells the shop; the window is gone afterwards."""
        self.does("lose")
        self.window.get_by_test_id("lost").wait_for()
        if not self.is_phone:
            self.does("dismiss")
            self.window_is_gone()
