"""W040: something runs the purge."""

from __future__ import annotations

import datetime as dt
from typing import Any

import celery
import pytest
from django.core.checks import run_checks

from portone_django.clock import tick
from portone_django.models import Heartbeat, Order
from tests.factories import OrderFactory

from .conftest import Said


def test_a_project_with_celery_must_schedule_the_purge(said: Said, celery_app: celery.Celery) -> None:
    celery_app.conf.beat_schedule = {"sweep": {"task": "portone_django.reconcile", "schedule": 15.0}}
    (message,) = said("portone.W040")
    assert message.hint
    assert "BEAT_SCHEDULE" in message.hint


def test_our_beat_schedule_has_the_purge(said: Said, celery_app: celery.Celery) -> None:
    from portone_django.tasks import BEAT_SCHEDULE

    celery_app.conf.beat_schedule = {"mine": {"task": "shop.tidy", "schedule": 60.0}, **BEAT_SCHEDULE}
    assert said("portone.W040") == []


def test_it_can_be_silenced(celery_app: celery.Celery, settings: Any) -> None:
    settings.SILENCED_SYSTEM_CHECKS = ["portone.W040"]
    found = {each.id: each.is_silenced() for each in run_checks(tags=["portone"])}
    assert found["portone.W040"]
    assert not found["portone.W016"]


def test_a_schedule_kept_in_the_database_is_not_judged_from_the_settings(said: Said, celery_app: celery.Celery) -> None:
    celery_app.conf.beat_scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    assert said("portone.W040") == []


def test_a_project_without_celery_is_not_judged_without_its_database(said: Said) -> None:
    assert said("portone.W040") == []


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "count"), [(39, 0), (41, 1)])
def test_a_stopped_purge_is_seen_by_its_old_heartbeat(said: Said, days: int, count: int) -> None:
    Heartbeat.objects.create(name="purge", beat_at=tick() - dt.timedelta(days=days))
    messages = said("portone.W040", databases=["default"])
    assert [("ended last" in each.msg) for each in messages] == [True] * count
    assert all("crontab: 40 3 * * * manage.py portone_purge" in str(each.hint) for each in messages)


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "said_so"), [(39, []), (41, ["The purge has never run."])])
def test_a_purge_that_never_ran_is_missed_once_there_is_something_to_purge(
    said: Said, days: int, said_so: list[str]
) -> None:
    OrderFactory()
    Order.objects.update(created_at=tick() - dt.timedelta(days=days))
    assert [each.msg for each in said("portone.W040", databases=["default"])] == said_so


@pytest.mark.django_db
def test_a_scheduled_purge_that_stands_still_points_to_the_worker(said: Said, celery_app: celery.Celery) -> None:
    from portone_django.tasks import BEAT_SCHEDULE

    celery_app.conf.beat_schedule = BEAT_SCHEDULE
    Heartbeat.objects.create(name="purge", beat_at=tick() - dt.timedelta(days=41))
    (message,) = said("portone.W040", databases=["default"])
    assert str(message.hint).startswith("Start celery beat")


@pytest.mark.django_db
def test_a_missing_purge_is_said_once(said: Said, celery_app: celery.Celery) -> None:
    Heartbeat.objects.create(name="purge", beat_at=tick() - dt.timedelta(days=41))
    assert len(said("portone.W040", databases=["default"])) == 1
