"""Pictures of the coffee club: prices, joining, the window that registers a card, "my subscription", the cards.

A scene of its own, on a day in summer: every customer is in another state, and named after it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from .stage import ORDERED_AT, Stage

Look = Callable[[Any], None]

BEGUN_AT = ORDERED_AT - dt.timedelta(days=31)
# Each is a customer, whose "My subscription" is in that state.
STATES = ("none", "waiting", "declined", "confirming", "active", "ending", "past-due", "ended")
# Each is a customer, too: the page on which their registration ended.
CARD_PAGES = ("card-registered", "card-registered-paid", "card-registered-declined", "card-failed", "card-confirming")


def looks(stage: Stage, *, is_phone: bool) -> Iterator[tuple[str, Look, str]]:
    """Name, the way to the page, and who is logged in."""
    yield "club", at(stage, "/club/"), ""
    yield "club-join", at(stage, "/club/"), "none"
    yield "club-join-card", at(stage, "/club/"), "card-registered"
    yield "club-member", at(stage, "/club/"), "active"
    for state in STATES:
        yield f"membership-{state}", at(stage, "/membership/"), state
    yield "cards", at(stage, "/cards/"), "cards"
    yield "cards-none", at(stage, "/cards/"), "none"
    yield "cards-in-use", _deleted(stage), "cards"
    yield "cards-naming", _naming(stage), "cards"
    for page in CARD_PAGES:
        yield page, at(stage, stage.results[page]), page
    yield "membership-window", _pressed(stage, is_phone=is_phone), "waiting"


def scene(stage: Stage) -> None:
    """Make each of them happen: some begin in July and are renewed in August, the others begin in August."""
    from portone_django.flows.drain import drain
    from portone_django.models import Subscription
    from tests.members import NO_FUNDS

    users = {name: _user(name) for name in (*STATES, *CARD_PAGES, "cards")}
    _set_clock(BEGUN_AT)
    for name in ("active", "past-due", "ended", "cards"):
        _join(users[name], _register(stage, users[name]))
    _mine(users["ended"]).cancel()
    empty = _register(stage, users["past-due"], number=NO_FUNDS)
    Subscription.objects.filter(customer=users["past-due"]).update(billing_key=empty)
    _set_clock(ORDERED_AT + dt.timedelta(seconds=20))  # some way into the minute that is shown
    drain(concurrency=1)
    _join(users["ending"], _register(stage, users["ending"])).cancel()
    _join(users["declined"], _register(stage, users["declined"], number=NO_FUNDS))
    _join(users["waiting"])
    _more_cards(stage, users["cards"])
    _register_without_answer(stage, users)
    _lose_the_answer(stage, users["confirming"])


def _user(name: str) -> Any:
    from django.contrib.auth import get_user_model

    from example_project.shop.models import Member

    user = get_user_model().objects.create_user(name, email="namu@namu.example", first_name="김나무")
    Member.objects.create(user=user, tel="010-1234-5678")
    return user


def _join(user: Any, card: Any = None) -> Any:
    from portone_django.models import Price
    from portone_django.subscriptions import subscribe

    return subscribe(user, Price.objects.get(code="beans-monthly"), billing_key=card)


def _mine(user: Any) -> Any:
    from portone_django.models import Subscription

    return Subscription.objects.get(customer=user)


def _window(stage: Stage, user: Any, subscription: Any = None) -> tuple[Any, str]:
    """A window that registers a card of the user: the row and PortOne's imp_uid."""
    from portone_django.cards import registration_parameters
    from portone_django.flows.registering import RegistrationTerms, start_registration
    from portone_django.window import WindowOptions

    terms = RegistrationTerms(
        channel="billing",
        options=WindowOptions.parse().as_dict(),
        subscription=subscription and subscription.pk,
        return_url="/membership/",
    )
    key = start_registration(user, terms)
    record = stage.sandbox.open_window(registration_parameters(key, {}, 19_900), device="pc", user_agent="")
    return key, str(record["imp_uid"])


def _register(stage: Stage, user: Any, *, number: str = "", subscription: Any = None) -> Any:
    from portone_django.flows.registration import sync_registration
    from tests.members import GOOD

    key, imp_uid = _window(stage, user, subscription)
    stage.sandbox.approve(imp_uid, card_code="366", card_number=number or GOOD)
    sync_registration(key, source="callback", wait=10)
    key.refresh_from_db()
    assert key.state == "active" or number, key.fail_reason
    return key


def _more_cards(stage: Stage, user: Any) -> None:
    """Besides the one that pays the subscription: one that was stolen, and one with a name."""
    from tests.members import STOLEN

    stolen = _register(stage, user, number=STOLEN)
    payment = stolen.charge(amount=5_000, name="드립백 10개입")
    assert payment.state == "failed"
    _register(stage, user, number="4000000000000007").rename("가족 카드")


def _register_without_answer(stage: Stage, users: dict[str, Any]) -> None:
    """The pages on which a registration ends, one for each way it can."""
    from portone_django.flows.registration import sync_registration
    from tests.members import NO_FUNDS

    keys = {"card-registered": _register(stage, users["card-registered"])}
    for name, number in (("card-registered-paid", ""), ("card-registered-declined", NO_FUNDS)):
        keys[name] = _register(stage, users[name], number=number, subscription=_join(users[name]))
    keys["card-confirming"], _ = _window(stage, users["card-confirming"])
    keys["card-failed"], imp_uid = _window(stage, users["card-failed"])
    stage.sandbox.fail(imp_uid, "[1214]카드번호 오류")
    sync_registration(keys["card-failed"], source="callback")
    stage.results.update({name: _result(key) for name, key in keys.items()})


def _result(key: Any) -> str:
    from django.urls import reverse

    from portone_django.tokens import sign_registration

    return reverse("portone:card-result", args=[sign_registration(key.issue_uid)])


def _lose_the_answer(stage: Stage, user: Any) -> None:
    """PortOne charged, and does not say so."""
    card = _register(stage, user)
    stage.sandbox.faults.add("http_503", path="/subscribe/payments/again", performed=True)
    stage.sandbox.faults.add("http_503", path="/payments/*", times=99)
    _join(user, card)
    stage.sandbox.faults.clear()


def _set_clock(moment: dt.datetime) -> None:
    from portone_django import clock

    clock.move(moment - clock.now())


def at(stage: Stage, address: str) -> Look:
    """The page at that address, at the moment of the scene."""

    def look(page: Any) -> None:
        _set_clock(ORDERED_AT + dt.timedelta(seconds=20))  # the demo's panel shows it, and pictures take their time
        page.goto(stage.url + address)

    return look


def _deleted(stage: Stage) -> Look:
    """The cards after a press on "delete" of the one that pays the subscription."""

    def look(page: Any) -> None:
        at(stage, "/cards/")(page)
        page.locator("[data-card] .careful summary").first.click()

    return look


def _naming(stage: Stage) -> Look:
    """The cards with the form that names one."""

    def look(page: Any) -> None:
        at(stage, "/cards/")(page)
        page.locator("[data-card] details:not(.careful) summary").nth(1).click()

    return look


def _pressed(stage: Stage, *, is_phone: bool) -> Look:
    """The window over the page whose button opened it."""

    def look(page: Any) -> None:
        at(stage, "/membership/")(page)
        page.locator("[data-portone-pay]").first.click()
        window = page if is_phone else page.frame_locator("iframe[data-testid=portone-window]")
        window.get_by_test_id("window").wait_for()

    return look
