"""A bug at any line behind the doors shows no buyer, key or token in a log, a mail or an error page."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.log import AdminEmailHandler

from portone_django.models import Payment
from portone_django.orders import create_order
from tests.shop import Shop

from .injection import lines_run, raising_at, told

pytestmark = pytest.mark.django_db

KEYS = {"IMP_KEY": "canary-key-7d2f90", "IMP_SECRET": "canary-secret-b41c68", "UID_KEY": "canary-uid-key-" + "9" * 32}
BUYER = {
    "buyer_name": "카나리아 구매자",
    "buyer_email": "canary@mail.example",
    "buyer_tel": "010-9753-1086",
    "buyer_addr": "카나리아로 97",
    "buyer_postcode": "97531",
}
BEHIND = ("views", "flows", "checkout.py", "window", "orders.py", "buttons.py", "tokens.py", "links.py")


@pytest.fixture
def sandbox(settings: Any, request: pytest.FixtureRequest) -> Any:
    settings.PORTONE = {**settings.PORTONE, **KEYS}
    settings.ADMINS = [("Admin", "admin@shop.example")]
    return request.getfixturevalue("portone_sandbox")


@pytest.fixture
def mails() -> Iterator[None]:
    """Errors go to the admins with every variable of every frame, as Django can do it."""
    handler = AdminEmailHandler(include_html=True)
    handler.setLevel(logging.ERROR)
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


def leaks(text: str, shop: Shop) -> list[str]:
    with shop.sandbox.store.read() as db:
        tokens = [str(row[0]) for row in db.execute("SELECT access_token FROM token")]
    return [canary for canary in [*KEYS.values(), *BUYER.values(), *tokens] if canary in text]


def start(shop: Shop) -> tuple[Payment, Callable[[], Any]]:
    order = shop.order(**{name: value for name, value in BUYER.items() if name in ("buyer_name", "buyer_addr")})
    type(order).objects.filter(pk=order.pk).update(**BUYER)
    config = shop.config(order)
    body = json.dumps({"token": config["token"]})
    started = shop.browser.post(config["start_url"], body, content_type="application/json").json()
    payment = Payment.objects.get(merchant_uid=started["params"]["merchant_uid"])
    return payment, lambda: shop.browser.post(config["start_url"], body, content_type="application/json")


def doors(shop: Shop) -> dict[str, Callable[[], Any]]:
    """One request to each door, repeatable any number of times."""
    payment, again = start(shop)
    imp_uid = shop.sandbox.payments_of(payment.merchant_uid) and ""
    hint = json.dumps(
        {"merchant_uid": payment.merchant_uid, "imp_uid": imp_uid or "imp_123456789012", "status": "paid"}
    )
    urls = {
        name: reverse(f"portone:{name}", args=[_token(payment)]) for name in ("complete", "status", "result", "return")
    }
    post: Callable[[str], Any] = lambda url: Client().post(url, hint, content_type="application/json")  # noqa: E731
    return {
        "start": again,
        "complete": lambda: post(urls["complete"]),
        "status": lambda: _afresh(payment, lambda: Client().get(urls["status"])),
        "result": lambda: _afresh(payment, lambda: Client().get(urls["result"])),
        "return": lambda: Client().get(urls["return"]),
        "webhook": lambda: post(reverse("portone:webhook")),
        "confirm": lambda: post(reverse("portone:confirm")),
        "tag": lambda: shop.page(payment.order),
        "create_order": lambda: create_order(name="원두", amount=100, **BUYER),
    }


NAMES = ("start", "complete", "status", "result", "return", "webhook", "confirm", "tag", "create_order")


@pytest.mark.parametrize("every", [30, pytest.param(3, marks=pytest.mark.slow)], ids=["a few lines", "every third"])
@pytest.mark.parametrize("name", NAMES)
def test_a_bug_at_any_line_behind_a_door_tells_nothing(
    shop: Shop, settings: Any, caplog: pytest.LogCaptureFixture, name: str, every: int
) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}
    caplog.set_level("DEBUG")
    work = doors(shop)[name]
    lines = lines_run(work, *BEHIND)
    assert len(lines) > 10
    escaped, leaky = 0, []
    for line in lines[::every]:
        error = raising_at(line, work, *BEHIND)
        escaped += error is not None
        if error is not None and (found := leaks(told(error, every_variable=False), shop)):
            leaky.append((line[0].rpartition("portone_django/")[2], line[1], found))
    assert leaky == []
    assert escaped > 0
    assert leaks(caplog.text, shop) == []


def test_the_buyer_really_passes_through(shop: Shop) -> None:
    """Else the test above would prove nothing."""
    _, again = start(shop)
    params = again().json()["params"]
    assert {name: params[name] for name in BUYER} == BUYER


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_page_and_the_mail_about_it_name_no_buyer_and_no_key(
    shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch, mails: None, debug: bool
) -> None:
    """With DEBUG Django shows every variable on purpose: the keys stay hidden all the same."""
    payment, again = start(shop)

    def bug(*args: Any, **options: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr("portone_django.window.parameters._title", bug)
    monkeypatch.setattr("portone_django.views.results.standing", bug)
    settings.DEBUG = debug
    shop.browser.raise_request_exception = False
    url = reverse("portone:result", args=[_token(payment)])
    for response in (again(), shop.browser.get(url), shop.browser.post(url.replace("result", "return"), dict(BUYER))):
        text = response.content.decode()
        assert response.status_code in (500, 303)
        found = leaks(text, shop)
        assert [each for each in found if not debug or each not in BUYER.values()] == []
    assert any("RuntimeError" in str(message.alternatives) for message in mail.outbox)
    for message in mail.outbox:
        found = leaks(f"{message.subject} {message.body} {message.alternatives}", shop)
        assert [each for each in found if not debug or each not in BUYER.values()] == []


@pytest.mark.parametrize(
    "wrong", [{"amount": -1}, {"name": ""}, {"return_url": "javascript:x"}, {"buyer_name": "카나리아" * 99}]
)
def test_an_order_that_is_refused_names_no_buyer(shop: Shop, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is looked at
        create_order(**{"name": "원두", "amount": 100, **BUYER, **wrong})
    assert leaks(told(caught.value, every_variable=False), shop) == []


def test_an_attempt_that_cannot_be_opened_names_no_buyer(
    shop: Shop, caplog: pytest.LogCaptureFixture, mails: None
) -> None:
    """`start` answers 503 and tells the admins; what the developer reads has the option's name and no person's."""
    payment, again = start(shop)
    type(payment.order).objects.update(buyer_tel="")
    assert again().status_code == 503
    [message] = [each for each in mail.outbox if "cannot be paid" in each.subject]
    assert "buyer_tel" in str(message.alternatives)
    assert leaks(f"{message.body} {message.alternatives} {caplog.text}", shop) == []


def test_a_receiver_that_raises_is_logged_without_the_buyer(
    shop: Shop, caplog: pytest.LogCaptureFixture, mails: None
) -> None:
    from portone_django import signals
    from portone_django.flows.dispatch import _send
    from portone_django.models import Event

    def broken(*, order: Any, payment: Any, **kwargs: Any) -> None:
        raise RuntimeError("the shop's own bug")

    payment, _ = start(shop)
    signals.order_paid.connect(broken)
    try:
        _send(Event.objects.create(kind="order.paid", order=payment.order, payment=payment))
    finally:
        signals.order_paid.disconnect(broken)
    assert "broken raised RuntimeError" in caplog.text
    assert mail.outbox
    assert leaks(f"{caplog.text} {[(each.body, each.alternatives) for each in mail.outbox]}", shop) == []


def _token(payment: Payment) -> str:
    from portone_django.tokens import sign_attempt

    return sign_attempt(payment.merchant_uid)


def _afresh(payment: Payment, work: Callable[[], Any]) -> Any:
    Payment.objects.filter(pk=payment.pk).update(checked_at=None)
    return work()
