"""How the checks appear on Django's command line."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.checks.registry import registry
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from tests.settings import PORTONE

# One way to make each check speak that needs settings only.
BAD: dict[str, dict[str, Any]] = {
    "portone.E001": {"PORTONE": {**PORTONE, "USER_CODE": ""}},
    "portone.E003": {"PORTONE": {**PORTONE, "API_BASE": "https://gateway.example"}},
    "portone.E004": {"PORTONE": {**PORTONE, "ACCEPT_TEST_PAYMENTS": True}},
    "portone.E006": {"PORTONE": {**PORTONE, "CHANNELS": {"checkout": {"channel_key": "channel-key-x"}}}},
    "portone.E007": {"ALLOWED_HOSTS": ["*"]},
    "portone.E008": {"ROOT_URLCONF": "django.contrib.auth.urls"},
    "portone.W016": {},
    "portone.E024": {"DATABASE_ROUTERS": ["tests.checks.test_placement.ToTheReplica"]},
    "portone.E026": {"USE_TZ": False},
    "portone.W029": {},
    "portone.E039": {"PORTONE": {**PORTONE, "UID_KEY": "k" * 40}, "SECRET_KEY": "k" * 40},
    "portone.E048": {"PORTONE": {**PORTONE, "SUBSCRIBE_URL": "no-such-view"}},
    "portone.W046": {"TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]},
    "portone.E049": {"PORTONE_SANDBOX": []},
}


def _complaints() -> str:
    try:
        call_command(
            "check", tags=["portone"], deploy=True, databases=["default"], fail_level="WARNING", stderr=StringIO()
        )
    except SystemCheckError as error:
        return str(error)
    return ""


@pytest.mark.django_db
@pytest.mark.parametrize("check_id", BAD)
def test_every_check_speaks_with_a_hint_and_can_be_silenced_by_its_id(check_id: str) -> None:
    with override_settings(**BAD[check_id]):
        said = _complaints()
        with override_settings(SILENCED_SYSTEM_CHECKS=[check_id]):
            silenced = _complaints()

    assert f"({check_id})" in said
    assert "HINT: " in said.partition(f"({check_id})")[2]
    assert f"({check_id})" not in silenced


def test_no_check_raises_whatever_the_settings_are(settings: Any) -> None:
    for value in (None, 5, [], {"CHANNELS": 5}, {"CHANNELS": {"checkout": None}}, {"API_BASE": None}, {1: 2}):
        settings.PORTONE = value
        for check in registry.get_checks(include_deployment_checks=True):
            if "portone" in check.tags:
                assert isinstance(check(app_configs=None, databases=None), list)


def test_a_message_never_repeats_a_secret(settings: Any) -> None:
    settings.PORTONE = {**PORTONE, "IMP_SECRET": " ", "UID_KEY": "short-canary-4711", "IMP_KEY": 4711}
    messages = [
        str(message)
        for check in registry.get_checks(include_deployment_checks=True)
        if "portone" in check.tags
        for message in check(app_configs=None, databases=None)
    ]
    assert messages
    assert not [each for each in messages if "4711" in each]
