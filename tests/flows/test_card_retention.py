"""Cards that belong to nobody any more are deleted at PortOne whatever it answers, and their rows show nobody."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portone_django import clock
from portone_django.billing import billing
from portone_django.clock import later
from portone_django.conf import get_config
from portone_django.exceptions import CardNotDeleted
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.retention import count_due, purge
from portone_django.gateway import NotFound, get_client
from portone_django.models import BillingKey, Event
from tests import factories
from tests.members import Members
from tests.shop import Shop
from tests.wire import overhear

pytestmark = pytest.mark.django_db(transaction=True)


def is_at_portone(key: BillingKey) -> bool:
    try:
        get_client().get_billing_key(key.customer_uid)
    except NotFound:
        return False
    return True


def sweep() -> None:
    BillingKey.objects.exclude(next_check_at=None).update(next_check_at=later(-1))
    reconcile()


def fresh(key: BillingKey) -> BillingKey:
    return BillingKey.objects.get(pk=key.pk)


def test_a_refusal_of_portones_does_not_bring_a_forgotten_card_back(members: Members) -> None:
    user = members.user()
    card = members.card(user)
    billing(user).forget()
    members.sandbox.faults.add("http_400", method="DELETE", path="/subscribe/customers/*", times=2)
    for _ in range(2):
        sweep()
        assert (fresh(card).deletion, fresh(card).is_usable, is_at_portone(card)) == ("requested", False, True)
    assert Event.objects.filter(kind="billing_key.deletion_refused").count() == 1, "told once"
    sweep()
    assert (fresh(card).state, is_at_portone(card)) == ("deleted", False)


def test_a_refusal_that_comes_while_its_customer_is_forgotten_does_not_bring_the_card_back(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = members.user()
    card = members.card(user)
    members.sandbox.faults.add("http_400", method="DELETE", path="/subscribe/customers/*")
    overhear(monkeypatch, lambda each: billing(user).forget() if each.name == "delete_billing_key" else None)
    with pytest.raises(CardNotDeleted):
        card.remove()
    assert (fresh(card).customer, fresh(card).deletion, fresh(card).is_usable) == (None, "requested", False)
    sweep()
    assert (fresh(card).state, is_at_portone(card)) == ("deleted", False)


def test_a_window_that_was_open_brings_no_number_back(shop: Shop, members: Members) -> None:
    user = members.user()
    started = shop.press_register(user)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
    billing(user).forget()
    for _ in range(2):
        sweep()
    card = shop.billing_key(started)
    assert (card.state, card.card_number, card.card_name) == ("deleted", "", "")


def test_options_about_the_buyer_go_with_the_customer(members: Members) -> None:
    user = members.user()
    card = members.card(user)
    bypass = {"ini_PAYSHOT_KEY": "x"}
    options = {
        "customer_id": "hong-1", "custom_data": {"a": 1}, "payshot_key": "x", "bypass": bypass, "language": "ko",
    }  # fmt: skip
    BillingKey.objects.filter(pk=card.pk).update(options=options)
    billing(user).forget()
    assert fresh(card).options == {"language": "ko"}


def test_the_card_of_a_deleted_account_is_deleted_at_portone_by_the_purge(members: Members) -> None:
    user = members.user()
    card = members.card(user)
    card.rename("내 카드")
    other = members.card(members.user())
    user.delete()
    assert count_due().cards_given_up == 1
    assert purge().cards_given_up == 1
    assert (fresh(card).name, fresh(card).card_number, fresh(card).default_slot) == ("", "", None)
    sweep()
    assert (fresh(card).state, is_at_portone(card), is_at_portone(other)) == ("deleted", False, True)
    assert purge().cards_given_up == 0


def test_what_the_window_was_told_of_a_buyer_goes_with_the_card_of_a_deleted_account(shop: Shop) -> None:
    user = factories.UserFactory()
    card = shop.register(user, customer_id="hong-1", custom_data={"seat": "7"}, language="ko")
    user.delete()
    assert purge().cards_given_up == 1
    assert fresh(card).options == {"language": "ko"}


def test_what_still_needs_it_keeps_the_card_of_a_deleted_account(members: Members) -> None:
    subscription = members.subscribed()
    card = subscription.billing_key
    assert card is not None
    members.sandbox.faults.add("http_500", path="/subscribe/payments/again")
    lonely = members.card(members.user())
    lonely.charge(amount=5000, name="x")
    BillingKey.objects.update(customer=None)
    assert purge().cards_given_up == 0
    subscription.cancel(when="now")
    members.settle()
    assert purge().cards_given_up == 2
    sweep()
    assert not is_at_portone(card)
    assert not is_at_portone(lonely)


@pytest.mark.parametrize("state", ["deleted", "failed"])
def test_a_card_that_is_gone_for_as_long_as_the_law_keeps_sales_shows_nobody(state: str) -> None:
    ago = clock.now() - dt.timedelta(days=get_config().keep_payment_days + 1)
    young = clock.now() - dt.timedelta(days=get_config().keep_payment_days - 1)
    rows = [factories.billing_key(state=state, name="내 카드", card_number="4330******1234") for _ in range(3)]
    for row, when in zip(rows, (ago, young, ago), strict=True):
        BillingKey.objects.filter(pk=row.pk).update(created_at=when, deleted_at=when if state == "deleted" else None)
    BillingKey.objects.filter(pk=rows[2].pk).update(state="active")
    assert purge().cards_blanked == 1
    shown: list[Any] = [(each.customer_id is None, each.name, each.card_number) for each in map(fresh, rows)]
    assert shown == [(True, "", ""), (False, "내 카드", "4330******1234"), (False, "내 카드", "4330******1234")]
    assert purge().rows == 0


def test_an_old_registration_that_came_to_nothing_keeps_no_option_about_its_buyer(shop: Shop) -> None:
    user = factories.UserFactory()
    started = shop.press_register(user, customer_id="hong-1", custom_data={"seat": "7"}, language="ko")
    imp_uid = shop.window(started)
    shop.sandbox.fail(imp_uid, "x")
    shop.callback(started, imp_uid)
    card = shop.billing_key(started)
    assert card.state == "failed"
    user.delete()
    assert purge().cards_blanked == 0
    ago = clock.now() - dt.timedelta(days=get_config().keep_payment_days + 1)
    BillingKey.objects.update(created_at=ago)
    assert (count_due().cards_blanked, purge().cards_blanked) == (1, 1)
    assert fresh(card).options == {"language": "ko"}
    assert purge().rows == 0
