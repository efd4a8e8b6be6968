"""W016 and W040 in a project whose CELERY_BEAT_SCHEDULE is as README says, with and without an app that reads it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import celery
import pytest

from portone_django.checks import beat
from portone_django.clock import tick
from portone_django.models import Heartbeat
from portone_django.tasks import BEAT_SCHEDULE
from tests.members import Members

from .conftest import Said

README = (Path(__file__).resolve().parent.parent.parent / "README.md").read_text()
APP_LINES = (
    "Write, in tests/celery.py:",
    '    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")',
    '    app = Celery("tests")',
    '    app.config_from_object("django.conf:settings", namespace="CELERY")',
    "    app.autodiscover_tasks()",
    "and in tests/__init__.py:",
    "    from .celery import app as celery_app",
)


@pytest.fixture
def scheduled(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of README."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    settings.CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE


def lines(hint: str | None) -> set[str]:
    return set((hint or "").splitlines())


@pytest.mark.django_db
def test_without_an_app_the_check_says_that_nobody_reads_the_settings(
    said: Said, scheduled: None, no_celery_app: None
) -> None:
    (message,) = said("portone.W016", databases=["default"])
    assert message.msg == (
        "The sweep has never run: it is in settings.CELERY_BEAT_SCHEDULE, and no Celery app reads that."
    )
    assert lines(message.hint) >= set(APP_LINES)


@pytest.mark.django_db
def test_a_sweep_and_a_purge_that_stopped_are_told_the_same_lines(
    said: Said, scheduled: None, no_celery_app: None
) -> None:
    for name, days in (("reconcile", 1), ("purge", 41)):
        Heartbeat.objects.create(name=name, beat_at=tick() - dt.timedelta(days=days))
    for check_id in ("portone.W016", "portone.W040"):
        (message,) = said(check_id, databases=["default"])
        assert lines(message.hint) >= set(APP_LINES)


@pytest.mark.django_db
def test_so_are_subscriptions_that_nothing_charges(
    said: Said, members: Members, scheduled: None, no_celery_app: None
) -> None:
    Heartbeat.objects.create(name="reconcile", beat_at=tick())
    members.subscribed()
    (message,) = said("portone.W016", databases=["default"])
    assert lines(message.hint) >= set(APP_LINES)


@pytest.mark.django_db
def test_what_runs_elsewhere_is_believed(said: Said, scheduled: None, no_celery_app: None) -> None:
    """The worker's app may be in a module that this process never imports."""
    Heartbeat.objects.create(name="reconcile", beat_at=tick())
    assert said("portone.W016", databases=["default"]) == []


def test_an_app_that_does_not_read_the_settings_is_told_apart_from_a_missing_entry(
    said: Said, scheduled: None, celery_app: celery.Celery
) -> None:
    for check_id, job in (("portone.W016", "sweep"), ("portone.W040", "purge")):
        (message,) = said(check_id)
        assert message.msg == (
            f"No Celery beat entry runs the {job}: it is in settings.CELERY_BEAT_SCHEDULE, and no Celery app reads "
            "that."
        )
        assert lines(message.hint) >= set(APP_LINES)


@pytest.mark.django_db
def test_the_lines_that_are_shown_are_right(said: Said, scheduled: None, no_celery_app: None) -> None:
    app = celery.Celery("tests")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.set_current()
    assert said("portone.W016", databases=["default"]) == []
    assert said("portone.W040", databases=["default"]) == []


def test_a_missing_entry_is_shown_as_readme_writes_it(said: Said, celery_app: celery.Celery) -> None:
    for check_id in ("portone.W016", "portone.W040"):
        (message,) = said(check_id)
        entry = str(message.hint).removeprefix("Write, in CELERY_BEAT_SCHEDULE: ").partition(" and run ")[0]
        assert f"    {entry}\n" in README


@pytest.mark.parametrize("schedule", [None, [], {"sweep": None}, {"sweep": "portone_django.reconcile"}])
def test_a_schedule_of_any_shape_breaks_no_check(
    said: Said, settings: Any, celery_app: celery.Celery, schedule: Any
) -> None:
    settings.CELERY_BEAT_SCHEDULE = schedule
    (message,) = said("portone.W016")
    assert message.msg == "No Celery beat entry runs the sweep."


@pytest.mark.parametrize(
    ("module", "package"), [("shop.settings", "shop"), ("config.settings.live", "config"), ("settings", "shop")]
)
def test_the_lines_name_the_projects_own_package(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", module)
    assert {f"Write, in {package}/celery.py:", f'    app = Celery("{package}")'} <= lines(beat.app_lines())
    assert f'"DJANGO_SETTINGS_MODULE", "{module}"' in beat.app_lines()
