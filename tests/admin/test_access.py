"""Who may open and use each decision page: its permission and the right to see the row, both, and nobody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import serializers
from django.test import Client
from django.urls import reverse

from portone_django import clock
from portone_django.admin.deciding import DecidingAdmin
from portone_django.models import (
    BillingCycle,
    BillingKey,
    Event,
    Order,
    Payment,
    ReconciliationBreak,
    Refund,
    Subscription,
)
from tests.factories import billing_key, cycle, subscription
from tests.flows.test_decisions import late, quarantined
from tests.shop import Shop

from .desk import Operator, decisions

pytestmark = pytest.mark.django_db

PAGES = {
    "payment_refund": "payment",
    "payment_refund_elsewhere": "payment",
    "payment_resolve": "payment",
    "payment_refund_surplus": "payment",
    "payment_refund_surplus_elsewhere": "payment",
    "refund_ask": "refund",
    "refund_resolve": "refund",
    "reconciliationbreak_explain": "reconciliationbreak",
    "billingkey_default": "billingkey",
    "billingkey_recheck": "billingkey",
    "billingkey_remove": "billingkey",
    "subscription_cancel": "subscription",
    "subscription_retry": "subscription",
    "subscription_resume": "subscription",
}
VIEWS = ("view_payment", "view_refund", "view_reconciliationbreak", "view_billingkey", "view_subscription")
MAY = ("refund_payment", "manage_billingkey", "manage_subscription")
NEEDED = {"billingkey": "manage_billingkey", "subscription": "manage_subscription"}
# A press on their button is all that they ask for.
ONE_BUTTON = {"refund_ask", "billingkey_default", "billingkey_recheck"}
OTHER = tuple(
    f"{verb}_{model}"
    for verb in ("add", "change", "delete")
    for model in ("payment", "refund", "reconciliationbreak", "billingkey", "subscription")
)
# Who, with which permissions of this app, and whether the decision pages are theirs.
PEOPLE: dict[str, tuple[tuple[str, ...], dict[str, bool], int]] = {
    "anonymous": ((), {}, 302),
    "a customer": ((*MAY, *VIEWS), {"is_staff": False}, 302),
    "a locked-out operator": ((*MAY, *VIEWS), {"is_active": False}, 302),
    "staff with nothing": ((), {}, 403),
    "staff that may see": (VIEWS, {}, 403),
    "staff that may change": ((*VIEWS, *OTHER), {}, 403),
    "staff that may refund but not see": (MAY, {}, 403),
    "an operator": ((*MAY, *VIEWS), {}, 200),
    "a superuser": ((), {"is_superuser": True}, 200),
}


@pytest.fixture
def desk(shop: Shop) -> dict[str, Any]:
    """A held payment with a surplus record, a refund in review and a difference, so that every page has its form."""
    payment = shop.paid()
    payment.hold_reason, payment.surplus = "late", {"imp_999999999999": [12900, 0, "card"]}
    payment.save()
    refund = Refund.objects.create(
        payment=payment, imp_uid="imp_other", source="app", state="review", amount=900, checksum=900, reason="x"
    )
    found = ReconciliationBreak.objects.create(kind="amount", merchant_uid=payment.merchant_uid, payment=payment)
    key = billing_key()
    kept = subscription(key.customer, billing_key=key, cancel_at=clock.now() + dt.timedelta(days=9))
    cycle(kept)
    rows = {"payment": payment, "refund": refund, "reconciliationbreak": found}
    return {**rows, "billingkey": key, "subscription": kept}


def address(name: str, desk: dict[str, Any]) -> str:
    more = ["imp_999999999999"] if name.startswith("payment_refund_surplus") else []
    return reverse(f"admin:portone_{name}", args=[desk[PAGES[name]].pk, *more])


def visitor(who: str) -> Client:
    codenames, flags, _status = PEOPLE[who]
    return Client() if who == "anonymous" else Operator(*codenames, **flags).browser


def everything() -> list[str]:
    models = (Order, Payment, Refund, Event, ReconciliationBreak, BillingKey, Subscription, BillingCycle)
    return [serializers.serialize("json", model.objects.order_by("pk")) for model in models]


def test_the_matrix_knows_every_page() -> None:
    from django.contrib import admin

    served = {
        f"{shown.opts.model_name}_{each.name}"
        for shown in admin.site._registry.values()
        if isinstance(shown, DecidingAdmin)
        for each in shown.decisions
    }
    assert served == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("who", PEOPLE)
def test_a_page_opens_for_those_who_may_decide_and_opening_it_changes_nothing(
    desk: dict[str, Any], who: str, name: str
) -> None:
    browser, before = visitor(who), everything()
    for method in ("get", "head"):
        answer = getattr(browser, method)(address(name, desk))
        if PEOPLE[who][2] == 200 and answer.status_code == 302:  # the refund form gets its number
            answer = getattr(browser, method)(answer.headers["Location"])
        assert answer.status_code == PEOPLE[who][2]
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/admin/login/")
    assert everything() == before


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("who", [who for who in PEOPLE if PEOPLE[who][2] != 200])
def test_a_post_of_anybody_else_changes_nothing(shop: Shop, desk: dict[str, Any], who: str, name: str) -> None:
    browser, before = visitor(who), everything()
    posted = {
        "form": "admin-" + "0" * 32, "amount": "900", "reason": "x", "seen": "12900", "send": "1", "is_sure": "on",
        "decision": "now:none:0" if "cancel" in name else "refund", "reference": "r",
        "refunded_on": "2026-08-06", "explanation": "x",
        "bill": BillingCycle.objects.get().pk, "attempt": 1, "newest": desk["subscription"].cycle_no,
    }  # fmt: skip
    assert browser.post(address(name, desk), posted).status_code == PEOPLE[who][2]
    assert everything() == before
    assert shop.sandbox.payment(desk["payment"].imp_uid)["cancel_amount"] == 0


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_post_of_an_operator_changes_nothing(desk: dict[str, Any], name: str) -> None:
    if name in ONE_BUTTON:
        return
    browser, before = visitor("an operator"), everything()
    assert browser.post(address(name, desk)).status_code in (200, 302)
    assert everything() == before


@pytest.mark.parametrize("name", PAGES)
def test_a_row_that_is_not_there_is_not_found_and_told_only_to_those_who_may(desk: dict[str, Any], name: str) -> None:
    more = ["imp_999999999999"] if name.startswith("payment_refund_surplus") else []
    operator, other = visitor("an operator"), Operator(*VIEWS, username="other").browser
    blind = Operator(*MAY, username="blind").browser
    for pk in (0, 999999, 10**30):
        gone = reverse(f"admin:portone_{name}", args=[pk, *more])
        assert (operator.get(gone).status_code, operator.post(gone).status_code) == (404, 404)
        assert other.get(gone).status_code == 403
        assert blind.get(gone).status_code == 403


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_only_get_and_post_are_listened_to(desk: dict[str, Any], name: str, method: str) -> None:
    browser, before = visitor("an operator"), everything()
    assert getattr(browser, method)(address(name, desk)).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_framed_cached_or_told_to_another_site(desk: dict[str, Any], settings: Any, name: str) -> None:
    settings.X_FRAME_OPTIONS = "SAMEORIGIN"
    operator = Operator(*MAY, *VIEWS)
    answer = operator.browser.get(address(name, desk), follow=True)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Content-Security-Policy" not in answer.headers, "the project's own policy must not find one there"


def test_a_page_has_no_inline_script_or_style(desk: dict[str, Any]) -> None:
    operator = Operator(*MAY, *VIEWS)
    for name in PAGES:
        page = operator.browser.get(address(name, desk), follow=True).content.decode()
        body = page.partition('id="content-start"')[2]
        assert "<script" not in body.partition("<footer")[0]
        assert " style=" not in body


@pytest.mark.parametrize("who", ["staff that may see", "staff that may change", "an operator", "a superuser"])
def test_the_buttons_are_shown_to_those_who_may_press_them(desk: dict[str, Any], who: str) -> None:
    browser = visitor(who)
    for model, row in desk.items():
        page = browser.get(reverse(f"admin:portone_{model}_change", args=[row.pk])).content.decode()
        shown = decisions(page)
        if PEOPLE[who][2] == 200:
            assert shown
            assert all(browser.get(url, follow=True).status_code == 200 for url in shown)
        else:
            assert shown == []


@pytest.mark.parametrize("name", PAGES)
def test_each_page_asks_for_its_own_permission(desk: dict[str, Any], name: str) -> None:
    needed = NEEDED.get(PAGES[name], "refund_payment")
    others = [each for each in MAY if each != needed]
    assert Operator(*others, *VIEWS, username="other").browser.get(address(name, desk)).status_code == 403
    mine = Operator(needed, *VIEWS, username="mine").browser.get(address(name, desk), follow=True)
    assert mine.status_code == 200


def test_the_buttons_are_what_is_possible_now(shop: Shop) -> None:
    operator = Operator(*MAY, *VIEWS)

    def offered(payment: Payment) -> list[str]:
        page = operator.open("payment_change", payment.pk).page
        return [url.rstrip("/").rpartition("/")[2] for url in decisions(page)]

    pending = shop.payment(shop.click(shop.order()))
    assert offered(pending) == []
    payment = shop.paid()
    assert offered(payment) == ["refund", "refund-elsewhere"]
    payment.refund(reason="x")
    assert offered(payment) == []
    assert offered(late(shop)) == ["refund", "refund-elsewhere", "resolve"]
    assert offered(quarantined(shop)) == ["refund-elsewhere", "resolve"]


def test_a_decision_is_no_bulk_action_and_no_link_that_a_get_could_follow(desk: dict[str, Any]) -> None:
    operator, before = Operator(*MAY, *VIEWS), everything()
    for model in desk:
        page = operator.browser.get(reverse(f"admin:portone_{model}_changelist")).content.decode()
        assert 'name="action"' not in page
    for query in ({"send": "1"}, {"decision": "refund", "is_sure": "on", "reason": "x"}):
        for name in PAGES:
            operator.browser.get(address(name, desk), {**query, "form": "admin-" + "0" * 32, "amount": "900"})
    assert everything() == before


def test_a_project_that_unregisters_refunds_keeps_its_payment_pages(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib import admin

    payment = shop.paid()
    payment.refund(amount=900, reason="x")
    monkeypatch.delitem(admin.site._registry, Refund)
    operator = Operator(*MAY, *VIEWS)
    assert "900" in operator.open("payment_refund", payment.pk).text
