"""Every route with every method, for nobody, a stranger and staff: never an error, never somebody else's order."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from portone_django.models import Event, Order, Payment, WebhookDelivery
from portone_django.tokens import Checkout, sign_attempt, sign_checkout, sign_registration
from tests.factories import UserFactory
from tests.shop import Shop

from .payloads import TEXTS

pytestmark = pytest.mark.django_db

PATTERNS: list[URLPattern] = get_resolver("portone_django.urls").url_patterns
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "CONNECT")
ALLOWED = {
    "start": {"POST"},
    "complete": {"POST"},
    "status": {"GET"},
    "return": {"GET", "POST"},
    "result": {"GET"},
    "card-start": {"POST"},
    "card-complete": {"POST"},
    "card-status": {"GET"},
    "card-result": {"GET"},
    "webhook": {"POST"},
    "confirm": {"POST"},
}
PEOPLE = ("nobody", "stranger", "staff", "superuser")
BODIES: list[tuple[bytes, str]] = [
    (b"", "application/json"),
    (b"{}", "application/json"),
    (b'{"token": 1, "merchant_uid": {}, "imp_uid": [], "amount": "x", "another": {}}', "application/json"),
    (b'{"token": null, "merchant_uid": null, "extra": [1], "error_code": {"a": 1}}', "application/json"),
    (b"[" * 9000, "application/json"),
    (b'{"amount": ' + b"9" * 5000 + b"}", "application/json"),
    (b'{"merchant_uid": "t\\ud800", "imp_uid": "\\u0000"}', "application/json"),
    (b"\xff\xfe\x00\x00", "application/json"),
    (b"token=%ff%00&merchant_uid=%ed%a0%80", "application/x-www-form-urlencoded"),
    (b"&".join(b"a%d=1" % n for n in range(1500)), "application/x-www-form-urlencoded"),
    (b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n1\r\n--x--\r\n', "multipart/form-data; boundary=x"),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
    (b"x", "multipart/form-data"),
    (b"x", "text/plain; charset=klingon"),
    (b"x", ""),
    (b"x" * 20_000, "application/json"),
]


def visitor(who: str) -> Client:
    client = Client()
    if who != "nobody":
        is_staff, is_superuser = who in ("staff", "superuser"), who == "superuser"
        client.force_login(UserFactory(is_staff=is_staff, is_superuser=is_superuser))
    return client


def routes(*tokens: str) -> list[tuple[str, str]]:
    """(name, path) of every route, those with a token once for each of the tokens."""
    found = []
    for pattern in PATTERNS:
        name = str(pattern.name)
        if "token" in str(pattern.pattern):
            found += [(name, f"/portone/{name}/{quote(token, safe='')}/") for token in tokens]
        else:
            found.append((name, reverse(f"portone:{name}")))
    return found


def test_the_matrix_knows_every_route() -> None:
    assert {str(pattern.name) for pattern in PATTERNS} == set(ALLOWED)
    assert len(PATTERNS) == len(routes("x"))


@pytest.fixture
def victims(shop: Shop) -> list[Payment]:
    """Somebody else's order in each state that a page can tell about."""
    made = []
    terms = {"name": "비밀 상품", "amount": 7654321, "buyer_name": "카나리아", "return_url": "/victims/page/"}
    customer = UserFactory(username="victim")
    for number, state in enumerate(("pending", "paid", "awaiting_deposit", "failed")):
        order = shop.order(reference=f"victim-ref-{number}", customer=customer, **terms)
        started = shop.click(order, **({"pay_method": "vbank"} if state == "awaiting_deposit" else {}))
        imp_uid = shop.window(started)
        if state == "paid":
            shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
        elif state == "awaiting_deposit":
            shop.sandbox.issue_vbank(imp_uid, bank_code="088")
        elif state == "failed":
            shop.sandbox.fail(imp_uid, "비밀 사유")
        shop.callback(started, imp_uid)
        payment = shop.payment(started)
        assert payment.state == state
        made.append(payment)
    return made


def secrets_of(payments: list[Payment]) -> list[str]:
    found = {
        "비밀 상품",
        "7,654,321",
        "7654321",
        "카나리아",
        "buyer@example.com",
        "010-0000-0000",
        "비밀 사유",
        "/victims/page/",
    }
    for each in payments:
        found |= {each.order.public_id, str(each.order.reference), each.vbank_num, each.receipt_url, each.apply_num}
        found |= {str(each.imp_uid), each.pg_tid}
    return sorted(found - {""})


@pytest.mark.parametrize("who", PEOPLE)
def test_every_method_on_every_route_has_its_answer(shop: Shop, who: str) -> None:
    browser = visitor(who)
    own = sign_attempt(shop.click(shop.order())["params"]["merchant_uid"])
    card = sign_registration(shop.press_register(UserFactory())["params"]["merchant_uid"])
    for (name, path), method in itertools.product(routes(own, card, "forged", "a.b"), METHODS):
        response = browser.generic(method, path, b"{}", content_type="application/json")
        if method in ALLOWED[name]:
            assert response.status_code in (200, 303, 400, 404, 409), (method, path)
        else:
            assert response.status_code == 405, (method, path)
            assert set(response.headers["Allow"].split(", ")) == ALLOWED[name]


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_no_body_is_an_error_of_ours(shop: Shop, number: int) -> None:
    body, kind = BODIES[number]
    browser = visitor("nobody")
    own = sign_attempt(shop.click(shop.order())["params"]["merchant_uid"])
    card = sign_registration(shop.press_register(UserFactory())["params"]["merchant_uid"])
    for (name, path), method in itertools.product(routes(own, card, "forged"), ("GET", "POST")):
        if method in ALLOWED[name]:
            response = browser.generic(method, path, body, content_type=kind)
            assert response.status_code in (200, 303, 400, 404, 409, 413, 415), (method, path, response.status_code)


@pytest.mark.parametrize("length", ["-1", "0", "abc", "99999999999999999999", "1e3", "", "16385"])
def test_no_content_length_is_an_error_of_ours(shop: Shop, length: str) -> None:
    own = sign_attempt(shop.click(shop.order())["params"]["merchant_uid"])
    for name, path in routes(own):
        if "POST" in ALLOWED[name]:
            response = Client().generic("POST", path, b"{}", content_type="application/json", CONTENT_LENGTH=length)
            assert response.status_code in (200, 303, 400, 404, 409, 413), (path, response.status_code)


def test_no_text_in_a_path_is_an_error_of_ours(shop: Shop) -> None:
    for text in TEXTS[::5]:
        for name, path in routes(text.encode("utf-8", "replace").decode()):
            if "GET" in ALLOWED[name]:
                assert Client().get(path).status_code in (200, 303, 404), text


@pytest.mark.parametrize("who", ["nobody", *(pytest.param(who, marks=pytest.mark.slow) for who in PEOPLE[1:])])
def test_nobody_sees_an_order_without_its_token(shop: Shop, victims: list[Payment], who: str) -> None:
    browser = visitor(who)
    mine = shop.payment(shop.click(shop.order(name="내 상품", amount=1000)))
    secrets = secrets_of(victims)
    before = [list(model.objects.values()) for model in (Order, Event, WebhookDelivery)]
    for victim in victims:
        guesses = guesses_at(victim, mine)
        hint = {
            "merchant_uid": victim.merchant_uid,
            "imp_uid": victim.imp_uid or "imp_1",
            "status": "paid",
            "amount": 1,
        }
        for (name, path), method in itertools.product(routes(*guesses), ("GET", "POST")):
            if method not in ALLOWED[name]:
                continue
            for extra in ({}, hint, hint | {"token": guesses[0], "order": victim.order_id}):
                response = ask(browser, method, path, extra)
                assert response.status_code in (200, 303, 400, 404, 409), (method, path)
                shown = response.content.decode() + str(response.headers) + str(getattr(response, "url", ""))
                assert [each for each in secrets if each in shown] == [], (method, path, extra)
    WebhookDelivery.objects.all().delete()
    assert [list(model.objects.values()) for model in (Order, Event, WebhookDelivery)] == before


def test_the_token_itself_shows_the_order(victims: list[Payment]) -> None:
    """Else the test above would prove nothing."""
    for victim in victims:
        page = Client().get(reverse("portone:result", args=[sign_attempt(victim.merchant_uid)])).content.decode()
        assert "비밀 상품" in page
        assert "7,654,321" in page
        assert "카나리아" not in page


def test_start_with_a_strangers_page_opens_that_pages_order_and_no_other(shop: Shop, victims: list[Payment]) -> None:
    """A button's token is the proof: it names its order, and nothing beside it does."""
    order = shop.order(name="내 상품", amount=1000)
    token = sign_checkout(Checkout(order.pk, "checkout", {}))
    for victim in victims:
        body = {"token": token, "order_id": victim.order_id, "merchant_uid": victim.merchant_uid}
        params = ask(Client(), "POST", reverse("portone:start"), body).json()["params"]
        assert (params["amount"], params["name"]) == (1000, "내 상품")


@pytest.mark.parametrize("who", PEOPLE)
def test_without_a_csrf_token_only_three_routes_listen(shop: Shop, who: str) -> None:
    browser = visitor(who)
    browser.handler.enforce_csrf_checks = True
    own = sign_attempt(shop.click(shop.order())["params"]["merchant_uid"])
    for name, path in routes(own):
        if "POST" in ALLOWED[name]:
            refused = ask(browser, "POST", path, {}).status_code == 403
            assert refused == (name in ("start", "complete", "card-start", "card-complete")), name


def test_what_is_not_there_looks_like_what_is_not_yours(shop: Shop, victims: list[Payment]) -> None:
    """The same status, headers and length for a forged token of a real attempt and of none."""
    real, none = victims[1].merchant_uid, "t" + "a" * 24
    forged = sign_attempt(none).partition(".")[2]
    for name in ("status", "result", "return"):
        answers = [Client().get(f"/portone/{name}/{uid}.{forged[::-1]}/") for uid in (real, none)]
        assert [each.status_code for each in answers] == [404, 404]
        assert answers[0].content == answers[1].content
        assert {*answers[0].headers} == {*answers[1].headers}
    for uid in (real, none):
        response = Client().get(reverse("portone:return"), {"merchant_uid": uid})
        assert (response.status_code, response.headers["Location"]) == (303, reverse("portone:result"))
    for uid in (real, none):
        response = ask(Client(), "POST", reverse("portone:webhook"), {"merchant_uid": uid, "status": "paid"})
        assert (response.status_code, response.content) == (200, b"ok")


def guesses_at(victim: Payment, mine: Payment) -> list[str]:
    """Tokens that a stranger could think of."""
    own = sign_attempt(mine.merchant_uid)
    order = victim.order
    return [
        own.replace(mine.merchant_uid, victim.merchant_uid),
        victim.merchant_uid,
        f"{victim.merchant_uid}.",
        f"{victim.merchant_uid}.{'A' * 43}",
        str(order.pk),
        order.public_id,
        str(order.reference),
        sign_checkout(Checkout(order.pk, "checkout", {})),
        f"{own}/../{victim.merchant_uid}",
    ]


def ask(browser: Client, method: str, path: str, body: dict[str, Any]) -> Any:
    if method == "GET":
        return browser.get(path, body)
    return browser.post(path, json.dumps(body), content_type="application/json")
