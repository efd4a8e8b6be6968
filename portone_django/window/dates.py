"""Days and moments of the window: the service period of the goods and the deposit deadline, all in Korean time."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from .errors import InvalidOption

__all__ = ["Period", "deposit_deadline", "read_period", "read_vbank_due", "vbank_due_text"]

KST = dt.timezone(dt.timedelta(hours=9), "KST")
Period = tuple[dt.date, dt.date]
LONGEST_DEPOSIT_DAYS = 60  # as far as PORTONE["VBANK_DAYS"] goes
_DAY = "%Y%m%d"
_MOMENT = "%Y%m%d%H%M%S"
_PERIOD = re.compile(r"(\d{8}|\d{4}-\d{2}-\d{2})\s*[-~]\s*(\d{8}|\d{4}-\d{2}-\d{2})", re.ASCII)
# KG Inicis guide: YYYY-MM-DD, YYYYMMDD, YYYY-MM-DD HH:mm:ss, YYYYMMDDHHmmss.
_DUE_DAY = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})", re.ASCII)
_DUE_MOMENT = re.compile(r"\d{14}|\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)


def read_period(option: str, value: Any) -> Period:
    """First and last day of what is sold: "20260801-20260831", two dates, or {"from": …, "to": …}."""
    write = 'period="20260801-20260831"'
    first, last = (_day(option, each, write) for each in _ends(option, value, write))
    if last < first:
        raise InvalidOption(option, f"ends on {last} before it begins on {first}", write=write)
    return first, last


def read_vbank_due(option: str, value: Any) -> int | str:
    """Days from now as int, or "YYYYMMDD", or "YYYYMMDDHHmmss" in Korean time.

    From an int, a date, an aware datetime, or PortOne's four string formats (read as Korean time).
    """
    write = 'vbank_due=3 (days), or vbank_due="2026-08-31 18:00:00"'
    if isinstance(value, dt.datetime):
        return _aware(option, value).strftime(_MOMENT)
    if isinstance(value, dt.date):
        return value.strftime(_DAY)
    if isinstance(value, str) and _DUE_DAY.fullmatch(value.strip()):
        return _parsed(option, value, _DAY, write).strftime(_DAY)
    if isinstance(value, str) and _DUE_MOMENT.fullmatch(value.strip()):
        return _parsed(option, value, _MOMENT, write).strftime(_MOMENT)
    return _days(option, value, write)


def vbank_due_text(due: int | str, now: dt.datetime) -> str:
    """What PortOne receives; days end with the last second of the day that many days after `now` (aware)."""
    if isinstance(due, str):
        return due
    return deposit_deadline(due, now).strftime(_MOMENT)


def deposit_deadline(due: int | str, now: dt.datetime) -> dt.datetime:
    """The deadline as an aware datetime in Korean time; a day alone means its last second (assumed, undocumented)."""
    if isinstance(due, str) and len(due) == len("YYYYMMDDHHmmss"):
        return dt.datetime.strptime(due, _MOMENT).replace(tzinfo=KST)
    if isinstance(due, str):
        day = dt.datetime.strptime(due, _DAY).replace(tzinfo=KST).date()
    else:
        day = now.astimezone(KST).date() + dt.timedelta(days=due)
    return dt.datetime.combine(day, dt.time(23, 59, 59), tzinfo=KST)


def _ends(option: str, value: Any, write: str) -> tuple[Any, Any]:
    if isinstance(value, str):
        found = _PERIOD.fullmatch(value.strip())
        if found:
            return found[1], found[2]
    if isinstance(value, dict) and set(value) == {"from", "to"}:
        return value["from"], value["to"]
    if isinstance(value, list | tuple) and len(value) == 2:
        return value[0], value[1]
    raise InvalidOption(
        option, f"must be two days joined with a dash, two dates, or from and to, not {value!r}", write=write
    )


def _day(option: str, value: Any, write: str) -> dt.date:
    if isinstance(value, dt.datetime):
        return _aware(option, value).date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str) and _DUE_DAY.fullmatch(value.strip()):
        return _parsed(option, value, _DAY, write).date()
    raise InvalidOption(option, f"{value!r} is not a day such as 20260801", write=write)


def _parsed(option: str, value: str, form: str, write: str) -> dt.datetime:
    digits = re.sub("[^0-9]", "", value)
    try:
        return dt.datetime.strptime(digits, form).replace(tzinfo=KST)
    except ValueError:
        raise InvalidOption(option, f"there is no {value!r} in the calendar", write=write) from None


def _aware(option: str, value: dt.datetime) -> dt.datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidOption(
            option, "a naive datetime could be any time zone's", write=f"{option}=timezone.make_aware(…), or a date"
        )
    return value.astimezone(KST)


def _days(option: str, value: Any, write: str) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,3}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidOption(
            option, f"must be days, a date, an aware datetime or a date's text, not {value!r}", write=write
        )
    if not 1 <= value <= LONGEST_DEPOSIT_DAYS:
        raise InvalidOption(option, f"must be 1 to {LONGEST_DEPOSIT_DAYS} days, not {value}", write=write)
    return int(value)
