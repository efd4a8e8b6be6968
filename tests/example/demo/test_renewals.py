"""The tour's renewals begin on a 31st that is still to come."""

from __future__ import annotations

import datetime as dt

import pytest

from example_project.demo.renewals import month_end, next_january_31


@pytest.mark.parametrize(
    ("today", "begun_on"),
    [
        (dt.date(2027, 1, 30), dt.date(2027, 1, 31)),
        (dt.date(2027, 1, 31), dt.date(2028, 1, 31)),
        (dt.date(2027, 12, 31), dt.date(2028, 1, 31)),
    ],
)
def test_it_is_never_today(today: dt.date, begun_on: dt.date) -> None:
    assert next_january_31(today) == begun_on


@pytest.mark.parametrize(
    ("year", "days"),
    [(2027, ["2027-02-28", "2027-03-31", "2027-04-30"]), (2028, ["2028-02-29", "2028-03-31", "2028-04-30"])],
)
def test_months_end_as_the_calendar_says(year: int, days: list[str]) -> None:
    begun_on = dt.date(year, 1, 31)
    assert [month_end(begun_on, months).isoformat() for months in (1, 2, 3)] == days
    assert month_end(begun_on, 11).isoformat() == f"{year}-12-31"
    assert month_end(begun_on, 12).isoformat() == f"{year + 1}-01-31"
