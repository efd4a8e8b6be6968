"""What a body says beyond its few known fields changes nothing: no state, no amount, no order of somebody else."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import Client
from django.urls import get_resolver, reverse

from portone_django.flows.webhooks import process_due
from portone_django.models import Event, Order, Payment, WebhookDelivery
from portone_django.views import bodies
from tests.factories import UserFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db

Rows = dict[str, Any]


def more_than_asked(victim: Payment) -> dict[str, Any]:
    """Every column of the models by its name, and the words of PortOne and of other frameworks for the same."""
    columns = {field.attname for model in (Order, Payment) for field in model._meta.concrete_fields}
    words = {
        "status",
        "state",
        "success",
        "imp_success",
        "paid",
        "is_paid",
        "paid_amount",
        "order",
        "order_id",
        "orders",
        "user",
    }
    names = {
        *columns,
        *words,
        "user_id",
        "customer",
        "customer_uid",
        "is_staff",
        "price",
        "options",
        "channel",
        "pg",
        "terms",
    }
    body: dict[str, Any] = dict.fromkeys(names, 1)
    body |= {
        "state": "paid",
        "status": "paid",
        "success": True,
        "imp_success": "true",
        "paid_at": 1785985260,
        "amount": 1,
    }
    body |= {"order_id": victim.order_id, "order": victim.order_id, "id": victim.pk, "pk": victim.pk, "currency": "KRW"}
    body |= {"public_id": victim.order.public_id, "reference": victim.order.reference, "return_url": "//evil.example"}
    body |= {"__proto__": {"state": "paid"}, "constructor": {"prototype": {"state": "paid"}}, "order__state": "paid"}
    return body | {"payment": {"state": "paid"}, "records": {"imp_1": "paid"}, "open_slot": None, "paid_slot": 1}


def rows(*, but: int = 0) -> Rows:
    """All that the models hold, without the look-up times of one payment."""
    moving = ("checked_at", "next_check_at", "updated_at")
    payments = {each["id"]: each for each in Payment.objects.values()}
    for name in moving:
        payments.get(but, {}).pop(name, None)
    return {"orders": list(Order.objects.values()), "payments": payments, "events": list(Event.objects.values())}


@pytest.fixture
def victim(shop: Shop) -> Payment:
    return shop.payment(shop.click(shop.order(name="남의 주문", amount=77700, reference="victim-1")))


def send(path: str, body: dict[str, Any], kind: str) -> Any:
    if kind == "form":
        return Client().post(path, {name: str(value) for name, value in body.items()})
    if kind == "urlencoded":
        from urllib.parse import urlencode

        return Client().post(path, urlencode(body), content_type="application/x-www-form-urlencoded")
    return Client().post(path, json.dumps(body), content_type="application/json")


KINDS = pytest.mark.parametrize("kind", ["json", "urlencoded"])


@KINDS
def test_start_takes_its_terms_from_the_token_alone(shop: Shop, victim: Payment, kind: str) -> None:
    order = shop.order()
    config = shop.config(order)
    before = rows()
    answer = send(config["start_url"], {**more_than_asked(victim), "token": config["token"], "another": 1}, kind)
    params = answer.json()["params"]
    assert (params["amount"], params["name"], params["currency"]) == (order.amount, order.name, "KRW")
    assert "customer_uid" not in params
    payment = Payment.objects.get(merchant_uid=params["merchant_uid"])
    assert (payment.order, payment.state, payment.channel) == (order, "pending", "checkout")
    after = rows()
    assert after["payments"].pop(payment.pk)["options"] == {}
    assert (after["orders"], after["payments"]) == (before["orders"], before["payments"])


@KINDS
def test_complete_changes_nothing_that_portone_did_not_say(shop: Shop, victim: Payment, kind: str) -> None:
    started = shop.click(shop.order())
    mine = shop.payment(started)
    before = rows(but=mine.pk)
    body = more_than_asked(victim) | {"merchant_uid": victim.merchant_uid, "imp_uid": "imp_123456789012"}
    answer = send(started["complete_url"], body, kind)
    assert (answer.status_code, answer.json()["state"]) == (200, "confirming")
    assert rows(but=mine.pk) == before


@KINDS
@pytest.mark.parametrize("mode", ["inline", "deferred"])
def test_a_webhook_is_worth_one_look_up(shop: Shop, victim: Payment, settings: Any, kind: str, mode: str) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": mode}
    before = rows(but=victim.pk)
    body = more_than_asked(victim) | {"merchant_uid": victim.merchant_uid, "imp_uid": "imp_123456789012"}
    assert send(reverse("portone:webhook"), body, kind).status_code == 200
    process_due()
    assert rows(but=victim.pk) == before
    [delivery] = WebhookDelivery.objects.all()
    assert set(delivery.body) == {"merchant_uid", "imp_uid", "status", "cancellation_id"}


@KINDS
def test_the_confirm_process_and_the_way_back_change_nothing(shop: Shop, victim: Payment, kind: str) -> None:
    before = rows(but=victim.pk)
    body = more_than_asked(victim) | {"merchant_uid": victim.merchant_uid, "imp_uid": "imp_123456789012"}
    assert send(reverse("portone:confirm"), body, kind).status_code == 409
    assert send(reverse("portone:return"), body, kind).status_code == 303
    assert send(reverse("portone:return"), {**body, "token": "x"}, "form").status_code == 303
    assert rows(but=victim.pk) == before


@pytest.mark.parametrize("another", [1, "true", "True", [True], {"a": True}, None, 0])
def test_only_true_gives_up_a_virtual_account(shop: Shop, another: Any) -> None:
    order = shop.order()
    started = shop.click(order, pay_method="vbank")
    imp_uid = shop.window(started)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    shop.callback(started, imp_uid)
    config = shop.config(order)
    answer = send(config["start_url"], {"token": config["token"], "another": another}, "json")
    assert answer.json()["action"] == "redirect"
    assert shop.payment(started).state == "awaiting_deposit"


def test_a_token_of_one_kind_is_no_token_of_another(shop: Shop) -> None:
    order = shop.order()
    config = shop.config(order)
    started = shop.click(order)
    attempt_token = started["status_url"].split("/")[-2]
    assert send(config["start_url"], {"token": attempt_token}, "json").status_code == 400
    for name in ("status", "result", "complete"):
        path = reverse(f"portone:{name}", args=[config["token"]])
        assert (Client().post(path) if name == "complete" else Client().get(path)).status_code == 404
    for forged in (
        order.public_id,
        str(order.pk),
        started["params"]["merchant_uid"],
        f"{started['params']['merchant_uid']}.x",
    ):
        assert Client().get(reverse("portone:status", args=[forged])).status_code == 404


# Size first ----------------------------------------------------------------------------------------------------------

LIMIT = 16 * 1024
READERS = ("start", "complete", "card-start", "card-complete", "webhook", "confirm", "return")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the bodies that were given to a parser."""
    sizes: list[int] = []
    for name in ("_from_json", "_from_form"):
        parse = getattr(bodies, name)
        monkeypatch.setattr(bodies, name, lambda raw, parse=parse: (sizes.append(len(raw)), parse(raw))[1])
    return sizes


def padded(size: int, kind: str) -> bytes:
    """A body of exactly so many bytes that its parser would take."""
    start, end = (b'{"a": "', b'"}') if kind == "application/json" else (b"a=", b"")
    return start + b"x" * (size - len(start) - len(end)) + end


def test_the_readers_of_bodies_are_all_listed() -> None:
    """Whichever view accepts POST is in the test below."""
    accept = set()
    for pattern in get_resolver("portone_django.urls").url_patterns:
        arguments = ["x"] if "token" in str(pattern.pattern) else []
        path = reverse(f"portone:{pattern.name}", args=arguments)
        if Client().post(path).status_code != 405:
            accept.add(pattern.name)
    assert accept == set(READERS)


BOTH = pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])


@BOTH
@pytest.mark.parametrize("name", READERS)
def test_no_view_parses_more_than_16_kib(shop: Shop, parsed: list[int], name: str, kind: str) -> None:
    started = {"complete": shop.click(shop.order()), "card-complete": shop.press_register(UserFactory())}.get(name)
    parsed.clear()
    path = started["complete_url"] if started else reverse(f"portone:{name}")
    at_the_limit = Client().post(path, padded(LIMIT, kind), content_type=kind)
    assert at_the_limit.status_code != 413
    assert parsed == [LIMIT]
    above = Client().post(path, padded(LIMIT + 1, kind), content_type=kind)
    assert above.status_code == (303 if name == "return" else 413)
    assert parsed == [LIMIT], "nothing was parsed"


@BOTH
def test_a_body_that_declares_no_length_is_measured_before_it_is_parsed(parsed: list[int], kind: str) -> None:
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", kind.encode())]}
    with pytest.raises(bodies.BadBody) as refused:
        bodies.read_body(ASGIRequest(scope, BytesIO(padded(LIMIT + 1, kind))))
    assert (refused.value.status, parsed) == (413, [])
    bodies.read_body(ASGIRequest(scope, BytesIO(padded(LIMIT, kind))))
    assert parsed == [LIMIT]
