"""E003, E007: where our keys go, and where PortOne finds us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Said

Change = Callable[..., None]


@pytest.mark.parametrize("base", ["https://api.iamport.kr", "https://api.iamport.kr/"])
def test_portones_own_address_is_fine(said: Said, portone: Change, base: str) -> None:
    portone(API_BASE=base)
    assert said("portone.E003") == []


@pytest.mark.parametrize(
    "base",
    [
        "http://api.iamport.kr",
        "https://api.iamport.kr.attacker.example",
        "https://api.iamport.kr@attacker.example",
        "https://api.iamport.kr/elsewhere",
        "http://127.0.0.1:9999",
    ],
)
def test_any_other_gateway_is_an_error_in_production(said: Said, portone: Change, base: str) -> None:
    portone(API_BASE=base)

    (message,) = said("portone.E003")

    assert message.hint == 'Remove it, or write: "API_BASE": "https://api.iamport.kr"'


@pytest.mark.parametrize("base", ["http://127.0.0.1:9999", "http://localhost:8000/sandbox", "http://[::1]:9999"])
def test_development_may_ask_a_sandbox_on_this_machine(said: Said, portone: Change, settings: Any, base: str) -> None:
    settings.DEBUG = True
    portone(API_BASE=base)
    assert said("portone.E003") == []


def test_development_may_not_ask_a_sandbox_elsewhere(said: Said, portone: Change, settings: Any) -> None:
    settings.DEBUG = True
    portone(API_BASE="http://192.0.2.1:9999")
    assert len(said("portone.E003")) == 1


def test_a_password_in_a_url_is_not_repeated(said: Said, portone: Change) -> None:
    portone(API_BASE="https://user:letmein@gateway.example")

    (message,) = said("portone.E003")

    assert "letmein" not in f"{message.msg}{message.hint}"


def test_the_script_of_the_checkout_page_comes_from_portone_except_in_development(
    said: Said, portone: Change, settings: Any
) -> None:
    portone(SDK_URL="https://scripts.example/iamport.js")
    assert "SDK_URL" in said("portone.E003")[0].msg

    settings.DEBUG = True
    assert said("portone.E003") == []


def test_customers_come_back_over_https(said: Said, portone: Change, settings: Any) -> None:
    assert said("portone.E007") == []

    portone(PUBLIC_BASE_URL="http://shop.example")

    (message,) = said("portone.E007")
    assert message.hint == 'Write: "PUBLIC_BASE_URL": "https://shop.example"'
    settings.DEBUG = True
    assert said("portone.E007") == []


def test_this_machine_needs_no_https(said: Said, portone: Change) -> None:
    portone(PUBLIC_BASE_URL="http://127.0.0.1:8000")
    assert said("portone.E007") == []


def test_a_public_host_that_django_would_refuse_loses_every_webhook(said: Said, portone: Change) -> None:
    portone(PUBLIC_BASE_URL="https://pay.shop.example")

    (message,) = said("portone.E007")

    assert message.hint == 'Write: ALLOWED_HOSTS = ["pay.shop.example"]'


def test_allowing_every_host_is_an_error_of_a_deployment_only(said: Said, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    assert said("portone.E007") == []
    (message,) = said("portone.E007", deploy=True)
    assert message.hint == 'Write: ALLOWED_HOSTS = ["shop.example"]'
