"""A card is registered in a real browser, at a desk and with a phone; PortOne's keys and our row are the judges."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import translation

from portone_django.billing import billing
from portone_django.models import BillingKey, Event
from tests.factories import UserFactory

from .buyer import Buyer
from .site import Site

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser
everywhere = pytest.mark.parametrize("buyer", ["pc", "phone"], indirect=True)


def korean(text: str) -> str:
    with translation.override("ko"):
        return translation.gettext(text)


def visit(site: Site, buyer: Buyer) -> BillingKey | None:
    """The customer's own page, logged in."""
    user = UserFactory()
    buyer.logs_in(user)
    buyer.page.goto(site.url + reverse("cards"))
    return billing(user).default_card


def the_key(site: Site) -> BillingKey:
    site.sandbox.flush_webhooks()
    return BillingKey.objects.latest("pk")


@everywhere
def test_a_card_is_registered_and_its_page_shows_it_masked(site: Site, buyer: Buyer) -> None:
    assert visit(site, buyer) is None
    buyer.press("register")
    buyer.pays_by_card()
    buyer.sees(korean("Your card is registered"))
    main = buyer.page.locator("main")
    for words in ("신한카드", "559410*********0"):
        sync_api.expect(main).to_contain_text(words)
    key = the_key(site)
    assert (key.state, key.is_default) == ("active", True)
    assert site.sandbox.keys.get(key.customer_uid)
    assert Event.objects.filter(billing_key=key, kind="billing_key.registered").count() == 1
    buyer.page.get_by_role("link").first.click()
    buyer.sees("내 카드")


def test_a_refused_card_leaves_a_usable_button_whose_next_registration_works(site: Site, buyer: Buyer) -> None:
    visit(site, buyer)
    buyer.press("register")
    buyer.does("close")
    sync_api.expect(buyer.message("register")).to_contain_text(
        korean("The card was not registered. Nothing was charged.")
    )
    failed = the_key(site)
    assert failed.state == "failed"
    buyer.press("register")
    buyer.pays_by_card()
    buyer.sees(korean("Your card is registered"))
    key = the_key(site)
    assert (key.state, key.customer_uid != failed.customer_uid) == ("active", True)


@pytest.mark.parametrize("buyer", ["phone"], indirect=True)
def test_on_a_phone_a_cancel_ends_at_a_page_that_says_so(site: Site, buyer: Buyer) -> None:
    visit(site, buyer)
    buyer.press("register")
    buyer.does("close")
    buyer.sees(korean("The card was not registered"))
    assert the_key(site).state == "failed"


def test_a_lost_callback_is_found_by_the_page_itself(site: Site, buyer: Buyer) -> None:
    visit(site, buyer)
    buyer.page.clock.install()
    buyer.press("register")
    buyer.does("agree", "issuer-366")
    buyer.loses_the_answer()
    buyer.page.clock.fast_forward(31_000)
    buyer.sees(korean("Your card is registered"))
    assert the_key(site).state == "active"
