"""Calendar of periods, counted from the anchor, and the instants at which its days begin: no clock, no settings."""

from __future__ import annotations

import calendar
import datetime as dt
from enum import StrEnum
from zoneinfo import ZoneInfo


class Unit(StrEnum):
    """What a period is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


def period_start(anchor: dt.date, unit: str, every: int, number: int) -> dt.date:
    """The first day of period `number` (1 is the one that begins on the anchor).

    Months and years are counted from the anchor and cut to the month's last day: 31 January, 28 February, 31 March;
    29 February, 28 February in common years, 29 February again. Raises ValueError for a number below 1 and for a unit
    that is none.
    """
    if number < 1:
        raise ValueError(f"period number must be 1 or more, not {number}")
    steps, unit = (number - 1) * every, Unit(unit)
    if unit in (Unit.DAY, Unit.WEEK):
        return anchor + dt.timedelta(days=steps * (7 if unit == Unit.WEEK else 1))
    months = anchor.year * 12 + anchor.month - 1 + steps * (12 if unit == Unit.YEAR else 1)
    year, month = months // 12, months % 12 + 1
    return dt.date(year, month, min(anchor.day, calendar.monthrange(year, month)[1]))


def period(anchor: dt.date, unit: str, every: int, number: int) -> tuple[dt.date, dt.date]:
    """First day of period `number` and first day of the next one."""
    return period_start(anchor, unit, every, number), period_start(anchor, unit, every, number + 1)


def number_on(anchor: dt.date, unit: str, every: int, day: dt.date) -> int:
    """The number of the period that holds the day; 1 for a day before the anchor."""
    if unit in (Unit.DAY, Unit.WEEK):
        return max((day - anchor).days // (every * (7 if unit == Unit.WEEK else 1)), 0) + 1
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    number = max(months // (every * (12 if unit == Unit.YEAR else 1)), 0) + 1
    # Within the anchor's month, whose first days still belong to the period before.
    return number - 1 if number > 1 and period_start(anchor, unit, every, number) > day else number


def due_at(day: dt.date, hour: int, zone: ZoneInfo) -> dt.datetime:
    """The instant, in UTC, of that local hour of the day. Raises ValueError for an hour outside 0 to 23.

    Where clocks are changed, an hour that comes twice is its first coming, and one that never comes is the instant at
    which the clocks jump over it. So it is never before the day begins.
    """
    local = dt.datetime.combine(day, dt.time(hour), zone)
    first, second = local.replace(fold=0).astimezone(dt.UTC), local.replace(fold=1).astimezone(dt.UTC)
    # PEP 495: the fold of a time that does not exist counts on from the offset before (0) and back from the one after.
    return first if first <= second else _jump(second, first, zone)


def midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The instant, in UTC, at which the local day begins: a period ends at the midnight of its `period_end`."""
    return due_at(day, 0, zone)


def _jump(before: dt.datetime, after: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant, to the second, at which the offset becomes that of `after`."""
    offset = after.astimezone(zone).utcoffset()
    while (seconds := (after - before) // dt.timedelta(seconds=1)) > 1:
        middle = before + dt.timedelta(seconds=seconds // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
