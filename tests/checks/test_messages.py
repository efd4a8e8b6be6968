"""E014: Celery's messages are data. W015: each comes once."""

from __future__ import annotations

import celery
import pytest
from django.core.checks import run_checks

from .conftest import Said


def test_celerys_own_settings_are_fine(said: Said, celery_app: celery.Celery) -> None:
    assert said("portone.E014") == []


@pytest.mark.parametrize("unsafe", ["pickle", "application/x-python-serialize", "yaml"])
def test_workers_that_accept_what_runs_code_are_an_error(said: Said, celery_app: celery.Celery, unsafe: str) -> None:
    celery_app.conf.accept_content = ["json", unsafe]
    (message,) = said("portone.E014")
    assert "can run code here" in message.msg
    assert message.hint
    assert 'accept_content = ["json"]' in message.hint


def test_messages_in_another_form_than_json_are_an_error(said: Said, celery_app: celery.Celery) -> None:
    celery_app.conf.task_serializer = "pickle"
    (message,) = said("portone.E014")
    assert "written as pickle" in message.msg


def test_a_project_without_celery_has_no_messages(said: Said) -> None:
    assert said("portone.E014") == []


def test_it_can_be_silenced(celery_app: celery.Celery, settings: pytest.FixtureRequest) -> None:
    celery_app.conf.accept_content = ["pickle"]
    settings.SILENCED_SYSTEM_CHECKS = ["portone.E014"]  # type: ignore[attr-defined]
    (message,) = [each for each in run_checks(tags=["portone"]) if each.id == "portone.E014"]
    assert message.is_silenced()


@pytest.mark.parametrize(("broker", "seconds", "is_told"), [
    ("redis://127.0.0.1:6379/1", 60, True),
    ("rediss://127.0.0.1:6379/1", 179, True),
    ("redis://127.0.0.1:6379/1", 3600, False),
    ("redis://127.0.0.1:6379/1", None, False),
    ("amqp://127.0.0.1//", 60, False),
])  # fmt: skip
def test_a_redis_that_delivers_again_what_is_being_worked_on_is_told(
    said: Said, celery_app: celery.Celery, broker: str, seconds: int | None, is_told: bool
) -> None:
    """F4."""
    celery_app.conf.broker_url = broker
    celery_app.conf.broker_transport_options = {} if seconds is None else {"visibility_timeout": seconds}
    assert [f"after {seconds} s" in each.msg for each in said("portone.W015")] == [True] * is_told
