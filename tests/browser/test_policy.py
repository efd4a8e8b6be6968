"""Under a strict Content-Security-Policy everything works, and the policy of these tests really is in force."""

from __future__ import annotations

from typing import Any

import pytest

from .buyer import Buyer
from .site import Site
from .verdict import is_paid_once

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

# An inline script without the nonce, as an injection would add it.
INJECT = """() => {
  const script = document.createElement('script');
  script.textContent = 'window.injected = true';
  document.head.append(script);
  return Boolean(window.injected);
}"""
# Code in the markup: anything that is not data, has no address, or hangs on an attribute.
INLINE = """() => [...document.querySelectorAll('*')].filter((element) =>
  element.matches('style') || element.hasAttribute('style')
  || (element.matches('script:not([src])') && element.type !== 'application/json')
  || [...element.attributes].some((attribute) => attribute.name.startsWith('on'))).length"""


def walk(buyer: Buyer, site: Site) -> list[Any]:
    """A virtual account, the waiting page's own button, and a card: every page with scripts; what each yielded."""
    order = site.order()
    buyer.visit(order)
    found = [buyer.page.evaluate(INLINE)]
    buyer.press("vbank")
    buyer.takes_an_account()
    buyer.sees("입금을 기다리고 있습니다")
    found.append(buyer.page.evaluate(INLINE))
    buyer.touch("다른 방법으로 결제하기")
    buyer.pays_by_card()
    buyer.sees("결제가 완료되었습니다")
    found.append(buyer.page.evaluate(INLINE))
    is_paid_once(site, order)
    return found


@pytest.mark.parametrize("buyer", ["pc", "phone"], indirect=True)
def test_no_page_has_code_in_its_markup_and_none_meets_the_policy(site: Site, buyer: Buyer) -> None:
    assert walk(buyer, site) == [0, 0, 0]
    assert buyer.complaints == []


def test_the_policy_stops_an_injected_script_and_the_browser_says_so(site: Site, buyer: Buyer) -> None:
    buyer.visit(site.order())
    assert buyer.page.evaluate(INJECT) is False
    buyer.button().wait_for()
    assert buyer.takes_back("Content Security Policy") == 1


def test_the_shops_focus_ring_does_not_run_around_the_window(site: Site, buyer: Buyer) -> None:
    buyer.visit(site.order())
    buyer.page.add_style_tag(content="iframe, :focus-visible { outline: 3px solid red; }")
    buyer.press()
    frame = buyer.page.get_by_test_id("portone-window")
    assert frame.evaluate("frame => getComputedStyle(frame).outlineStyle") == "none"
