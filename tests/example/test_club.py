"""The coffee club: joining with and without a card, what "My subscription" says, and what its buttons do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portone_django.flows.drain import drain
from portone_django.models import BillingCycle, Payment, Price, Subscription

from .conftest import Browser, Member

NO_FUNDS = "5594100000001254"


def renew(member: Member, clock: Any) -> None:
    """Move to the next bill, or to the next try of an open one, and charge what is due."""
    open_bills = BillingCycle.objects.is_open().filter(subscription=member.subscription)
    steps = [member.subscription.next_bill_at, *open_bills.values_list("next_step_at", flat=True)]
    clock.move(min(each for each in steps if each) - clock.now() + dt.timedelta(seconds=1))
    drain(concurrency=1)


# Pricing and joining ---------------------------------------------------------------------------------------------


def test_prices_are_there_for_everybody_and_subscribing_needs_a_login(club: None) -> None:
    browser = Browser()
    page = browser.read("/club/")
    assert "19,900원" in page
    assert "199,000원" in page
    assert "/login/?next=/club/" in page
    assert browser.post("/club/join/", {"price": "beans-monthly"}).headers["Location"] == "/login/?next=/club/join/"
    assert not Subscription.objects.exists()


def test_without_anything_to_subscribe_to_the_page_says_so(db: None) -> None:
    assert "지금은 구독할 수 있는 상품이 없습니다." in Browser().read("/club/")


def test_the_club_is_named_in_the_visitors_language(club: None) -> None:
    browser = Browser()
    browser.post("/i18n/setlang/", {"language": "en"})
    page = browser.read("/club/")
    assert "400 g of coffee a month" in page
    assert "KRW 19,900" in page
    assert "원두" not in page


def test_joining_without_a_card_leads_to_one_and_the_card_pays_the_first_bill(member: Member) -> None:
    assert member.join().headers["Location"] == "/membership/"
    assert (member.state, member.charged()) == ("waiting", [])
    member.register("/membership/")
    assert (member.state, member.charged()) == ("active", [("paid", 19_900)])


def test_joining_with_a_card_on_file_charges_it_at_once(member: Member) -> None:
    card = member.register()
    assert card.label in member.read("/club/")
    member.join("beans-yearly")
    assert (member.state, member.charged()) == ("active", [("paid", 199_000)])


def test_joining_twice_is_joining_once(member: Member) -> None:
    member.register()
    for _ in range(3):
        member.join()
    assert member.charged() == [("paid", 19_900)]
    assert Subscription.objects.count() == 1


def test_a_member_cannot_take_the_other_price_beside_the_first(member: Member) -> None:
    member.register()
    member.join()
    member.join("beans-yearly")
    assert member.charged() == [("paid", 19_900)]
    assert "이미 구독 중인 상품이 있습니다." in member.read("/membership/")


def test_who_has_not_paid_yet_can_still_choose_the_other_price(member: Member) -> None:
    member.join("beans-monthly")
    member.join("beans-yearly")
    assert member.subscription.price.code == "beans-yearly"
    member.register("/membership/")
    assert member.charged() == [("paid", 199_000)]


def test_a_declined_first_bill_says_why_and_another_card_pays_it(member: Member) -> None:
    member.register(number=NO_FUNDS)
    member.join()
    assert member.state == "waiting"
    assert "[1254] 잔액부족" in member.read("/membership/")
    member.register("/membership/")
    assert (member.state, member.charged()) == ("active", [("failed", 19_900), ("paid", 19_900)])


@pytest.mark.parametrize("price", ["", "beans-weekly", "of-another-plan"])
def test_what_is_not_offered_cannot_be_joined(member: Member, price: str) -> None:
    Price.objects.create(plan=Price.objects.get(code="beans-monthly").plan, code="of-another-plan", amount=1,
                         unit="month", is_offered=False)  # fmt: skip
    assert member.join(price).status_code == 404
    assert not Subscription.objects.exists()


def test_without_a_telephone_number_the_page_is_shown_again(member: Member) -> None:
    assert member.join(buyer_tel="").status_code == 400
    assert not Subscription.objects.exists()


def test_the_members_number_reaches_the_window(member: Member) -> None:
    member.join(buyer_tel="010-9999-8888")
    member.register("/membership/")
    assert [record["buyer_tel"] for record in member.sandbox.transactions()] == ["010-9999-8888"] * 2


# My subscription ---------------------------------------------------------------------------------------------------


def test_my_subscription_needs_a_login(club: None) -> None:
    assert Browser().get("/membership/").headers["Location"] == "/login/?next=/membership/"


def test_without_a_subscription_it_leads_to_the_club(member: Member) -> None:
    assert member.state == "none"
    assert 'href="/club/"' in member.read("/membership/")


def test_it_shows_the_next_bill_the_card_and_the_bills(member: Member, moving: Any) -> None:
    moving.move(dt.datetime(2031, 1, 31, 3, tzinfo=dt.UTC) - moving.now())
    card = member.register()
    member.join()
    page = member.read("/membership/")
    assert "2031년 2월 28일" in page
    assert card.card_number in page
    assert "2031년 1월 31일 – 2031년 2월 27일" in page
    receipt = Payment.objects.get().receipt_url
    assert receipt
    assert receipt in page.replace("&amp;", "&")


def test_a_renewal_is_a_second_bill(member: Member, moving: Any) -> None:
    member.register()
    member.join()
    renew(member, moving)
    assert member.charged() == [("paid", 19_900)] * 2
    assert member.read("/membership/").count("data-bill=") == 2


def test_cancelling_takes_one_press_and_is_taken_back_with_another(member: Member, moving: Any) -> None:
    member.register()
    member.join()
    member.press("cancel")
    assert member.state == "ending"
    member.press("resume")
    assert member.state == "active"
    renew(member, moving)
    assert len(member.charged()) == 2


def test_what_is_cancelled_ends_with_its_period_and_is_not_charged_again(member: Member, moving: Any) -> None:
    member.register()
    member.join()
    member.press("cancel")
    moving.move(member.subscription.cancel_at - moving.now() + dt.timedelta(seconds=1))
    drain(concurrency=1)
    assert (member.state, member.charged()) == ("ended", [("paid", 19_900)])
    assert "고객님의 해지" in member.read("/membership/")
    member.join()
    assert (member.state, len(member.charged())) == ("active", 2)


def test_a_declined_renewal_is_said_and_paid_by_a_press(member: Member, moving: Any) -> None:
    member.register()
    member.join()
    member.sandbox.faults.add("decline", code="1254")
    renew(member, moving)
    page = member.read("/membership/")
    assert 'data-state="past_due"' in page
    assert "[1254] 잔액부족" in page
    member.press("retry")
    assert (member.state, [state for state, _ in member.charged()]) == ("active", ["paid", "failed", "paid"])


def test_a_press_that_is_declined_again_says_so(member: Member, moving: Any) -> None:
    member.register()
    member.join()
    member.sandbox.faults.add("decline", code="1254", times=2)
    renew(member, moving)
    assert "카드 결제가 거절되었습니다." in member.press("retry")
    assert member.state == "past_due"


def test_a_charge_that_nobody_knows_about_is_said_and_not_made_twice(member: Member, moving: Any) -> None:
    member.register()
    member.join()
    member.sandbox.faults.add("timeout_after", path="/subscribe/payments/again")
    member.sandbox.faults.add("http_503", path="/payments/*", times=99)
    renew(member, moving)
    page = member.press("retry")
    assert "두 번 결제되지 않습니다." in page
    assert member.charged() == [("paid", 19_900)] * 2
    assert 'data-bill-state="confirming"' in page


def test_another_card_in_the_window_replaces_the_first(member: Member) -> None:
    old = member.register()
    member.join()
    new = member.register("/membership/", number="4000000000000007")
    old.refresh_from_db()
    assert (old.state, old.deletion) == ("superseded", "requested")
    assert member.subscription.billing_key == new


def test_another_card_on_file_pays_the_open_bill_at_once(member: Member, moving: Any) -> None:
    member.register()
    member.join()
    member.sandbox.faults.add("decline", code="1254")
    renew(member, moving)
    other_card = member.register("/cards/")
    assert str(other_card) in member.read("/membership/")
    member.press("card", card=other_card.public_id)
    assert (member.state, member.subscription.billing_key) == ("active", other_card)


@pytest.mark.parametrize("action", ["cancel", "resume", "retry", "card"])
def test_another_customers_subscription_is_not_found(member: Member, other: Member, action: str) -> None:
    member.register()
    member.join()
    address = f"/membership/{member.subscription.public_id}/{action}/"
    assert other.post(address, {"card": "x"}).status_code == 404
    assert member.state == "active"
    assert other.state == "none"


def test_a_customer_cannot_pay_with_somebody_elses_card(member: Member, other: Member) -> None:
    card = other.register()
    member.join()
    address = f"/membership/{member.subscription.public_id}/card/"
    assert member.post(address, {"card": card.public_id}).status_code == 404
    assert member.charged() == []


def test_an_action_that_is_over_is_said_in_a_sentence(member: Member) -> None:
    member.register()
    member.join()
    assert "처리할 수 없습니다." in member.press("retry")  # no bill is open


@pytest.mark.parametrize("action", ["cancel", "resume", "retry", "card"])
def test_nothing_happens_without_the_forms_token(member: Member, action: str) -> None:
    member.register()
    member.join()
    member.handler.enforce_csrf_checks = True
    assert member.post(f"/membership/{member.subscription.public_id}/{action}/").status_code == 403
    assert member.post("/club/join/", {"price": "beans-monthly"}).status_code == 403
    assert member.state == "active"


def test_only_a_post_does_something(member: Member) -> None:
    member.join()
    assert member.get(f"/membership/{member.subscription.public_id}/cancel/").status_code == 405
    assert member.get("/club/join/").status_code == 405
    assert member.post(f"/membership/{member.subscription.public_id}/steal/").status_code == 404


@pytest.mark.parametrize("address", ["/club/", "/membership/", "/cards/"])
def test_every_page_is_whole_in_both_languages_and_loads_nothing_from_elsewhere(member: Member, address: str) -> None:
    member.register()
    member.join()
    korean = member.read(address)
    member.post("/i18n/setlang/", {"language": "en"})
    english = member.read(address)
    assert '<html lang="ko">' in korean
    assert '<html lang="en">' in english
    for page in (korean, english):
        assert page.rstrip().endswith("</html>")
        assert "<script>" not in page
        assert "style=" not in page
        assert "onclick" not in page
