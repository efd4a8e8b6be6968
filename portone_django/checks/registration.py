"""Decides how our checks are registered: under one tag, and so that a check that breaks never stops a command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from ..conf import Config, get_config
from ..models import Payment

TAG = "portone"

Check = Callable[[], Iterable[CheckMessage]]
DatabaseCheck = Callable[[BaseDatabaseWrapper], Iterable[CheckMessage]]
Registered = Callable[..., list[CheckMessage]]


def check(check_id: str, *, deploy: bool = False) -> Callable[[Check], Registered]:
    """Register a check of the settings; `deploy` leaves it to `check --deploy`."""

    def decorate(function: Check) -> Registered:
        def guarded(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
            return _guarded(check_id, function)

        return register(_named_like(function, guarded), TAG, deploy=deploy)

    return decorate


def database_check(check_id: str) -> Callable[[DatabaseCheck], Registered]:
    """Register a check of each database that holds our tables; runs with `check --database …` and `migrate`."""

    def decorate(function: DatabaseCheck) -> Registered:
        def guarded(
            app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
        ) -> list[CheckMessage]:
            ours = [alias for alias in databases or () if router.allow_migrate_model(alias, Payment)]
            found = (_guarded(check_id, partial(function, connections[alias])) for alias in ours)
            return [message for messages in found for message in messages]

        return register(_named_like(function, guarded), TAG, Tags.database)

    return decorate


def readable_config() -> Config | None:
    """The configuration, or None while it has faults: E001 tells those, and one complaint is enough."""
    try:
        return get_config()
    except Exception:  # also a value of a type that nobody thought of
        return None


def _named_like(function: Callable[..., Any], guarded: Registered) -> Registered:
    # functools.wraps would show Django the signature of the function inside, which takes no **kwargs.
    guarded.__name__, guarded.__module__, guarded.__doc__ = function.__name__, function.__module__, function.__doc__
    return guarded


def _guarded(check_id: str, function: Check) -> list[CheckMessage]:
    try:
        return list(function())
    except Exception as error:
        # Only the type: a database's message may carry its address and user.
        return [
            Warning(
                f"This could not be checked: {type(error).__name__}.",
                hint="Run manage.py portone_doctor once the site itself starts.",
                id=check_id,
            )
        ]
