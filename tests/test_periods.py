"""The calendar: periods are counted from the anchor, and their days begin where the clocks of the time zone say."""

from __future__ import annotations

import calendar
import datetime as dt
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portone_django import clock
from portone_django.periods import Unit, due_at, midnight, number_on, period, period_start

# With summer time, without it, with it once (Seoul, until 1988), with clocks changed at midnight (Santiago), by half an
# hour (Lord Howe).
ZONES = [
    ZoneInfo(name)
    for name in ("Asia/Seoul", "UTC", "America/New_York", "America/Santiago", "Australia/Lord_Howe")
]  # fmt: skip
DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)

anchors = st.dates(dt.date(1980, 1, 1), dt.date(2060, 12, 31))
units = st.sampled_from(list(Unit))
everies = st.integers(1, 12)
days = anchors
zones = st.sampled_from(ZONES)
hours = st.integers(0, 23)


def last_day(day: dt.date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


@pytest.mark.parametrize("day", range(1, 32))
def test_480_months_fall_on_the_anchors_day_or_the_months_last(day: int) -> None:
    anchor = dt.date(2024, 1, day)
    for number in range(1, 481):
        start = period_start(anchor, "month", 1, number)
        assert (start.year * 12 + start.month) - (2024 * 12 + 1) == number - 1
        assert start.day == min(day, last_day(start))


def test_a_period_from_the_31st_is_cut_in_february_and_whole_again_in_march() -> None:
    starts = [period_start(dt.date(2027, 1, 31), "month", 1, number) for number in (1, 2, 3, 4)]
    assert starts == [dt.date(2027, 1, 31), dt.date(2027, 2, 28), dt.date(2027, 3, 31), dt.date(2027, 4, 30)]


def test_a_year_from_29_february_is_the_28th_in_common_years_and_the_29th_again_in_leap_years() -> None:
    for number in range(1, 42):
        start = period_start(dt.date(2024, 2, 29), "year", 1, number)
        assert start == dt.date(2023 + number, 2, 29 if calendar.isleap(2023 + number) else 28)


@pytest.mark.parametrize(
    ("unit", "every", "number", "start"),
    [
        ("day", 1, 32, dt.date(2026, 2, 1)),
        ("day", 30, 3, dt.date(2026, 3, 2)),
        ("week", 1, 5, dt.date(2026, 1, 29)),
        ("week", 2, 27, dt.date(2026, 12, 31)),
        ("month", 3, 5, dt.date(2027, 1, 1)),
        ("year", 2, 3, dt.date(2030, 1, 1)),
    ],
)
def test_days_weeks_months_and_years_are_counted_from_the_anchor(
    unit: str, every: int, number: int, start: dt.date
) -> None:
    assert period_start(dt.date(2026, 1, 1), unit, every, number) == start


@given(anchor=anchors, unit=units, every=everies, number=st.integers(1, 480))
def test_periods_follow_each_other_without_gap_or_overlap(anchor: dt.date, unit: str, every: int, number: int) -> None:
    start, end = period(anchor, unit, every, number)
    assert start < end
    assert period(anchor, unit, every, number + 1)[0] == end


@given(anchor=anchors, unit=units, every=everies, number=st.integers(1, 480))
def test_the_number_of_a_periods_first_and_last_day_is_its_own(
    anchor: dt.date, unit: str, every: int, number: int
) -> None:
    start, end = period(anchor, unit, every, number)
    assert number_on(anchor, unit, every, start) == number
    assert number_on(anchor, unit, every, end - DAY) == number


@given(anchor=anchors, unit=units, every=everies, day=days)
def test_the_period_of_a_days_number_holds_the_day(anchor: dt.date, unit: str, every: int, day: dt.date) -> None:
    number = number_on(anchor, unit, every, day)
    start, end = period(anchor, unit, every, number)
    assert (start <= day < end) if day >= anchor else number == 1


def test_there_is_no_period_before_the_first() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        period_start(dt.date(2026, 1, 1), "month", 1, 0)


# Hours -------------------------------------------------------------------------------------------------------------


@settings(max_examples=1000, deadline=None)
@given(day=days, hour=hours, zone=zones)
@example(day=dt.date(2026, 3, 8), hour=2, zone=ZoneInfo("America/New_York"))
@example(day=dt.date(2026, 11, 1), hour=1, zone=ZoneInfo("America/New_York"))
@example(day=dt.date(1987, 5, 10), hour=2, zone=ZoneInfo("Asia/Seoul"))
@example(day=dt.date(2026, 9, 6), hour=0, zone=ZoneInfo("America/Santiago"))
@example(day=dt.date(2026, 10, 4), hour=2, zone=ZoneInfo("Australia/Lord_Howe"))
def test_an_hour_is_its_first_instant_that_the_clocks_show_or_jump_over(
    day: dt.date, hour: int, zone: ZoneInfo
) -> None:
    due = due_at(day, hour, zone)
    assert due.tzinfo is dt.UTC
    shown, wanted = due.astimezone(zone).replace(tzinfo=None), dt.datetime.combine(day, dt.time(hour))
    assert shown >= wanted
    assert shown.date() == day
    before = (due - SECOND).astimezone(zone).replace(tzinfo=None)
    assert before < wanted, "the clocks had come to it a second earlier already"


@settings(max_examples=500, deadline=None)
@given(day=days, hour=hours, zone=zones)
def test_no_hour_is_before_its_day_begins_nor_after_the_next_one_does(day: dt.date, hour: int, zone: ZoneInfo) -> None:
    assert midnight(day, zone) <= due_at(day, hour, zone) < midnight(day + DAY, zone)


@pytest.mark.parametrize(
    ("name", "day", "hour", "due"),
    [
        ("Asia/Seoul", "2026-01-31", 10, "2026-01-31T01:00"),
        ("Asia/Seoul", "2026-01-31", 0, "2026-01-30T15:00"),
        ("Asia/Seoul", "1987-05-10", 2, "1987-05-09T17:00"),  # jumped over: 02:00 became 03:00
        ("Asia/Seoul", "1987-10-11", 2, "1987-10-10T16:00"),  # twice: 03:00 became 02:00
        ("America/New_York", "2026-03-08", 2, "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01", 1, "2026-11-01T05:00"),
        ("America/Santiago", "2026-09-06", 0, "2026-09-06T04:00"),  # a day that begins at 01:00
        ("America/St_Johns", "2006-04-02", 1, "2006-04-02T03:31"),  # 00:01 became 01:01
        ("Pacific/Apia", "2011-12-30", 10, "2011-12-30T10:00"),  # a day that never was: the next one's beginning
    ],
)
def test_hours_that_come_twice_or_never_are_fixed(name: str, day: str, hour: int, due: str) -> None:
    expected = dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)
    assert due_at(dt.date.fromisoformat(day), hour, ZoneInfo(name)) == expected


@pytest.fixture(params=[("UTC", 0), ("Asia/Seoul", 9), ("America/New_York", 19)], ids=lambda param: param[0])
def host_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server's own time zone."""
    name, hour_of_1970 = request.param
    monkeypatch.setenv("TZ", name)
    time.tzset()
    assert time.localtime(0).tm_hour == hour_of_1970
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("host_zone")
def test_the_servers_own_time_zone_changes_no_hour() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    for number in range(1, 367):
        day = period_start(dt.date(2026, 1, 1), "day", 1, number)
        for hour in (0, 8, 9, 23):
            assert due_at(day, hour, seoul) == dt.datetime.combine(day, dt.time(hour), dt.UTC) - dt.timedelta(hours=9)


@pytest.mark.usefixtures("host_zone")
@pytest.mark.parametrize(("hour", "today"), [(14, dt.date(2026, 1, 31)), (15, dt.date(2026, 2, 1))])
def test_the_servers_own_time_zone_changes_no_business_date(
    monkeypatch: pytest.MonkeyPatch, hour: int, today: dt.date
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: dt.datetime(2026, 1, 31, hour, 59, 59, tzinfo=dt.UTC))
    assert clock.today() == today


@pytest.mark.parametrize("unit", ["YEAR", "years", ""])
def test_a_unit_that_is_none_is_not_taken_for_a_month(unit: str) -> None:
    with pytest.raises(ValueError, match=f"'{unit}' is not a valid Unit"):
        period_start(dt.date(2026, 1, 31), unit, 1, 2)
