"""The demo's clock: shop and sandbox move together, forward, and only in the demo."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from portone_django import tasks
from portone_django.sandbox.ledger import use_sandbox
from portone_django.sandbox.server import SandboxServer
from tests.browser.servers import serving

from .conftest import Member


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many seconds later workers were told to look, once for each time."""
    seen: list[int] = []
    monkeypatch.setattr(tasks.charge_due, "apply_async", lambda countdown: seen.append(countdown))
    return seen


@pytest.fixture
def demo(member: Member, moving: Any, told: list[int], settings: Any) -> Iterator[Member]:
    settings.DEBUG = True
    with serving(SandboxServer(member.sandbox)) as server:
        settings.SANDBOX_URL = server.url
        yield member
    use_sandbox(None)


def move(member: Member, to: Any) -> str:
    text = to if isinstance(to, str) else to.isoformat()
    return member.post("/clock/", {"to": text}, follow=True).content.decode()


def test_shop_and_sandbox_move_together_and_a_worker_is_told_when_all_processes_see_it(
    demo: Member, moving: Any, told: list[int]
) -> None:
    day = moving.now() + dt.timedelta(days=40)
    move(demo, day)
    assert abs((moving.now() - day).total_seconds()) < 5
    assert abs(demo.sandbox.now() - day.timestamp()) < 5
    assert told == [2]


def test_the_page_offers_the_next_bill(demo: Member, moving: Any) -> None:
    demo.register()
    demo.join()
    due = demo.subscription.next_bill_at + dt.timedelta(seconds=1)
    assert due.astimezone(moving.get_config().zone).isoformat(timespec="seconds") in demo.read("/membership/")


@pytest.mark.parametrize("to", ["", "yesterday", "2026-13-45T00:00:00+09:00", "2001-01-01T00:00:00+09:00",
                                "2099-01-01T00:00:00+09:00", "2027-01-31T10:00:00"])  # fmt: skip
def test_it_goes_nowhere_but_forward_for_a_few_years(demo: Member, moving: Any, told: list[int], to: str) -> None:
    before = moving.now()
    assert "시계는 앞으로만" in move(demo, to)
    assert (moving.now() - before).total_seconds() < 5
    assert told == []


def test_without_the_sandbox_it_stays(demo: Member, moving: Any, told: list[int], settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    before = moving.now()
    assert "샌드박스가 응답하지 않아" in move(demo, before + dt.timedelta(days=1))
    assert (moving.now() - before).total_seconds() < 5
    assert told == []


@pytest.mark.parametrize("missing", ["DEBUG", "SANDBOX_URL", "MOVABLE_CLOCK"])
def test_outside_the_demo_there_is_no_such_page(demo: Member, told: list[int], settings: Any, missing: str) -> None:
    if missing == "MOVABLE_CLOCK":
        settings.PORTONE = {**settings.PORTONE, "MOVABLE_CLOCK": False}
    else:
        setattr(settings, missing, "" if missing == "SANDBOX_URL" else False)
    assert demo.post("/clock/", {"to": "2027-01-31T10:00:00+09:00"}).status_code == 404
    assert "/clock/" not in demo.read("/membership/")
    assert told == []
