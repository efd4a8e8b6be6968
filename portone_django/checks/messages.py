"""Whether the project's workers read messages that run code, as pickled ones do, and whether they get each one once."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error, Warning

from ..conf import TASK_LIMIT_SECONDS
from .beat import celery_app
from .registration import check

# Celery's names and the content types behind them; YAML as kombu reads it makes objects, too.
_UNSAFE = {"pickle": "pickle", "application/x-python-serialize": "pickle", "yaml": "yaml", "application/x-yaml": "yaml"}


@check("portone.E014")
def check_messages_are_data() -> Iterator[CheckMessage]:
    """Messages of a project with Celery are JSON, and nothing that runs is accepted."""
    app = celery_app()
    if app is None:
        return
    accepted = {_UNSAFE[each] for each in app.conf.accept_content or () if each in _UNSAFE}
    if accepted:
        yield Error(
            f"Celery's workers accept {' and '.join(sorted(accepted))}: who can write to the broker can run code here.",
            hint='Write: app.conf.accept_content = ["json"] (in Django\'s settings: CELERY_ACCEPT_CONTENT = ["json"])',
            id="portone.E014",
        )
    if app.conf.task_serializer != "json":
        yield Error(
            f"Celery's messages are written as {app.conf.task_serializer}, not as JSON.",
            hint='Write: app.conf.task_serializer = "json"',
            id="portone.E014",
        )


@check("portone.W015")
def check_messages_come_once() -> Iterator[CheckMessage]:
    """Redis gives a message to a second worker when it was not acknowledged in time. No charge is doubled by that, and
    every one is claimed for nothing."""
    app = celery_app()
    if app is None or not str(app.conf.broker_url).startswith(("redis://", "rediss://")):
        return
    seconds = (app.conf.broker_transport_options or {}).get("visibility_timeout")
    if isinstance(seconds, int | float) and seconds < 2 * TASK_LIMIT_SECONDS:
        yield Warning(
            f"Celery's broker_transport_options let Redis deliver a message again after {seconds} s, while a task may "
            f"take {TASK_LIMIT_SECONDS} s.",
            hint=f'Leave out "visibility_timeout" (an hour), or write at least {2 * TASK_LIMIT_SECONDS}.',
            id="portone.W015",
        )
