"""Differences between the books: both sides on one page, and explained once, by somebody, with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from portone_django.flows.explaining import explain_break
from portone_django.models import Event, ReconciliationBreak
from tests.factories import PaymentFactory, UserFactory

from .desk import ALL, Operator

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def operator(db: None) -> Operator:
    return Operator(*ALL)


def difference(**values: Any) -> ReconciliationBreak:
    payment = values.pop("payment", None) or PaymentFactory()
    sides = {
        "ours": {"state": "paid", "amount": 12900, "imp_uid": "imp_1"},
        "theirs": {"status": "cancelled", "amount": 12900, "cancel_amount": 900, "imp_uid": "imp_1"},
    }
    terms = {"kind": "refunded", "merchant_uid": payment.merchant_uid, "payment": payment, **sides, **values}
    return ReconciliationBreak.objects.create(**terms)


def test_ours_is_shown_beside_portones(operator: Operator) -> None:
    found = difference()
    for name in ("reconciliationbreak_change", "reconciliationbreak_explain"):
        shown = operator.open(name, found.pk).text
        for each in ("paid", "cancelled", "KRW 12,900", "KRW 900", "The refunded amounts differ"):
            assert each in shown
    assert operator.page.count('class="portone-differs"') == 2


def test_it_is_explained_once_and_leaves_an_event_with_its_user(operator: Operator) -> None:
    found = difference()
    operator.open("reconciliationbreak_explain", found.pk)
    url = operator.url
    operator.press(explanation="cancelled for a test <1>")
    operator.browser.post(url, {"explanation": "another"})
    found.refresh_from_db()
    assert (found.explanation, found.explained_by) == ("cancelled for a test <1>", operator.user)
    assert not found.is_unexplained
    event = Event.objects.get(kind="break.explained")
    assert event.payment == found.payment
    assert event.data == {
        "kind": "refunded", "explanation": "cancelled for a test <1>", "user": operator.user.pk,
    }  # fmt: skip
    assert event.dispatched_at, "an audit row: nobody waits for it"
    assert "needs no explanation any more" in operator.open("reconciliationbreak_explain", found.pk).text


def test_an_explanation_says_something(operator: Operator) -> None:
    found = difference()
    for empty in ("", "  ", "x" * 501):
        operator.open("reconciliationbreak_explain", found.pk).press(explanation=empty)
        assert "This field is required" in operator.text or "at most 500" in operator.text
        with pytest.raises(ValueError, match="explanation"):
            explain_break(found, empty, by=None)
    found.refresh_from_db()
    assert found.is_unexplained


def test_a_payment_that_we_do_not_know_is_explained_without_an_event() -> None:
    found = ReconciliationBreak.objects.create(kind="unknown_here", imp_uid="imp_9", theirs={"amount": 1})
    done = explain_break(found, "another shop's", by=UserFactory())
    assert (done.explanation, Event.objects.count()) == ("another shop's", 0)


def test_the_first_explanation_stays() -> None:
    found = difference()
    first = explain_break(found, "the first", by=UserFactory())
    second = explain_break(found, "the second", by=UserFactory())
    assert (second.explanation, second.explained_by) == ("the first", first.explained_by)
    assert Event.objects.filter(kind="break.explained").count() == 1


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("unexplained", {"amount"}),
        ("explained", {"refunded", "unreadable"}),
        ("gone", {"unknown_here", "unreadable"}),
        ("", {"amount", "refunded", "unreadable", "unknown_here"}),
    ],
)
def test_differences_are_filtered_by_whether_somebody_should_look(
    operator: Operator, value: str, kinds: set[str]
) -> None:
    now = timezone.now()
    difference(kind="amount")
    difference(kind="refunded", explained_at=now)
    difference(kind="unknown_here", resolved_at=now)
    difference(kind="unreadable", resolved_at=now, explained_at=now)
    query = {"attention": value} if value else {}
    answer = operator.browser.get(reverse("admin:portone_reconciliationbreak_changelist"), query)
    assert {each.kind for each in answer.context["cl"].result_list} == kinds


@pytest.mark.parametrize("side", [{EVIL: EVIL}, {"amount": EVIL}, {"amount": [EVIL]}, [EVIL], EVIL, {"state": None}])
def test_whatever_was_written_down_is_shown_as_text(operator: Operator, side: Any) -> None:
    found = difference(ours=side, theirs=side, explanation=EVIL)
    for name in ("change", "explain"):
        assert "<script>alert" not in operator.open(f"reconciliationbreak_{name}", found.pk).page
    assert "<script>alert" not in operator.open("reconciliationbreak_changelist").page
