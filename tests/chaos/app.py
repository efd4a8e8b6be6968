"""The Celery app of a chaos run, as a project would write it, with a receiver that writes down what it is told."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chaos.settings")

import celery
import django
from celery.signals import task_prerun

django.setup()

from django.db import connection  # noqa: E402

from portone_django import signals, tasks  # noqa: E402
from portone_django.flows import dispatch, second_looks  # noqa: E402
from tests.chaos.brokers import VISIBILITY_SECONDS  # noqa: E402

app = celery.Celery("chaos", broker=os.environ.get("CHAOS_BROKER", "memory://"))
app.conf.update(
    task_default_queue=os.environ.get("CHAOS_QUEUE", "chaos"),
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    task_acks_late=bool(os.environ.get("CHAOS_ACKS_LATE")),
    broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    beat_schedule={
        name: {**entry, "schedule": entry["schedule"] / 30, "options": {"expires": 4}}
        for name, entry in tasks.BEAT_SCHEDULE.items()
        if isinstance(entry["schedule"], float)
    },
)

# What the engine does daily after the first hour, and the sweep after a minute, in the scale of the other times.
second_looks.LOOKS = (*second_looks.LOOKS[:4], *(float(second) for second in range(4, 600)))
dispatch._RETRY_AGES = tuple(age / 60 for age in dispatch._RETRY_AGES)  # type: ignore[assignment]

TABLES = (
    "CREATE TABLE chaos_effect (event_id varchar(40) NOT NULL, order_id bigint NOT NULL)",
    "CREATE TABLE chaos_naive (customer_uid varchar(80) NOT NULL PRIMARY KEY, state varchar(10) NOT NULL)",
)


def hand_out(*, event_id: Any, order: Any, **_: Any) -> None:
    """What a project does when a bill is paid."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO chaos_effect VALUES (%s, %s)", [str(event_id), order.pk])


signals.bill_paid.connect(hand_out, weak=False)


@task_prerun.connect(weak=False)
def note_message(*, task_id: str, **_: Any) -> None:
    """Which message is being worked on, to see which were delivered twice."""
    if path := os.environ.get("CHAOS_MESSAGES"):
        with open(path, "a", encoding="ascii") as file:
            file.write(f"{task_id}\n")
