"""My cards: the default, names, deletion, and nobody else's."""

from __future__ import annotations

import pytest

from portone_django.gateway import NotFound, get_client
from portone_django.models import BillingKey

from .conftest import Browser, Member


def press(member: Member, card: BillingKey, action: str, **fields: str) -> str:
    """A button of the card; the page that it leads to."""
    return member.post(f"/cards/{card.public_id}/{action}/", fields, follow=True).content.decode()


def test_my_cards_need_a_login(club: None) -> None:
    assert Browser().get("/cards/").headers["Location"] == "/login/?next=/cards/"


def test_without_a_card_the_page_says_so_and_offers_to_register_one(member: Member) -> None:
    page = member.read("/cards/")
    assert "아직 등록된 카드가 없습니다." in page
    assert "data-portone-pay" in page


def test_a_registered_card_is_there_masked_and_nothing_was_charged(member: Member) -> None:
    member.register(number="5594100000000000")
    page = member.read("/cards/")
    assert "559410*********0" in page
    assert "5594100000000000" not in page
    assert member.charged() == []


def test_the_default_moves_with_a_press(member: Member) -> None:
    first, second = member.register(), member.register()
    assert first.is_default
    press(member, second, "default")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)


def test_a_card_can_be_named_and_its_name_is_text(member: Member) -> None:
    card = member.register()
    assert "회사 카드" in press(member, card, "rename", name="  회사 카드 ")
    assert "<b>" not in press(member, card, "rename", name="<b>x\0")
    press(member, card, "rename", name="가" * 99)
    card.refresh_from_db()
    assert card.name == "가" * 30


def test_a_deleted_card_is_gone_at_portone(member: Member) -> None:
    card = member.register()
    page = press(member, card, "delete")
    assert "카드를 삭제했습니다." in page
    assert card.card_number not in page
    with pytest.raises(NotFound):
        get_client().get_billing_key(card.customer_uid)


def test_when_portone_does_not_answer_the_card_is_used_no_more(member: Member) -> None:
    card = member.register()
    member.sandbox.faults.add("timeout_before", method="DELETE", path="/subscribe/customers/*")
    page = press(member, card, "delete")
    assert "곧 삭제됩니다." in page
    assert card.card_number not in page


def test_the_card_of_a_subscription_is_not_deleted_and_the_page_says_what_to_do(member: Member) -> None:
    card = member.register()
    member.join()
    page = press(member, card, "delete")
    assert "먼저 구독의 결제 카드를 바꿔 주세요." in page
    assert card.card_number in page
    assert get_client().get_billing_key(card.customer_uid).customer_uid == card.customer_uid


def test_a_card_that_cannot_be_used_is_shown_as_such_and_can_be_deleted(member: Member) -> None:
    card = member.register()
    BillingKey.objects.update(state="unusable", fail_reason="[1226] 도난, 분실카드")
    page = member.read("/cards/")
    assert "사용할 수 없음" in page
    assert "[1226]" in page
    assert "카드는 그대로입니다." in press(member, card, "default")
    assert "카드를 삭제했습니다." in press(member, card, "delete")


@pytest.mark.parametrize("action", ["default", "rename", "delete"])
def test_another_customers_card_is_not_found(member: Member, other: Member, action: str) -> None:
    card = member.register()
    assert other.post(f"/cards/{card.public_id}/{action}/", {"name": "mine"}).status_code == 404
    card.refresh_from_db()
    assert (card.state, card.name) == ("active", "")
    assert card.card_number not in other.read("/cards/")


@pytest.mark.parametrize("action", ["default", "rename", "delete"])
def test_nothing_happens_without_the_forms_token(member: Member, action: str) -> None:
    card = member.register()
    member.handler.enforce_csrf_checks = True
    assert member.post(f"/cards/{card.public_id}/{action}/").status_code == 403
    card.refresh_from_db()
    assert card.state == "active"
