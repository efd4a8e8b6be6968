"""A key pair that PortOne refuses: the commands name it, and the engine logs it once, whatever it was busy with."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.utils import translation

from portone_django.clock import tick
from portone_django.flows.drain import drain
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import Client, override_client
from portone_django.models import Payment
from portone_django.sandbox.adapter import mount
from tests.factories import PaymentFactory
from tests.members import Members

pytestmark = pytest.mark.django_db

SAID = 'PortOne refuses PORTONE["IMP_KEY"] or PORTONE["IMP_SECRET"]; run: manage.py portone_doctor'


@pytest.fixture
def wrong_secret(members: Members) -> Iterator[list[Any]]:
    """Subscriptions that are due, and from now on the wrong IMP_SECRET."""
    subscriptions = members.due_at_once(5)
    session = requests.Session()
    mount(session, members.sandbox, "https://api.iamport.kr")
    wrong = Client(api_base="https://api.iamport.kr", imp_key="test-imp-key", imp_secret="canary", session=session)
    with override_client(wrong), translation.override("en"):
        yield subscriptions


def run(command: str, *arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout, stderr."""
    out, err = StringIO(), StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]


@pytest.mark.parametrize("arguments", [(), ("--quiet",), ("--look-first",)])
def test_a_drain_says_so_with_status_1_and_charges_nobody(
    wrong_secret: list[Any], caplog: pytest.LogCaptureFixture, arguments: tuple[str, ...]
) -> None:
    status, out, err = run("portone_charge_due", "--concurrency", "1", *arguments)
    assert status == 1
    assert out == "" if "--quiet" in arguments else "taken=5, paid=0, declined=0, undecided=5" in out
    assert set(err.splitlines()) == {SAID}
    assert set(errors(caplog)) == {SAID}
    assert not Payment.objects.filter(order__cycle__number=2).exclude(state__in=("created", "pending")).exists()


def test_a_drain_logs_it_once_and_not_for_every_charge(
    wrong_secret: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert drain(concurrency=1).is_refused
    assert errors(caplog) == [SAID]
    caplog.clear()
    assert not drain(concurrency=1).is_refused, "nothing was due, so nothing was refused"
    assert errors(caplog) == []


def test_a_drain_that_gives_up_over_it_says_that_and_not_that_portone_is_silent(
    wrong_secret: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(12):
        PaymentFactory(customer_uid="tcard", charge_due_at=tick(), next_check_at=None)
    assert drain(concurrency=1).gave_up
    assert errors(caplog) == [SAID]


@pytest.mark.parametrize("count", [1, 11])
def test_a_sweep_says_so_and_not_that_portone_does_not_answer(
    wrong_secret: list[Any], caplog: pytest.LogCaptureFixture, count: int
) -> None:
    for _ in range(count):
        PaymentFactory()
    status, out, err = run("portone_reconcile", "--all")
    assert (status, err) == (1, SAID + "\n")
    assert "gave_up" in out
    assert errors(caplog) == [SAID]


def test_a_comparison_says_so(wrong_secret: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    Payment.objects.update(next_check_at=None)
    status, out, err = run("portone_reconcile", "--compare")
    assert (status, err) == (1, SAID + "\n")
    assert "finished=no" in out
    assert errors(caplog) == [SAID]


def test_a_token_that_ran_out_is_no_wrong_key(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    shop.pay(shop.order())
    shop.sandbox.faults.add("expired_token", path="/payments/*")
    report = reconcile(everything=True)
    assert (report.changed, report.is_refused) == (1, False)
    assert errors(caplog) == []
