"""Every list and row of the admin: who sees it, that nothing on it is edited, and what it costs.

An operator's decisions have pages of their own: tests/admin/test_access.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.core import serializers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portone_django.models import (
    BillingCycle,
    BillingKey,
    Event,
    Order,
    Payment,
    ReconciliationBreak,
    Refund,
    Subscription,
    WebhookDelivery,
)
from tests.factories import PaymentFactory, cycle, subscription

from .conftest import MODELS

Sale = Callable[..., dict[str, Any]]
SHOWN = (
    Order, Payment, Refund, Event, ReconciliationBreak, WebhookDelivery, BillingKey, Subscription, BillingCycle,
)  # fmt: skip


def listing(model: str) -> str:
    return reverse(f"admin:portone_{model}_changelist")


def page(model: str, row: Any, kind: str = "change") -> str:
    return reverse(f"admin:portone_{model}_{kind}", args=[row.pk])


def everything() -> list[str]:
    return [serializers.serialize("json", model.objects.order_by("pk")) for model in SHOWN]


@pytest.mark.parametrize("model", MODELS)
def test_a_superuser_sees_list_and_page(superuser: Client, sale: Sale, model: str) -> None:
    row = sale()[model]
    assert page(model, row) in superuser.get(listing(model)).content.decode()
    assert superuser.get(page(model, row)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_the_view_permission_is_enough_and_is_needed(staff: Callable[..., Client], sale: Sale, model: str) -> None:
    row = sale()[model]
    allowed = staff(f"view_{model}")
    assert allowed.get(listing(model)).status_code == 200
    assert allowed.get(page(model, row)).status_code == 200

    for other in MODELS:
        if other != model:
            assert allowed.get(listing(other)).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_no_page_offers_a_field_an_action_or_a_deletion(superuser: Client, sale: Sale, model: str) -> None:
    row = sale()[model]
    for url in (listing(model), page(model, row)):
        html = superuser.get(url).content.decode().partition('id="content-start"')[2]
        fields = re.findall(r'<(?:input|select|textarea|button)\b(?![^>]*type="hidden")[^>]* name="([^"]+)"', html)
        assert set(fields) <= {"q"}
        assert 'name="_save"' not in html
        assert 'class="deletelink"' not in html
        assert 'class="addlink"' not in html
        assert 'name="action"' not in html
        assert "<textarea" not in html


@pytest.mark.parametrize("model", MODELS)
def test_no_post_changes_anything_not_even_a_superusers(superuser: Client, sale: Sale, model: str) -> None:
    row = sale()[model]
    before = everything()
    posted = {"state": "refunded", "amount": "1", "name": "x", "kind": "x", "post": "yes", "_save": "1"}
    selected = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}

    answers = [
        superuser.post(page(model, row), posted).status_code,
        superuser.post(page(model, row, "delete"), posted).status_code,
        superuser.post(reverse(f"admin:portone_{model}_add"), posted).status_code,
        superuser.post(listing(model), selected).status_code,
    ]

    assert everything() == before
    assert answers[:3] == [403, 403, 403]


@pytest.mark.parametrize("model", MODELS)
def test_permissions_to_change_and_delete_do_not_help(staff: Callable[..., Client], sale: Sale, model: str) -> None:
    row = sale()[model]
    before = everything()
    mighty = staff(*(f"{verb}_{model}" for verb in ("add", "change", "delete", "view")))
    for url in (page(model, row), page(model, row, "delete"), reverse(f"admin:portone_{model}_add")):
        assert mighty.post(url, {"post": "yes"}).status_code == 403
    assert everything() == before


def queries(client: Client, url: str) -> int:
    client.get(url)  # content types and sessions are warm
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_with_one_row_and_with_thirty(superuser: Client, sale: Sale, model: str) -> None:
    sale()
    one = queries(superuser, listing(model))
    for _ in range(29):
        sale()
    assert queries(superuser, listing(model)) == one


def test_a_page_costs_the_same_with_many_payments_refunds_and_events(superuser: Client, sale: Sale) -> None:
    made = sale()
    order, payment = made["order"], made["payment"]
    one = {name: queries(superuser, page(name, made[name])) for name in ("order", "payment", "refund")}
    for number in range(2, 12):
        other = Payment.objects.get(pk=payment.pk)
        other.pk, other.merchant_uid, other.imp_uid = None, f"t{number}", None
        other.attempt_no, other.paid_slot, other.state = payment.attempt_no + number, None, "failed"
        other.save()
        Event.objects.create(kind="payment.failed", order=order, payment=other)
        refund = Refund.objects.get(pk=made["refund"].pk)
        refund.pk, refund.cancellation_id = None, str(number)
        refund.save()
        Event.objects.create(kind="payment.refunded", order=order, payment=payment, refund=made["refund"])
    assert {name: queries(superuser, page(name, made[name])) for name in one} == one


def test_a_page_costs_the_same_with_many_bills_charges_and_subscriptions(superuser: Client, sale: Sale) -> None:
    made = sale()
    kept, key = made["subscription"], made["billingkey"]
    Event.objects.create(kind="bill.paid", order=made["billingcycle"].order, subscription=kept)
    PaymentFactory(order=made["billingcycle"].order, billing_key=key)
    shown = ("subscription", "billingkey", "billingcycle")
    one = {name: queries(superuser, page(name, made[name])) for name in shown}
    for number in range(2, 8):
        Subscription.objects.filter(pk=kept.pk).update(cycle_no=number)
        bill = cycle(kept, number=number, state="paid")
        for attempt in (1, 2):
            PaymentFactory(order=bill.order, attempt_no=attempt, billing_key=key, state="failed", open_slot=None)
        Event.objects.create(kind="bill.paid", order=bill.order, subscription=kept)
        Event.objects.create(kind="billing_key.rechecked", billing_key=key)
        subscription(key.customer, billing_key=key, reference=f"s{number}", price=kept.price)
    assert {name: queries(superuser, page(name, made[name])) for name in shown} == one


def test_every_model_that_holds_money_is_registered_read_only() -> None:
    from portone_django.admin.readonly import ReadOnlyAdmin

    for model in SHOWN:
        shown = admin.site._registry[model]
        assert isinstance(shown, ReadOnlyAdmin)
        assert shown.date_hierarchy is None, "needs time zone tables on MariaDB"
        assert shown.show_full_result_count is False
