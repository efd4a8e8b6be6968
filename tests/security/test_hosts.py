"""The hosts that a client names (Host, X-Forwarded-Host and their kin) leave no trace in anything that we answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portone_django.tokens import sign_attempt
from tests.factories import OrderFactory
from tests.shop import Shop

from .rows import attempt

pytestmark = pytest.mark.django_db

EVIL = "evil.example"
HEADERS = [
    {"HTTP_HOST": EVIL},
    {"HTTP_HOST": f"{EVIL}:8443"},
    {"HTTP_HOST": "shop.example", "HTTP_X_FORWARDED_HOST": EVIL},
    {"HTTP_HOST": "shop.example", "HTTP_X_FORWARDED_HOST": EVIL, "HTTP_X_FORWARDED_PORT": "8443"},
    {"HTTP_HOST": "shop.example", "HTTP_FORWARDED": f"host={EVIL};proto=http", "HTTP_X_HOST": EVIL},
    {"HTTP_HOST": "shop.example", "HTTP_X_ORIGINAL_URL": f"//{EVIL}/", "HTTP_X_REWRITE_URL": f"//{EVIL}/"},
    {"HTTP_HOST": "shop.example", "HTTP_REFERER": f"https://{EVIL}/", "HTTP_ORIGIN": f"https://{EVIL}"},
    {"HTTP_HOST": "shop.example", "SERVER_NAME": EVIL, "SERVER_PORT": "8443"},
    {"HTTP_HOST": "shop.example", "SCRIPT_NAME": "", "HTTP_X_FORWARDED_PREFIX": f"//{EVIL}"},
]


@pytest.fixture(params=["django's default", "X-Forwarded-Host believed", "every host allowed"])
def trusting(request: pytest.FixtureRequest, settings: Any) -> Any:
    """A project that believes more and more of what it is told."""
    settings.ALLOWED_HOSTS = ["shop.example", EVIL]
    settings.USE_X_FORWARDED_HOST = settings.USE_X_FORWARDED_PORT = request.param != "django's default"
    if request.param == "every host allowed":
        settings.ALLOWED_HOSTS = ["*"]
    return settings


def traces(response: Any) -> list[str]:
    """Where the evil host stands in an answer."""
    found = [f"{name}: {value}" for name, value in response.headers.items() if EVIL in value]
    return found + ([response.content.decode()] if EVIL in response.content.decode() else [])


@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: " ".join(headers))
def test_a_named_host_reaches_neither_parameters_nor_pages(shop: Shop, trusting: Any, headers: dict[str, str]) -> None:
    order = shop.order(return_url="/orders/7/")
    config = shop.config(order)
    visitor = Client(**headers)  # type: ignore[arg-type]
    started = visitor.post(config["start_url"], json.dumps({"token": config["token"]}), content_type="application/json")
    assert started.status_code == 200
    params = started.json()["params"]
    for name in ("m_redirect_url", "notice_url", "confirm_url"):
        assert params[name].startswith("https://shop.example/portone/")
    for name in ("complete_url", "status_url", "result_url"):
        assert started.json()[name].startswith("/portone/")
    token = sign_attempt(params["merchant_uid"])
    hint = json.dumps({"merchant_uid": params["merchant_uid"], "imp_uid": "imp_1", "amount": 1})
    answers = [started]
    for name in ("complete", "return"):
        answers.append(visitor.post(reverse(f"portone:{name}", args=[token]), hint, content_type="application/json"))
    for name in ("status", "result", "return"):
        answers.append(visitor.get(reverse(f"portone:{name}", args=[token])))
    for name in ("result", "return"):
        answers.append(visitor.get(reverse(f"portone:{name}")))
        answers.append(visitor.get(reverse(f"portone:{name}", args=["forged.token"])))
    for name in ("webhook", "confirm"):
        answers.append(visitor.post(reverse(f"portone:{name}"), hint, content_type="application/json"))
    assert [each.status_code for each in answers] == [200, 200, 303, 200, 200, 303, 200, 404, 303, 404, 200, 409]
    assert [trace for each in answers for trace in traces(each)] == []


@pytest.mark.parametrize("state", ["paid", "awaiting_deposit", "failed", "expired", "pending", "quarantined"])
def test_a_named_host_reaches_no_page(trusting: Any, state: str) -> None:
    payment = attempt(OrderFactory(return_url="/orders/7/"), state)
    for headers in HEADERS:
        visitor = Client(**headers)  # type: ignore[arg-type]
        response = visitor.get(reverse("portone:result", args=[sign_attempt(payment.merchant_uid)]))
        assert (response.status_code, traces(response)) == (200, [])


def test_a_list_of_hosts_is_refused_where_the_header_is_believed(trusting: Any) -> None:
    visitor = Client(HTTP_HOST="shop.example", HTTP_X_FORWARDED_HOST=f"shop.example, {EVIL}")
    response = visitor.get(reverse("portone:result"))
    assert response.status_code == (400 if trusting.USE_X_FORWARDED_HOST else 200)
    assert traces(response) == []


def test_a_missing_slash_is_mended_on_this_host(trusting: Any) -> None:
    for headers in HEADERS:
        for path in ("/portone/result", "//evil.example/portone/result", "/portone/return"):
            response = Client(**headers).get(path)  # type: ignore[arg-type]
            assert response.status_code in (301, 404), path
            location = response.headers.get("Location", "/")
            assert location.startswith("/")
            assert not location.startswith("//")


def test_a_host_that_the_project_does_not_know_is_refused_by_django() -> None:
    response = Client(HTTP_HOST=EVIL).get(reverse("portone:result"))
    assert (response.status_code, traces(response)) == (400, [])
