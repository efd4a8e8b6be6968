"""Subscriptions and bills at the desk: found, filtered, and shown with all that belongs to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from portone_django import clock
from portone_django.admin.billing_cycle import NEWEST
from portone_django.models import BillingCycle, Event, Payment, Subscription
from tests.factories import PaymentFactory, billing_key, cycle, subscription
from tests.members import NO_FUNDS, Members

from .desk import ALL, Operator

pytestmark = pytest.mark.django_db

LIST = "admin:portone_subscription_changelist"


def page(client: Client, model: str, pk: int) -> str:
    return client.get(reverse(f"admin:portone_{model}_change", args=[pk])).content.decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("past_due", {"late"}), ("no_card", {"late", "bare", "ending"}), ("ending", {"ending"})],
)
def test_subscriptions_are_filtered_by_what_needs_a_human(superuser: Client, value: str, expected: set[str]) -> None:
    fine = billing_key()
    subscription(fine.customer, reference="fine", billing_key=fine)
    spent = billing_key(state="unusable")
    subscription(spent.customer, reference="late", billing_key=spent, state="past_due")
    subscription(reference="bare")
    subscription(reference="ending", cancel_at=clock.now() + dt.timedelta(days=3))
    subscription(reference="over", state="ended")
    response = superuser.get(reverse(LIST), {"attention": value})
    assert {row.reference for row in response.context["cl"].result_list} == expected


@pytest.mark.parametrize("name", ["public_id", "reference", "login"])
def test_a_subscription_is_found_by_each_of_its_names(superuser: Client, name: str) -> None:
    kept, _other = subscription(reference="team-7"), subscription(reference="team-8")
    term = kept.customer.get_username() if name == "login" and kept.customer else getattr(kept, name, "")
    response = superuser.get(reverse(LIST), {"q": term})
    assert [row.pk for row in response.context["cl"].result_list] == [kept.pk]


def test_the_list_tells_which_card_cannot_be_charged(superuser: Client) -> None:
    key = billing_key(state="unusable")
    subscription(key.customer, billing_key=key)
    assert (
        f"{key.label} (Not usable)" in superuser.get(reverse(LIST), headers={"accept-language": "en"}).content.decode()
    )


@pytest.mark.django_db(transaction=True)
def test_a_page_has_its_bills_with_lines_orders_and_charges_and_its_events(members: Members) -> None:
    kept = members.subscribed(NO_FUNDS)
    members.renew(kept)
    first, second = BillingCycle.objects.order_by("number")
    operator = Operator(*ALL, "view_order", "view_billingcycle").open("subscription_change", kept.pk)
    for bill in (first, second):
        assert reverse("admin:portone_order_change", args=[bill.order_id]) in operator.page
        assert reverse("admin:portone_billingcycle_change", args=[bill.pk]) in operator.page
    for payment in Payment.objects.all():
        assert reverse("admin:portone_payment_change", args=[payment.pk]) in operator.page
    assert "1. Failed" in operator.text
    assert "프로 KRW 9,900" in operator.text
    kinds = Event.objects.filter(subscription=kept).values_list("kind", flat=True)
    assert set(kinds) >= {"subscription.started", "bill.paid", "bill.failed"}
    assert all(kind in operator.text for kind in kinds)


def test_a_page_shows_the_newest_bills_and_links_to_all(superuser: Client) -> None:
    kept = subscription()
    for number in (1, 2, 3, NEWEST + 2):
        Subscription.objects.filter(pk=kept.pk).update(cycle_no=number)
        cycle(kept, number=number, state="paid")
    shown = page(superuser, "subscription", kept.pk)
    bills = BillingCycle.objects.order_by("number")
    links = [reverse("admin:portone_billingcycle_change", args=[bill.pk]) in shown for bill in bills]
    assert links == [False, False, True, True]
    url = f"{reverse('admin:portone_billingcycle_changelist')}?subscription={kept.pk}"
    assert f'href="{url}"' in shown
    assert len(superuser.get(url).context["cl"].result_list) == 4


def test_charges_are_shown_to_those_who_may_see_payments(staff: Callable[..., Client]) -> None:
    kept = subscription()
    bill = cycle(kept)
    PaymentFactory(order=bill.order, attempt_no=1)
    link = reverse("admin:portone_payment_change", args=[Payment.objects.get().pk])
    client = staff("view_subscription", "view_billingcycle")
    for shown in (page(client, "subscription", kept.pk), page(client, "billingcycle", bill.pk)):
        assert str(bill.period_start) in shown
        assert link not in shown
        assert "charges" not in shown
    root = Operator(is_superuser=True, username="root2").browser
    assert link in page(root, "subscription", kept.pk)
    assert link in page(root, "billingcycle", bill.pk)


def test_a_bill_has_its_lines_and_the_kind_of_its_decline_in_words(superuser: Client) -> None:
    kept = subscription(state="past_due")
    bill = cycle(kept, state="retrying", failures=1, decline_kind="needs_new_card")
    url = reverse("admin:portone_billingcycle_change", args=[bill.pk])
    shown = superuser.get(url, headers={"accept-language": "en"}).content.decode()
    assert "Needs a new card" in shown
    assert kept.price.plan.name in shown


def test_an_order_of_a_bill_and_an_event_lead_to_what_they_are_about(superuser: Client) -> None:
    kept = subscription()
    bill = cycle(kept)
    key = billing_key()
    about = Event.objects.create(kind="subscription.started", subscription=kept)
    Event.objects.create(kind="billing_key.registered", billing_key=key)
    assert reverse("admin:portone_billingcycle_change", args=[bill.pk]) in page(superuser, "order", bill.order_id or 0)
    listed = superuser.get(reverse("admin:portone_event_changelist")).content.decode()
    assert reverse("admin:portone_subscription_change", args=[kept.pk]) in listed
    assert reverse("admin:portone_billingkey_change", args=[key.pk]) in listed
    found = superuser.get(reverse("admin:portone_event_changelist"), {"q": kept.public_id})
    assert [row.pk for row in found.context["cl"].result_list] == [about.pk]


def test_a_payment_shows_how_it_was_charged_only_when_it_was(superuser: Client) -> None:
    key = billing_key()
    charge = PaymentFactory(
        billing_key=key, customer_uid=key.customer_uid, decline_kind="soft", refusal="잔액부족", send_count=2
    )
    shown = superuser.get(
        reverse("admin:portone_payment_change", args=[charge.pk]), headers={"accept-language": "en"}
    ).content.decode()
    for text in ("Charge of a card on file", "May work later", "잔액부족", key.label):
        assert text in shown
    assert key.customer_uid not in shown
    assert 'class="form-row field-send_count"' not in page(superuser, "payment", PaymentFactory().pk)


@pytest.mark.parametrize("kind", ["sale", "charge", "cycle"])
def test_orders_are_filtered_by_kind(superuser: Client, kind: str) -> None:
    from tests.factories import OrderFactory

    for each in ("sale", "charge", "cycle"):
        OrderFactory(kind=each)
    response = superuser.get(reverse("admin:portone_order_changelist"), {"kind__exact": kind})
    assert [row.kind for row in response.context["cl"].result_list] == [kind]
