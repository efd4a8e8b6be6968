"""Cards on file after their registration: default, name, check, deletion at PortOne, adoption, and being forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from portone_django.billing import Forgotten, billing
from portone_django.clock import later
from portone_django.exceptions import (
    CardInUse,
    CardNotAdopted,
    CardNotDeleted,
    CardNotUsable,
    CustomerSubscribed,
    ForbiddenMove,
)
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import CardData, InsideTransaction, NotFound, PortOneError, ScheduleEntry, get_client
from portone_django.models import BillingKey, Event
from tests.factories import UserFactory
from tests.members import STOLEN, Members
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

BILLING = "channel-key-11111111-1111-1111-1111-111111111111"
# No DELETE has an answer.
NO_ANSWER = {"kind": "http_500", "method": "DELETE", "path": "/subscribe/customers/*", "times": 9}


@pytest.fixture
def card(members: Members, user: Any) -> BillingKey:
    return members.card(user)


def is_at_portone(key: BillingKey) -> bool:
    try:
        get_client().get_billing_key(key.customer_uid)
    except NotFound:
        return False
    return True


def sweep() -> None:
    BillingKey.objects.exclude(next_check_at=None).update(next_check_at=later(-1))
    reconcile()


def kinds(key: BillingKey) -> list[str]:
    return list(Event.objects.filter(billing_key=key).order_by("pk").values_list("kind", flat=True))


def hits(sandbox: Any) -> int:
    return int(sandbox.faults.list()[-1]["hits"])


# Default and name ------------------------------------------------------------------------------------------------


def test_a_customer_has_one_default_and_the_list_begins_with_it(members: Members, user: Any) -> None:
    first, second, third = (members.card(user) for _ in range(3))
    assert billing(user).default_card is None
    first.make_default()
    second.make_default(by=user)
    assert list(billing(user).cards()) == [second, third, first]
    assert billing(user).default_card == second
    first.refresh_from_db()
    assert not first.is_default
    assert Event.objects.get(billing_key=second).data == {"user": user.pk}
    second.make_default()
    assert kinds(second) == ["billing_key.made_default"], "again: no change"


@pytest.mark.parametrize("state", ["pending", "failed", "unusable", "superseded", "deleted"])
def test_a_card_that_cannot_be_charged_is_no_default_and_not_in_the_list(
    card: BillingKey, user: Any, state: str
) -> None:
    BillingKey.objects.filter(pk=card.pk).update(state=state)
    with pytest.raises(CardNotUsable, match=state):
        card.make_default()
    assert not billing(user).cards().exists()


def test_the_card_of_a_deleted_account_is_nobodys_default(card: BillingKey, user: Any) -> None:
    user.delete()
    with pytest.raises(CardNotUsable):
        card.make_default()


def test_the_database_refuses_a_second_default(members: Members, user: Any) -> None:
    from django.db import IntegrityError

    first, second = members.card(user), members.card(user)
    first.make_default()
    with pytest.raises(IntegrityError), transaction.atomic():
        BillingKey.objects.filter(pk=second.pk).update(default_slot=str(user.pk))


def test_a_name_is_what_its_customer_knows_it_by(card: BillingKey) -> None:
    assert card.label == "신한카드 559410*********0"
    assert card.rename("회사 카드").label == "회사 카드"
    assert card.rename("").label == "신한카드 559410*********0"
    for wrong, error in (("x" * 101, ValueError), ("a\x00", ValueError), (7, TypeError)):
        with pytest.raises(error, match="name"):
            card.rename(wrong)  # type: ignore[arg-type]


# Checking --------------------------------------------------------------------------------------------------------


def test_a_card_that_is_gone_at_portone_is_unusable_until_it_is_seen_again(
    members: Members, card: BillingKey, user: Any
) -> None:
    get_client().delete_billing_key(card.customer_uid)
    assert card.recheck().state == "unusable"
    assert card.fail_reason == "PortOne no longer has this card."
    assert not billing(user).cards().exists()

    data = CardData("4000000000000000", "2033-12", "880101", "11")
    get_client().issue_billing_key(card.customer_uid, data, channel_key=BILLING)
    assert card.recheck().state == "active"
    assert (card.fail_reason, card.card_number) == ("", "400000*********0")
    assert kinds(card) == ["billing_key.rechecked"] * 2


def test_a_card_that_was_declined_for_good_is_not_made_usable_by_a_check(members: Members) -> None:
    subscription = members.subscribed(STOLEN)
    members.renew(subscription)
    key = subscription.billing_key
    assert key
    key.refresh_from_db()
    assert key.state == "unusable"
    assert key.recheck().state == "unusable"
    assert "도난" in key.fail_reason


def test_a_card_that_portone_shows_on_another_mid_is_not_charged_any_more(card: BillingKey) -> None:
    BillingKey.objects.filter(pk=card.pk).update(expected_pg_id="MOIother01")
    assert card.recheck().state == "unusable"
    assert "pg_id" in card.quarantine_reason


def test_without_an_answer_a_check_changes_nothing_and_says_so(members: Members, card: BillingKey) -> None:
    members.sandbox.faults.add("http_500", path="/subscribe/customers/*", times=9)
    with pytest.raises(PortOneError):
        card.recheck()
    card.refresh_from_db()
    assert card.state == "active"


# Deleting --------------------------------------------------------------------------------------------------------


def test_a_card_is_deleted_at_portone_and_its_row_stays(shop: Shop, card: BillingKey, user: Any) -> None:
    card.make_default()
    assert card.remove(by=user).state == "deleted"
    assert not is_at_portone(card)
    assert (card.deletion, card.is_default, card.next_check_at) == ("", False, None)
    assert card.deleted_at
    assert kinds(card)[1:] == ["billing_key.deletion_requested", "billing_key.deleted"]
    assert shop.effects == [("card_deleted", card.pk)]


def test_a_second_deletion_changes_nothing_and_asks_nobody(members: Members, card: BillingKey) -> None:
    card.remove()
    members.sandbox.faults.add("latency", path="/*", times=99, seconds=0)
    assert card.remove().state == "deleted"
    assert hits(members.sandbox) == 0


def test_a_card_that_is_gone_already_is_deleted(card: BillingKey) -> None:
    get_client().delete_billing_key(card.customer_uid)
    assert card.remove().state == "deleted"


@pytest.mark.parametrize("status", [404, 200])
def test_gone_is_gone_whether_portone_says_so_by_status_or_in_band(
    members: Members, card: BillingKey, status: int
) -> None:
    members.sandbox.settings.set(unknown_key_status=status)
    get_client().delete_billing_key(card.customer_uid)
    assert card.remove().state == "deleted"


def test_a_card_that_a_subscription_needs_is_kept(members: Members) -> None:
    subscription = members.subscribed()
    key = subscription.billing_key
    assert key
    with pytest.raises(CardInUse, match=subscription.public_id):
        key.remove()
    key.refresh_from_db()
    assert (key.state, key.deletion, is_at_portone(key)) == ("active", "", True)
    assert "billing_key.deletion_requested" not in kinds(key)
    subscription.cancel(when="now")
    assert key.remove().state == "deleted"


def test_a_card_with_an_undecided_charge_is_kept(members: Members, card: BillingKey) -> None:
    members.sandbox.faults.add("http_500", path="/subscribe/payments/again")
    payment = card.charge(amount=5000, name="원두")
    assert payment.state == "unknown"
    with pytest.raises(CardInUse, match=payment.merchant_uid):
        card.remove()
    assert is_at_portone(card)
    members.settle()
    assert card.remove().state == "deleted"


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_what_was_never_registered_cannot_be_deleted(card: BillingKey, state: str) -> None:
    BillingKey.objects.filter(pk=card.pk).update(state=state)
    with pytest.raises(ForbiddenMove):
        card.remove()


def test_a_refusal_of_portone_is_told_and_the_card_stays(members: Members, card: BillingKey) -> None:
    members.sandbox.faults.add("http_400", method="DELETE", path="/subscribe/customers/*")
    with pytest.raises(CardNotDeleted, match=r"^PortOne did not delete the card: \S"):
        card.remove()
    card.refresh_from_db()
    assert (card.state, card.deletion, card.next_check_at, card.is_usable) == ("active", "", None, True)
    assert card.remove().state == "deleted"


@pytest.mark.parametrize("is_done", [True, False])
def test_an_unknown_deletion_ends_by_asking(members: Members, card: BillingKey, is_done: bool) -> None:
    """The DELETE is lost before or after PortOne did it: the card is charged by nobody, and is gone in the end."""
    kind = "drop_after" if is_done else "drop_before"
    members.sandbox.faults.add(kind, method="DELETE", path="/subscribe/customers/*")
    card.remove()
    assert (card.state, card.deletion, card.is_usable) == ("active", "unknown", False)
    assert is_at_portone(card) is not is_done
    with pytest.raises(CardNotUsable):
        card.charge(amount=5000, name="원두")
    sweep()
    card.refresh_from_db()
    assert (card.state, card.deletion, card.next_check_at) == ("deleted", "", None)
    assert not is_at_portone(card)
    assert kinds(card) == ["billing_key.deletion_requested", "billing_key.deleted"]


def test_an_unknown_deletion_stays_unknown_while_portone_is_silent(members: Members, card: BillingKey) -> None:
    members.sandbox.faults.add("http_500", path="/*", times=99)
    card.remove()
    sweep()
    card.refresh_from_db()
    assert card.deletion in ("unknown", "requested")
    assert card.next_check_at
    members.sandbox.faults.clear()
    sweep()
    card.refresh_from_db()
    assert card.state == "deleted"


def test_a_process_that_dies_after_the_intent_leaves_it_to_the_sweep(
    card: BillingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("portone_django.flows.keys._delete", die)
        with pytest.raises(KeyboardInterrupt):
            card.remove()
    card.refresh_from_db()
    assert (card.state, card.deletion, card.next_check_at is not None) == ("active", "requested", True)
    sweep()
    card.refresh_from_db()
    assert (card.state, is_at_portone(card)) == ("deleted", False)


def test_a_subscription_that_took_the_card_meanwhile_stops_the_deletion(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portone_django.flows import keys

    subscription = members.subscribed()
    other = members.card(subscription.customer)
    intend = keys._intend

    def intend_then_use(*args: Any) -> bool:
        done = intend(*args)
        type(subscription).objects.filter(pk=subscription.pk).update(billing_key=other)
        return done

    monkeypatch.setattr(keys, "_intend", intend_then_use)
    with pytest.raises(CardInUse):
        other.remove()
    other.refresh_from_db()
    assert (other.is_usable, is_at_portone(other)) == (True, True)


def test_a_card_deleted_in_the_console_asks_the_customer_for_another_one(members: Members) -> None:
    """D10: no storm of 404s, the bill waits for a new card."""
    subscription = members.subscribed()
    key = subscription.billing_key
    assert key
    get_client().delete_billing_key(key.customer_uid)
    members.renew(subscription)
    members.settle()
    key.refresh_from_db()
    subscription.refresh_from_db()
    assert (key.state, subscription.state) == ("unusable", "past_due")
    assert Event.objects.filter(subscription=subscription, kind="subscription.card_needed").count() == 1
    members.sandbox.faults.add("latency", path="/subscribe/payments/again", times=99, seconds=0)
    members.renew(subscription)
    assert hits(members.sandbox) == 0


@pytest.mark.parametrize("call", [BillingKey.remove, BillingKey.recheck])
def test_portone_is_never_asked_inside_a_transaction(card: BillingKey, call: Callable[[BillingKey], Any]) -> None:
    with pytest.raises(InsideTransaction), transaction.atomic():
        call(card)
    card.refresh_from_db()
    assert (card.state, card.deletion) == ("active", "")
    assert not connection.in_atomic_block


# Adopting --------------------------------------------------------------------------------------------------------


@pytest.fixture
def old_uid(sandbox: Any) -> str:
    """A card that the shop registered before it had this app."""
    data = CardData("5594100000000000", "2033-12", "880101", "11")
    get_client().issue_billing_key("Customer-7 card", data, channel_key=BILLING)
    return "Customer-7 card"


def test_a_card_of_the_shops_past_is_adopted_once(shop: Shop, user: Any, old_uid: str) -> None:
    key = billing(user).adopt_key(old_uid, name="옛 카드")
    assert (key.state, key.source, key.channel, key.label) == ("active", "adopted", "billing", "옛 카드")
    assert (key.customer_uid, key.issue_uid, key.is_default) == (old_uid, None, True)
    assert billing(user).adopt_key(old_uid) == key
    assert kinds(key) == ["billing_key.adopted"]
    assert shop.effects == []
    assert key.charge(amount=5000, name="원두").state == "paid"


def test_a_card_with_payments_booked_at_portone_is_adopted_when_they_are_revoked(
    shop: Shop, user: Any, old_uid: str
) -> None:
    """Design 1.1: we own the renewal clock; PortOne's schedule would charge beside ours."""
    at = int(shop.sandbox.now()) + 200 * 86_400
    get_client().schedule(old_uid, [ScheduleEntry(merchant_uid="old-7-1", schedule_at=at, amount=9900, name="옛 구독")])
    with pytest.raises(CardNotAdopted, match=r"old-7-1.*unschedule=True"):
        billing(user).adopt_key(old_uid)
    assert not BillingKey.objects.exists()
    assert get_client().get_schedule("old-7-1").schedule_status == "scheduled"
    assert billing(user).adopt_key(old_uid, unschedule=True).state == "active"
    assert get_client().get_schedule("old-7-1").schedule_status == "revoked"


def test_the_card_of_another_user_is_not_adopted(user: Any, old_uid: str) -> None:
    key = billing(UserFactory()).adopt_key(old_uid)
    with pytest.raises(CardNotAdopted, match="another customer"):
        billing(user).adopt_key(old_uid)
    BillingKey.objects.update(customer=None)
    with pytest.raises(CardNotAdopted, match="another customer"):
        billing(user).adopt_key(old_uid)
    assert list(BillingKey.objects.all()) == [key]


def test_a_registration_under_way_is_not_adopted_around_its_proof(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
    with pytest.raises(CardNotAdopted, match="pending"):
        billing(user).adopt_key(started["params"]["customer_uid"])


def test_a_card_that_portone_does_not_know_is_not_adopted(user: Any, sandbox: Any) -> None:
    with pytest.raises(CardNotAdopted, match="knows no card"):
        billing(user).adopt_key("nobody")
    with pytest.raises(ValueError, match="customer_uid"):
        billing(user).adopt_key("")


def test_a_card_of_a_mid_that_is_not_configured_is_not_adopted(user: Any, old_uid: str, settings: Any) -> None:
    channels = {"checkout": settings.PORTONE["CHANNELS"]["checkout"]}
    settings.PORTONE = {**settings.PORTONE, "CHANNELS": channels}
    with pytest.raises(CardNotAdopted, match=r"html5_inicis\.INIBillTst"):
        billing(user).adopt_key(old_uid)
    assert not BillingKey.objects.exists()


def test_a_test_card_is_adopted_only_where_test_payments_are_accepted(user: Any, old_uid: str, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "ACCEPT_TEST_PAYMENTS": False}
    with pytest.raises(CardNotAdopted, match="ACCEPT_TEST_PAYMENTS"):
        billing(user).adopt_key(old_uid)


# Being forgotten -------------------------------------------------------------------------------------------------


def test_forgetting_unlinks_the_cards_and_the_sweep_deletes_them(members: Members, user: Any, card: BillingKey) -> None:
    card.make_default()
    card.rename("내 카드")
    gone = members.card(user)
    gone.remove()
    assert billing(user).forget() == Forgotten(cards_unlinked=2)
    card.refresh_from_db()
    assert (card.customer, card.default_slot, card.name, card.card_number) == (None, None, "", "")
    assert (card.is_usable, is_at_portone(card)) == (False, True)
    sweep()
    card.refresh_from_db()
    assert (card.state, is_at_portone(card)) == ("deleted", False)
    assert billing(user).forget() == Forgotten()


def test_a_customer_with_a_subscription_is_not_forgotten_before_it_is_over(members: Members) -> None:
    subscription = members.subscribed()
    user, key = subscription.customer, subscription.billing_key
    assert key
    with pytest.raises(CustomerSubscribed, match=subscription.public_id):
        billing(user).forget()
    subscription.refresh_from_db()
    assert (subscription.customer, key.payments.get().order.customer) == (user, user)
    subscription.cancel(when="now")
    billing(user).forget()
    subscription.refresh_from_db()
    assert (subscription.customer, key.payments.get().order.customer) == (None, None)
    sweep()
    assert not is_at_portone(key)


def test_a_forgotten_card_waits_for_its_undecided_charge(members: Members, user: Any, card: BillingKey) -> None:
    members.sandbox.faults.add("http_500", path="/subscribe/payments/again")
    card.charge(amount=5000, name="원두")
    billing(user).forget()
    sweep()
    card.refresh_from_db()
    assert (card.deletion, is_at_portone(card)) == ("requested", True)
    members.settle()
    sweep()
    assert not is_at_portone(card)


def test_forgetting_works_inside_the_callers_transaction_and_asks_nobody(
    members: Members, user: Any, card: BillingKey
) -> None:
    members.sandbox.faults.add("latency", path="/*", times=99, seconds=0)
    with transaction.atomic():
        assert billing(user).forget().cards_unlinked == 1
        transaction.set_rollback(True)
    card.refresh_from_db()
    assert (card.customer, hits(members.sandbox)) == (user, 0)


def test_a_registration_under_way_is_forgotten_and_its_card_deleted(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
    billing(user).forget()
    sweep()
    sweep()
    assert (shop.billing_key(started).state, shop.effects[-1][0]) == ("deleted", "card_deleted")
    assert "card_registered" not in dict(shop.effects)
