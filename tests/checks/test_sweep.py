"""W016: something runs the sweep."""

from __future__ import annotations

import datetime as dt

import celery
import pytest

from portone_django.clock import tick
from portone_django.models import Heartbeat
from tests.members import Members

from .conftest import Said


def test_a_project_with_celery_must_schedule_the_sweep(said: Said, celery_app: celery.Celery) -> None:
    (message,) = said("portone.W016")
    assert message.hint
    assert "BEAT_SCHEDULE" in message.hint


def test_our_beat_schedule_is_what_the_check_wants(said: Said, celery_app: celery.Celery) -> None:
    from portone_django.tasks import BEAT_SCHEDULE

    celery_app.conf.beat_schedule = {"mine": {"task": "shop.tidy", "schedule": 60.0}, **BEAT_SCHEDULE}
    assert said("portone.W016") == []


def test_a_schedule_kept_in_the_database_is_not_judged_from_the_settings(said: Said, celery_app: celery.Celery) -> None:
    celery_app.conf.beat_scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    assert said("portone.W016") == []


def test_a_project_without_celery_is_not_judged_without_its_database(said: Said) -> None:
    assert said("portone.W016") == []


@pytest.mark.django_db
def test_without_celery_and_without_a_heartbeat_cron_is_proposed(said: Said) -> None:
    (message,) = said("portone.W016", databases=["default"])
    assert message.hint
    assert message.hint.startswith("Write, in crontab: * * * * * manage.py portone_reconcile")


@pytest.mark.django_db
def test_a_fresh_heartbeat_proves_that_something_runs_it(said: Said) -> None:
    Heartbeat.objects.create(name="reconcile", beat_at=tick())
    assert said("portone.W016", databases=["default"]) == []


@pytest.mark.django_db
def test_a_stopped_sweep_is_seen_by_its_old_heartbeat(said: Said, celery_app: celery.Celery) -> None:
    from portone_django.tasks import BEAT_SCHEDULE

    celery_app.conf.beat_schedule = BEAT_SCHEDULE
    Heartbeat.objects.create(name="reconcile", beat_at=tick() - dt.timedelta(minutes=11))

    (message,) = said("portone.W016", databases=["default"])

    assert "ended last" in message.msg
    assert message.hint
    assert message.hint.startswith("Start celery beat")


@pytest.mark.django_db
def test_a_missing_schedule_is_said_once(said: Said, celery_app: celery.Celery) -> None:
    assert len(said("portone.W016", databases=["default"])) == 1


@pytest.mark.django_db
def test_subscriptions_that_nothing_charges_are_warned_of(said: Said, members: Members) -> None:
    Heartbeat.objects.create(name="reconcile", beat_at=tick())
    members.subscribed()
    (message,) = said("portone.W016", databases=["default"])
    assert message.msg == "There are subscriptions, and their bills were charged never."
    members.engine()
    assert said("portone.W016", databases=["default"]) == []
    Heartbeat.objects.filter(name="charge_due").update(beat_at=tick() - dt.timedelta(minutes=11))
    (message,) = said("portone.W016", databases=["default"])
    assert message.hint
    assert "portone_charge_due --loop" in message.hint
