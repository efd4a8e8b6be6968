"""DUNNING and GRACE_DAYS as the documentation has them: which days, for which declines, and what then."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portone_django import clock
from portone_django.adapter import Adapter
from portone_django.models import BillingCycle, Event, Subscription
from portone_django.sandbox import magic
from tests.members import NO_FUNDS, Members

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
SEOUL = ZoneInfo("Asia/Seoul")


def dunning(settings: Any, days: list[int], then: str, **more: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "DUNNING": {"days": days, "then": then}, **more}


def decline_with(monkeypatch: pytest.MonkeyPatch, code: str, text: str) -> str:
    """A card that the card company answers with that text."""
    monkeypatch.setitem(magic.DECLINES, code, text)
    return f"559410000000{code}"


def live(members: Members, subscription: Subscription, days: int) -> list[int]:
    """Let so many days go by, an engine every six hours; the days after the first decline on which it was charged."""
    members.move_to(subscription)
    began, tried = clock.now(), []
    for _ in range(days * 4):
        if members.engine().taken:
            tried.append((clock.now() - began).days)
        clock.move(DAY / 4)
    subscription.refresh_from_db()
    return tried


@pytest.mark.parametrize("days", [[1, 3, 5, 7], [2, 9], [1]])
def test_a_soft_decline_is_tried_again_on_just_these_days(members: Members, settings: Any, days: list[int]) -> None:
    dunning(settings, days, "end")
    subscription = members.subscribed(NO_FUNDS)
    assert live(members, subscription, 20) == [0, *days]
    assert (subscription.state, subscription.end_reason) == ("ended", "unpaid")


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [("1205", "할부기간 오류", "hard"), ("1226", "도난, 분실카드", "needs_new_card")],
)
def test_what_no_other_try_can_change_is_tried_once_and_ends_on_the_last_day(
    members: Members, settings: Any, monkeypatch: pytest.MonkeyPatch, code: str, text: str, kind: str
) -> None:
    dunning(settings, [1, 3, 5, 7], "end")
    subscription = members.subscribed(decline_with(monkeypatch, code, text))
    members.move_to(subscription)
    members.engine()
    bill = members.bill(subscription)
    assert (bill.decline_kind, bill.state) == (kind, "retrying")
    assert bill.next_step_at is not None
    assert (bill.next_step_at.astimezone(SEOUL).date() - clock.today()).days == 7
    assert Event.objects.filter(kind="subscription.card_needed", subscription=subscription).count() == 1
    clock.move(6 * DAY)
    assert members.engine().taken == 0
    clock.move(DAY)
    members.engine()
    subscription.refresh_from_db()
    assert (subscription.state, len(members.charges(subscription))) == ("ended", 2)


def test_a_text_that_nobody_knows_is_soft(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = members.subscribed(decline_with(monkeypatch, "9999", "알 수 없는 거절"))
    assert live(members, subscription, 10) == [0, 1, 3, 5, 7]


class Knowing(Adapter):
    """A project that has seen more of what card companies say."""

    def classify_decline(self, reason: str) -> str:
        return "needs_new_card" if "휴면" in reason else super().classify_decline(reason)


def test_a_project_extends_the_table(members: Members, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dunning(settings, [1, 3], "end", ADAPTER=f"{__name__}.Knowing")
    dormant = members.subscribed(decline_with(monkeypatch, "9999", "휴면카드"))
    assert live(members, dormant, 5) == [0]
    poor = members.subscribed(NO_FUNDS)
    assert live(members, poor, 5) == [0, 1, 3]


@pytest.mark.parametrize(("then", "state"), [("end", "ended"), ("pause", "paused"), ("keep", "past_due")])
def test_after_the_last_day_it_ends_pauses_or_is_kept(members: Members, settings: Any, then: str, state: str) -> None:
    dunning(settings, [1, 3], then)
    subscription = members.subscribed(NO_FUNDS)
    assert live(members, subscription, 5) == [0, 1, 3]
    assert (subscription.state, members.bill(subscription).state) == (state, "uncollectible")
    # A month later: only what was kept is billed for its next period.
    members.change_card(subscription, "5594100000000001")
    clock.move(30 * DAY)
    members.engine()
    subscription.refresh_from_db()
    paid = sorted(BillingCycle.objects.is_paid().filter(subscription=subscription).values_list("number", flat=True))
    assert (paid, subscription.state) == (([1, 3], "active") if then == "keep" else ([1], state))
    assert members.taken(subscription) == [9900] * len(paid)


@pytest.mark.parametrize(("grace", "days"), [(7, [1, 3, 5, 7]), (2, [1, 3, 5, 7]), (0, [1, 3])])
def test_access_goes_by_grace_days_whatever_is_tried_when(
    members: Members, settings: Any, grace: int, days: list[int]
) -> None:
    dunning(settings, days, "keep", GRACE_DAYS=grace)
    subscription = members.subscribed(NO_FUNDS)
    bill = members.renew(subscription)
    assert subscription.grace_until == bill.due_at + grace * DAY
    for moment, has_access in ((-DAY / 24, True), (DAY / 24, False)):
        clock.move(subscription.grace_until + moment - clock.now())
        assert subscription.has_access is has_access
        assert Subscription.objects.filter(pk=subscription.pk).has_access().exists() is has_access


def test_forty_days_of_declines_are_five_tries_and_one_end(members: Members) -> None:
    subscription = members.subscribed(NO_FUNDS)
    members.move_to(subscription)
    for _ in range(40 * 2):
        members.engine()
        clock.move(dt.timedelta(hours=12))
    subscription.refresh_from_db()
    tries = [each for each in members.charges(subscription) if each.order.cycle.number == 2]
    assert (len(tries), subscription.state, subscription.end_reason) == (5, "ended", "unpaid")
    assert len({each.merchant_uid for each in tries}) == 5
    kinds = Event.objects.filter(subscription=subscription, kind__startswith="bill.").values_list("kind", flat=True)
    assert sorted(kinds) == ["bill.failed"] * 5 + ["bill.given_up", "bill.paid"]
