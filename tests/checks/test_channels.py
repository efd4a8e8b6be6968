"""E004, E006: real money, and something to compare it with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portone_django.models import ChannelFacts

from .conftest import Said

Change = Callable[..., None]

LIVE = {"channel_key": "channel-key-live", "pg_provider": "html5_inicis", "pg_id": "MOIshop", "sandbox": False}


def test_a_live_channel_without_test_payments_is_fine(said: Said, portone: Change) -> None:
    portone(ACCEPT_TEST_PAYMENTS=False, CHANNELS={"checkout": LIVE})
    assert said("portone.E004", deploy=True) == []


def test_accepting_test_payments_is_an_error_of_a_deployment_only(said: Said, portone: Change, settings: Any) -> None:
    portone(ACCEPT_TEST_PAYMENTS=True, CHANNELS={"checkout": LIVE})

    assert said("portone.E004") == []
    (message,) = said("portone.E004", deploy=True)
    assert message.hint == 'Remove it, or write: "ACCEPT_TEST_PAYMENTS": False'
    settings.DEBUG = True
    assert said("portone.E004", deploy=True) == []


@pytest.mark.parametrize(
    "channel",
    [
        {"pg": "html5_inicis.INIpayTest"},
        {"channel_key": "channel-key-x", "pg_id": "INIBillTst"},
        {**LIVE, "sandbox": True},
    ],
)
def test_a_test_channel_in_a_deployment_is_named(said: Said, portone: Change, channel: dict[str, Any]) -> None:
    portone(ACCEPT_TEST_PAYMENTS=False, CHANNELS={"checkout": channel})

    (message,) = said("portone.E004", deploy=True)

    assert 'PORTONE["CHANNELS"]["checkout"]' in message.msg
    assert message.hint
    assert '"checkout": {"channel_key"' in message.hint


@pytest.mark.django_db
def test_a_channel_that_nobody_described_sends_to_the_doctor(said: Said, portone: Change) -> None:
    portone(CHANNELS={"checkout": {"channel_key": "channel-key-x", "pg_provider": "html5_inicis"}, "live": LIVE})

    (message,) = said("portone.E006", databases=["default"])

    assert '["checkout"]' in message.msg
    assert message.hint
    assert "portone_doctor" in message.hint
    assert said("portone.E006") == [], "without a database nobody is asked"


@pytest.mark.django_db
def test_a_channel_that_was_learnt_is_fine(said: Said, portone: Change) -> None:
    portone(CHANNELS={"checkout": {"channel_key": "channel-key-x"}})
    ChannelFacts.objects.create(route="channel-key-x", pg_provider="html5_inicis", pg_id="MOIshop", sandbox=False)
    assert said("portone.E006", databases=["default"]) == []
