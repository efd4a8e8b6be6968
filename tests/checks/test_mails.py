"""W047: mails to customers that would go nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portone_django.conf import NOTICE_KINDS

from .conftest import Said

Change = Callable[..., None]
BACKENDS = "django.core.mail.backends"


@pytest.fixture(autouse=True)
def _a_shop_that_sends_mails(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{BACKENDS}.smtp.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "shop@shop.example"


def test_a_shop_that_sends_mails_is_not_complained_about(said: Said) -> None:
    assert said("portone.W047", deploy=True) == []


@pytest.mark.parametrize("name", ["console", "dummy", "filebased", "locmem"])
def test_a_backend_that_sends_nothing_is_named(said: Said, settings: Any, name: str) -> None:
    settings.EMAIL_BACKEND = f"{BACKENDS}.{name}.EmailBackend"

    (message,) = said("portone.W047", deploy=True)

    assert f"{BACKENDS}.{name}.EmailBackend" in message.msg
    assert not message.is_serious()
    assert message.hint
    assert message.hint.startswith("Write: EMAIL_BACKEND = ")


def test_an_address_nobody_set_is_named(said: Said, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "webmaster@localhost"

    (message,) = said("portone.W047", deploy=True)

    assert "webmaster@localhost" in message.msg


def test_it_is_said_before_a_deployment_only(said: Said, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{BACKENDS}.console.EmailBackend"
    assert said("portone.W047") == []
    settings.DEBUG = True
    assert said("portone.W047", deploy=True) == []


def test_a_shop_without_mails_or_without_cards_on_file_needs_no_mail_server(
    said: Said, settings: Any, portone: Change
) -> None:
    settings.EMAIL_BACKEND = f"{BACKENDS}.dummy.EmailBackend"
    portone(NOTICES=dict.fromkeys(NOTICE_KINDS, False))
    assert said("portone.W047", deploy=True) == []
    portone(NOTICES=None, CHANNELS={"checkout": settings.PORTONE["CHANNELS"]["checkout"]})
    assert said("portone.W047", deploy=True) == []
    portone(NOTICES={"bill_paid": False}, CHANNELS={"billing": settings.PORTONE["CHANNELS"]["checkout"]})
    assert len(said("portone.W047", deploy=True)) == 1
