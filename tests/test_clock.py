"""Database time is one clock for every host; business time moves only where that is allowed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from portone_django import clock
from portone_django.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_database_time_is_utc_and_now() -> None:
    assert abs((clock.tick() - timezone.now()).total_seconds()) < 5
    Heartbeat.objects.create(name="a", beat_at=clock.Tick())
    assert abs((Heartbeat.objects.get().beat_at - clock.tick()).total_seconds()) < 5


def test_later_and_earlier_are_seconds_apart() -> None:
    Heartbeat.objects.create(name="a", beat_at=clock.later(-3600))
    assert 3595 < (clock.tick() - Heartbeat.objects.get().beat_at).total_seconds() < 3605
    assert Heartbeat.objects.filter(beat_at__lte=clock.later(-3000)).exists()
    assert not Heartbeat.objects.filter(beat_at__lte=clock.later(-4000)).exists()


@pytest.mark.parametrize("stamp", [clock.Tick(), clock.later(0), clock.later(120)])
def test_a_stamp_read_from_the_database_finds_its_row_again(stamp: Any) -> None:
    """Claims compare the stamp they read with the stamp that is there."""
    for n in range(20):
        beat = Heartbeat.objects.create(name=str(n), beat_at=stamp)
        beat.refresh_from_db()
        assert Heartbeat.objects.filter(pk=beat.pk, beat_at=beat.beat_at).update(beat_at=clock.Tick()) == 1


def test_business_time_stands_still_in_production() -> None:
    with pytest.raises(RuntimeError, match="MOVABLE_CLOCK"):
        clock.move(dt.timedelta(days=1))


def test_business_time_moves_for_everybody_where_it_may(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "MOVABLE_CLOCK": True}
    before = clock.now()
    clock.move(dt.timedelta(days=31))
    clock._forget_offset()  # what another process would read
    assert dt.timedelta(days=31) <= clock.now() - before < dt.timedelta(days=31, minutes=1)
    assert abs((clock.tick() - timezone.now()).total_seconds()) < 5, "database time never moves"
    clock._forget_offset()


@pytest.mark.parametrize("seconds", [0, None, -5, 10**13])
def test_a_time_that_did_not_happen_is_none_not_1970(seconds: int | None) -> None:
    assert clock.from_unix(seconds) is None


def test_portones_seconds_are_utc() -> None:
    assert clock.from_unix(1785985260) == dt.datetime(2026, 8, 6, 3, 1, tzinfo=dt.UTC)
