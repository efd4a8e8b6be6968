"""E018: every limit leaves room for the one below it."""

from __future__ import annotations

import celery

from portone_django.checks.timing import timing_faults

from .conftest import Said


def test_the_limits_of_the_package_are_in_order(said: Said) -> None:
    assert said("portone.E018") == []


def test_a_limit_that_does_not_exceed_the_one_below_is_named() -> None:
    (message,) = timing_faults([("the call", 45), ("the lease", 45), ("the quiet period", 600)])
    assert message.id == "portone.E018"
    assert "the call (45 s) must be shorter than the lease (45 s)" in message.msg


def test_a_soft_limit_of_the_project_that_interrupts_a_call_is_an_error(said: Said, celery_app: celery.Celery) -> None:
    celery_app.conf.task_soft_time_limit = 60
    assert said("portone.E018") == []

    celery_app.conf.task_soft_time_limit = 30

    (message,) = said("portone.E018")
    assert message.hint == "Write: task_soft_time_limit = 90"
