"""manage.py portone_charge_due: renewals without a broker."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from portone_django.models import Heartbeat
from tests.members import Members

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("portone_charge_due", "--concurrency", "1", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_charges_what_is_due_and_says_so(members: Members) -> None:
    subscription = members.subscribed()
    members.move_to(subscription)
    out, err = run()
    assert out == "taken=1, paid=1, declined=0, undecided=0, broken=0, gave_up=False\n"
    assert err == ""
    assert members.taken(subscription) == [9900, 9900]
    assert Heartbeat.objects.filter(name="charge_due").exists()


def test_it_is_quiet_when_asked(members: Members) -> None:
    assert run("--quiet") == ("", "")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_where_somebody_watches_a_bar_counts_the_charges(
    members: Members, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    subscriptions = [members.subscribed() for _ in range(3)]
    members.move_to(subscriptions[-1])
    call_command("portone_charge_due", "--concurrency", "1", "--limit", "2", stdout=Terminal())
    assert "charges" in (bar := capsys.readouterr().out)
    assert "100%" in bar
    call_command("portone_charge_due", "--concurrency", "1", "--quiet", stdout=Terminal())
    assert capsys.readouterr().out == ""


def test_a_portone_that_is_away_ends_it_with_status_1_and_takes_nobody_for_declined(members: Members) -> None:
    subscriptions = [members.subscribed() for _ in range(12)]
    members.move_to(subscriptions[0])
    members.sandbox.faults.add("http_503", path="/subscribe/*", times=1000)
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("portone_charge_due", "--concurrency", "1", stdout=out, stderr=err)
    assert ended.value.code == 1
    assert "gave_up=True" in out.getvalue()
    assert "declined=0" in out.getvalue()
    for subscription in subscriptions:
        subscription.refresh_from_db()
        assert subscription.state == "active"
    members.sandbox.faults.clear()
    members.settle()
    assert all(members.taken(subscription) == [9900, 9900] for subscription in subscriptions)


def test_the_limit_bounds_the_charges(members: Members) -> None:
    subscriptions = [members.subscribed() for _ in range(3)]
    members.move_to(subscriptions[-1])
    out, _ = run("--limit", "2")
    assert out.startswith("taken=2, paid=2")
