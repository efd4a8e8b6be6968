"""Cards on file at the desk: how they stand, the default, what PortOne says of one, and its deletion there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portone_django.gateway import NotFound, get_client
from portone_django.models import BillingKey, Event
from tests.factories import billing_key, subscription
from tests.members import NO_FUNDS, Members

from .desk import ALL, Operator, decisions

pytestmark = pytest.mark.django_db(transaction=True)

DELETE = {"method": "DELETE", "path": "/subscribe/customers/*"}


@pytest.fixture
def operator() -> Operator:
    return Operator(*ALL)


@pytest.fixture
def card(members: Members) -> BillingKey:
    return members.card(members.user())


def is_at_portone(key: BillingKey) -> bool:
    try:
        get_client().get_billing_key(key.customer_uid)
    except NotFound:
        return False
    return True


def trail(key: BillingKey) -> list[tuple[str, str, Any]]:
    events = Event.objects.filter(billing_key=key).order_by("pk")
    return [(event.kind, event.source, event.data.get("user")) for event in events]


# Lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("usable", {"works", "declined"}),
        ("failing", {"declined"}),
        ("unusable", {"gone", "other card"}),
        ("unbelieved", {"other card"}),
        ("deletion", {"going"}),
    ],
)
def test_cards_are_filtered_by_their_health(superuser: Client, value: str, expected: set[str]) -> None:
    billing_key(name="works")
    billing_key(name="declined", state="failing", fail_reason="잔액부족")
    billing_key(name="gone", state="unusable")
    billing_key(name="other card", state="unusable", quarantine_reason="pg_id: x → y")
    billing_key(name="going", deletion="requested")
    response = superuser.get(reverse("admin:portone_billingkey_changelist"), {"health": value})
    assert {row.name for row in response.context["cl"].result_list} == expected


@pytest.mark.parametrize("name", ["public_id", "issue_uid", "issue_imp_uid", "login"])
def test_a_card_is_found_by_each_of_its_names(superuser: Client, name: str) -> None:
    key, _other = billing_key(), billing_key()
    term = key.customer.get_username() if name == "login" and key.customer else getattr(key, name, "")
    response = superuser.get(reverse("admin:portone_billingkey_changelist"), {"q": term})
    assert [row.pk for row in response.context["cl"].result_list] == [key.pk]


def test_what_a_charge_needs_is_neither_shown_nor_searched(superuser: Client, card: BillingKey) -> None:
    kept = subscription(card.customer, billing_key=card)
    for url in (
        reverse("admin:portone_billingkey_changelist"),
        reverse("admin:portone_billingkey_change", args=[card.pk]),
        reverse("admin:portone_billingkey_remove", args=[card.pk]),
        reverse("admin:portone_subscription_change", args=[kept.pk]),
    ):
        page = superuser.get(url).content.decode()
        assert card.card_number in page
        assert card.customer_uid not in page
        assert kept.token not in page
    found = superuser.get(reverse("admin:portone_billingkey_changelist"), {"q": card.customer_uid})
    assert list(found.context["cl"].result_list) == []


def test_a_page_tells_who_pays_what_with_the_card_and_links_to_its_payments(
    superuser: Client, members: Members
) -> None:
    kept = members.subscribed()
    key = kept.billing_key
    assert key
    page = superuser.get(reverse("admin:portone_billingkey_change", args=[key.pk])).content.decode()
    assert reverse("admin:portone_subscription_change", args=[kept.pk]) in page
    url = f"{reverse('admin:portone_payment_changelist')}?billing_key={key.pk}"
    assert f'href="{url}"' in page
    assert [row.billing_key_id for row in superuser.get(url).context["cl"].result_list] == [key.pk]


def test_markup_in_a_cards_name_and_refusal_is_shown_as_text(superuser: Client) -> None:
    evil = "<script>alert(1)</script>"
    key = billing_key(state="failing", name=evil, fail_reason=evil, card_name="<b>x")
    for url in (
        reverse("admin:portone_billingkey_changelist"),
        reverse("admin:portone_billingkey_change", args=[key.pk]),
        reverse("admin:portone_billingkey_remove", args=[key.pk]),
    ):
        assert "<script>alert" not in superuser.get(url).content.decode()


# The default -----------------------------------------------------------------------------------------------------


def test_a_card_is_made_the_default_once_and_the_operator_is_on_record(
    operator: Operator, members: Members, card: BillingKey
) -> None:
    before = members.card(card.customer)
    before.make_default()
    operator.open("billingkey_default", card.pk).press()
    assert "is the customer's default card now" in operator.text
    operator.browser.post(reverse("admin:portone_billingkey_default", args=[card.pk]))
    for key in (card, before):
        key.refresh_from_db()
    assert (card.is_default, before.is_default) == (True, False)
    assert trail(card) == [("billing_key.made_default", "admin", operator.user.pk)]


def test_a_card_that_cannot_be_charged_is_no_default(operator: Operator, card: BillingKey) -> None:
    BillingKey.objects.filter(pk=card.pk).update(state="unusable")
    assert "submit-row" not in operator.open("billingkey_default", card.pk).page
    operator.browser.post(operator.url)
    card.refresh_from_db()
    assert not card.is_default
    assert trail(card) == []


# Asking PortOne --------------------------------------------------------------------------------------------------


def test_asking_portone_tells_that_it_has_the_card(operator: Operator, card: BillingKey) -> None:
    operator.open("billingkey_recheck", card.pk).press()
    assert "PortOne has the card" in operator.text
    assert trail(card) == [("billing_key.recheck_asked", "admin", operator.user.pk)]


def test_a_card_that_is_gone_at_portone_is_not_charged_any_more(operator: Operator, card: BillingKey) -> None:
    get_client().delete_billing_key(card.customer_uid)
    operator.open("billingkey_recheck", card.pk).press()
    assert "PortOne no longer has this card." in operator.text
    card.refresh_from_db()
    assert card.state == "unusable"


def test_an_outage_while_asking_is_told_and_changes_nothing(
    operator: Operator, members: Members, card: BillingKey
) -> None:
    operator.open("billingkey_recheck", card.pk)
    members.sandbox.faults.add("http_503", path="/subscribe/customers/*", times=9)
    operator.press()
    assert "PortOne did not tell, so nothing changed" in operator.text
    card.refresh_from_db()
    assert (card.state, card.checked_at) == ("active", None)


# Deletion --------------------------------------------------------------------------------------------------------


def test_a_card_is_deleted_at_portone_after_a_look_and_a_tick(operator: Operator, card: BillingKey) -> None:
    card.rename("가족 카드")
    operator.open("billingkey_remove", card.pk)
    assert f"가족 카드 · 신한카드 {card.card_number}" in operator.text
    operator.press()
    assert "Tick the box if you are sure." in operator.text
    assert is_at_portone(card)
    operator.press(is_sure="on")
    assert "PortOne has deleted the card." in operator.text
    card.refresh_from_db()
    assert (card.state, is_at_portone(card)) == ("deleted", False)
    assert trail(card)[0] == ("billing_key.deletion_requested", "admin", operator.user.pk)
    assert decisions(operator.open("billingkey_change", card.pk).page) == []


def test_a_deletion_posted_twice_is_one(operator: Operator, members: Members, card: BillingKey) -> None:
    url = reverse("admin:portone_billingkey_remove", args=[card.pk])
    answers = [operator.browser.post(url, {"is_sure": "on"}).status_code for _ in range(2)]
    assert answers == [303, 303]
    kinds = [kind for kind, _source, _user in trail(card)]
    assert kinds == ["billing_key.deletion_requested", "billing_key.deleted"]


def test_portones_refusal_is_read_on_the_page_and_the_card_stays(
    operator: Operator, members: Members, card: BillingKey
) -> None:
    members.sandbox.faults.add("http_400", **DELETE)
    operator.open("billingkey_remove", card.pk).press(is_sure="on")
    assert "PortOne did not delete the card:" in operator.text
    assert "The card stays as it was." in operator.text
    card.refresh_from_db()
    assert (card.state, card.deletion) == ("active", "")
    assert [kind for kind, *_ in trail(card)] == ["billing_key.deletion_requested", "billing_key.deletion_refused"]


def test_without_an_answer_the_operator_is_told_that_it_goes_on(
    operator: Operator, members: Members, card: BillingKey
) -> None:
    members.sandbox.faults.add("http_500", **DELETE, times=9)
    operator.open("billingkey_remove", card.pk).press(is_sure="on")
    assert "PortOne has not answered yet. Nobody can charge the card any more" in operator.text


def test_what_needs_the_card_is_named_with_a_link_and_nothing_is_sent(operator: Operator, members: Members) -> None:
    kept = members.subscribed()
    key = kept.billing_key
    assert key
    operator.open("billingkey_remove", key.pk)
    assert f"Subscription {kept.public_id} pays with it." in operator.text
    assert reverse("admin:portone_subscription_change", args=[kept.pk]) in operator.page
    assert "submit-row" not in operator.page
    operator.browser.post(operator.url, {"is_sure": "on"})
    key.refresh_from_db()
    assert (key.state, key.deletion, is_at_portone(key)) == ("active", "", True)


def test_an_undecided_charge_keeps_its_card(operator: Operator, members: Members, card: BillingKey) -> None:
    members.sandbox.faults.add("drop_after", path="/subscribe/payments/again", times=9)
    members.sandbox.faults.add("http_503", path="/payments/*", times=9)
    payment = card.charge(amount=5000, name="x", deadline=20)
    assert payment.is_open
    operator.open("billingkey_remove", card.pk)
    assert f"Charge {payment.merchant_uid} is not decided yet." in operator.text


def test_a_declined_card_tells_its_last_failure(operator: Operator, members: Members) -> None:
    kept = members.subscribed(NO_FUNDS)
    members.renew(kept)
    key = kept.billing_key
    assert key
    key.refresh_from_db()
    assert key.fail_reason
    assert key.fail_reason in operator.open("billingkey_change", key.pk).text


def test_a_link_to_a_page_that_the_project_does_not_have_is_its_text(
    superuser: Client, card: BillingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portone_django.admin import display

    def missing(*args: Any, **kwargs: Any) -> Any:
        raise display.NoReverseMatch

    from django.contrib import admin

    monkeypatch.setattr(display, "reverse", missing)
    shown: Callable[..., str] = display.row_link
    assert shown(admin.site._registry[BillingKey], card, "x") == "x"
    assert display.list_link(admin.site._registry[BillingKey], BillingKey, state="x") == display.NOTHING
