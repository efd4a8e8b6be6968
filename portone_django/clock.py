"""The two clocks: business time, which development may move, and database time, which nobody moves.

`now()` decides due dates, deadlines and expiry. `tick()` and `Tick()` decide leases, quiet periods and the
ladder of look-ups: they come from the database, so that hosts with skewed clocks agree.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

from django.db import connections
from django.db.models import DateTimeField, F, Func, Value
from django.db.models.expressions import Combinable, ExpressionWrapper
from django.utils import timezone

from .conf import get_config

__all__ = ["Tick", "from_unix", "later", "move", "now", "tick", "today", "wall"]

_OFFSET_LIFE_SECONDS = 1.0
_lock = threading.Lock()
_offset: tuple[float, dt.timedelta] | None = None


def now() -> dt.datetime:
    """Business time, aware, UTC. Equal to the real time unless PORTONE["MOVABLE_CLOCK"] is on."""
    real = timezone.now()
    return real + _current_offset() if get_config().movable_clock else real


def today() -> dt.date:
    """The business date, in PORTONE["TIME_ZONE"]."""
    return now().astimezone(get_config().zone).date()


def wall() -> dt.datetime:
    """This host's real time, aware, UTC: for ages and stamps where a little skew decides nothing."""
    return timezone.now()


def move(by: dt.timedelta) -> dt.timedelta:
    """Move business time for every process of this database; returns the new offset. Development only.

    Raises RuntimeError unless PORTONE["MOVABLE_CLOCK"] is on.
    """
    from .models import Clock

    if not get_config().movable_clock:
        raise RuntimeError('Business time stands still. Write: PORTONE = {…, "MOVABLE_CLOCK": True} (development only)')
    Clock.objects.get_or_create(pk=1)
    Clock.objects.filter(pk=1).update(offset_seconds=F("offset_seconds") + int(by.total_seconds()))
    _forget_offset()
    return _current_offset()


class Tick(Func):
    """Database time in SQL, in UTC whatever the session's time zone."""

    template = "CURRENT_TIMESTAMP"
    output_field: DateTimeField[Any, Any] = DateTimeField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="STATEMENT_TIMESTAMP()", **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Django stores UTC but leaves the session in the server's zone, where CURRENT_TIMESTAMP would be local.
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Through Django's own function, so that the text equals what Django writes for the same datetime.
        template = "django_format_dtdelta('+', STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW'), 0)"
        return self.as_sql(compiler, connection, template=template, **context)


def later(seconds: float) -> Combinable:
    """Database time plus that many seconds (negative: earlier), for use in UPDATE and WHERE."""
    return ExpressionWrapper(Tick() + Value(dt.timedelta(seconds=seconds)), output_field=DateTimeField())


def tick(using: str = "default") -> dt.datetime:
    """Database time now, aware, UTC; one query."""
    connection = connections[using]
    sql = {"postgresql": "SELECT statement_timestamp()", "mysql": "SELECT UTC_TIMESTAMP(6)"}.get(
        connection.vendor, "SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        value: dt.datetime | str = cursor.fetchone()[0]
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def from_unix(seconds: int | None) -> dt.datetime | None:
    """PortOne's seconds since 1970 as an aware UTC time; 0 and None mean "did not happen"."""
    if not seconds or not 0 < seconds < 253_402_300_800:
        return None
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)


def _current_offset() -> dt.timedelta:
    from .models import Clock

    global _offset
    known = _offset
    if known and time.monotonic() - known[0] < _OFFSET_LIFE_SECONDS:
        return known[1]
    seconds = Clock.objects.filter(pk=1).values_list("offset_seconds", flat=True).first() or 0
    with _lock:
        _offset = (time.monotonic(), dt.timedelta(seconds=seconds))
        return _offset[1]


def _forget_offset() -> None:
    global _offset
    with _lock:
        _offset = None
