"""What the checks say under given settings, and a project with Celery."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import celery
import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connections

Said = Callable[..., list[CheckMessage]]


@pytest.fixture
def said() -> Said:
    """The messages of one id: said("portone.E001", deploy=True, databases=["default"])."""

    def ask(check_id: str, *, deploy: bool = False, databases: list[str] | None = None) -> list[CheckMessage]:
        found = run_checks(tags=["portone"], include_deployment_checks=deploy, databases=databases)
        return [each for each in found if each.id == check_id]

    return ask


@pytest.fixture
def portone(settings: Any) -> Callable[..., None]:
    """Change keys of PORTONE: portone(API_BASE="…"); None removes one."""

    def change(**keys: Any) -> None:
        changed = {**copy.deepcopy(settings.PORTONE), **keys}
        settings.PORTONE = {key: value for key, value in changed.items() if value is not None}

    return change


@pytest.fixture
def celery_app() -> Iterator[celery.Celery]:
    """The project's Celery app, with a broker."""
    before = celery.current_app._get_current_object()
    app = celery.Celery("project", broker="memory://")
    app.set_current()
    yield app
    before.set_current()


@pytest.fixture
def no_celery_app() -> Iterator[None]:
    """A project that has Celery's settings and no app that reads them."""
    before = celery.current_app._get_current_object()
    celery.Celery("nobody").set_current()
    yield
    before.set_current()


@pytest.fixture
def another_database(tmp_path: Any, django_db_blocker: Any) -> Iterator[Callable[..., str]]:
    """Add an SQLite file as a database for the test: another_database(timeout=20) → its alias."""
    aliases = []

    def add(**options: Any) -> str:
        alias = f"another{len(aliases)}"
        base = connections.settings["default"]
        connections.settings[alias] = {
            **base,
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(tmp_path / f"{alias}.sqlite3"),
            "OPTIONS": options,
        }
        aliases.append(alias)
        return alias

    with django_db_blocker.unblock():
        yield add
    for alias in aliases:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]
