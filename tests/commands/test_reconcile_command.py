"""portone_reconcile: what it prints, how it ends, and that a signal never cuts a payment in two."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from portone_django import signals
from portone_django.models import Heartbeat, Order, Payment, ReconciliationBreak
from tests.factories import PaymentFactory

ROOT = Path(__file__).resolve().parent.parent.parent


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, out: StringIO | None = None) -> tuple[int, str, str]:
    """Exit status, stdout, stderr."""
    out, err = out or StringIO(), StringIO()
    try:
        with translation.override("en"):
            call_command("portone_reconcile", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def pay_and_vanish(shop: Any, count: int = 1) -> list[Order]:
    """Orders whose money PortOne has and nobody told us of."""
    made = [shop.order() for _ in range(count)]
    for order in made:
        shop.pay(order)
    return made


@pytest.mark.django_db
def test_all_settles_what_is_not_due_yet(shop: Any) -> None:
    (order,) = pay_and_vanish(shop)

    status, out, err = run("--all")

    order.refresh_from_db()
    assert order.state == "paid"
    assert (status, err) == (0, "")
    assert out == (
        "webhooks=0, checked=1, changed=1, unreachable=0, reread=0, refunds=0, receipts=0, cards=0, "
        "orders_expired=0, events=0, notices=0, gave_up=False\n"
        "compared=0, differences=0, finished=yes\n"
    )


@pytest.mark.django_db
def test_without_all_only_what_is_due_is_asked_about(shop: Any) -> None:
    pay_and_vanish(shop)
    assert "checked=0" in run()[1]


@pytest.mark.django_db
def test_the_limit_is_kept(shop: Any) -> None:
    pay_and_vanish(shop, count=3)
    assert "checked=2" in run("--all", "--limit", "2")[1]


@pytest.mark.django_db
def test_quiet_prints_nothing_when_all_is_well(shop: Any) -> None:
    pay_and_vanish(shop)
    assert run("--all", "--quiet") == (0, "", "")


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 11])
def test_a_gateway_that_does_not_answer_is_status_1_also_when_quiet(sandbox: Any, count: int) -> None:
    for _ in range(count):
        PaymentFactory()
    sandbox.faults.add("refuse", path="*", times=99)

    status, out, err = run("--all", "--quiet")

    assert (status, out) == (1, "")
    assert err == "PortOne does not answer; the next sweep asks again.\n"
    assert Payment.objects.filter(state="pending").count() == count


@pytest.mark.django_db
def test_a_giving_up_sweep_leaves_no_heartbeat(sandbox: Any) -> None:
    for _ in range(11):
        PaymentFactory()
    sandbox.faults.add("refuse", path="*", times=99)
    assert "gave_up=True" in run("--all")[1]
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db
def test_one_answer_among_silence_is_not_a_dead_gateway(sandbox: Any) -> None:
    for _ in range(2):
        PaymentFactory()
    first = Payment.objects.order_by("next_check_at").first()
    assert first
    sandbox.faults.add("http_502", path=f"*{first.merchant_uid}*", times=99)
    assert run("--all")[0] == 0


@pytest.mark.django_db
def test_wrong_settings_are_told_in_words(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "USER_CODE": ""}
    with pytest.raises(CommandError, match='PORTONE\\["USER_CODE"\\] is empty'):
        call_command("portone_reconcile")


@pytest.mark.parametrize("arguments", [("--limit", "0"), ("--loop", "-1"), ("--limit", "many")])
def test_nonsense_on_the_command_line_is_refused(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("portone_reconcile", *arguments)


@pytest.mark.django_db
def test_somebody_who_watches_sees_a_bar(shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pay_and_vanish(shop, count=2)
    status, out, _ = run("--all", out=Terminal())
    assert (status, "checked=2" in out) == (0, True)
    assert "PortOne" in capsys.readouterr().out


@pytest.fixture
def terminated_at_the_first_payment() -> Iterator[None]:
    """SIGTERM arrives while the first payment is being settled."""

    def terminate(**kwargs: Any) -> None:
        # Without a handler of the command's the whole suite would end here.
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        if Order.objects.filter(state="paid").count() == 1:
            signal.raise_signal(signal.SIGTERM)

    signals.order_paid.connect(terminate, weak=False)
    yield
    signals.order_paid.disconnect(terminate)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("arguments", [("--all",), ("--all", "--loop", "3600")])
def test_sigterm_ends_the_run_after_the_payment_under_way(
    shop: Any, terminated_at_the_first_payment: None, arguments: tuple[str, ...]
) -> None:
    pay_and_vanish(shop, count=3)

    status, out, _ = run(*arguments)

    assert (status, "checked=1, changed=1" in out) == (0, True)
    assert Order.objects.filter(state="paid").count() == 1
    assert Payment.objects.filter(state="pending").count() == 2
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "the process has its own handler back"


@pytest.mark.django_db(transaction=True)
def test_a_second_signal_is_the_systems_again(shop: Any) -> None:
    before = signal.getsignal(signal.SIGINT)  # a run in the background ignores it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seen: list[object] = []

    def twice(**kwargs: Any) -> None:
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        signal.raise_signal(signal.SIGINT)
        seen.append(signal.getsignal(signal.SIGINT))

    signals.order_paid.connect(twice, weak=False)
    try:
        pay_and_vanish(shop)
        run("--all")
    finally:
        signals.order_paid.disconnect(twice)
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.default_int_handler]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_in_a_process_of_its_own_sweeps_again_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'loop.sqlite3'}", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    django = [sys.executable, "-m", "django"]
    subprocess.run([*django, "migrate", "-v0"], cwd=ROOT, env=environment, check=True, stderr=subprocess.DEVNULL)

    with subprocess.Popen(
        [*django, "portone_reconcile", "--loop", "1"], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(number)
        _, err = process.communicate(timeout=60)

    assert all(line.startswith("webhooks=0, checked=0") for line in lines)
    assert (process.returncode, err) == (0, "")


@pytest.mark.django_db(transaction=True)
def test_it_prints_every_difference_that_nobody_has_explained(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from portone_django.flows import comparison_runs

    monkeypatch.setattr(comparison_runs, "SETTLED_FOR", dt.timedelta(seconds=-2))
    payment = shop.paid()
    Payment.objects.update(received_amount=12000)
    status, out, err = run("--compare")
    assert (status, "compared=2, differences=1, finished=yes" in out) == (0, True)
    assert f"amount          {payment.merchant_uid} {payment.imp_uid}" in err
    ReconciliationBreak.objects.update(explained_at=dt.datetime.now(dt.UTC))
    assert payment.merchant_uid not in run("--compare")[2]


@pytest.mark.django_db(transaction=True)
def test_the_comparison_is_made_once_a_day_and_on_demand(shop: Any) -> None:
    assert "compared=" not in run()[1], "there is nothing to compare"
    shop.paid()
    assert "compared=" in run()[1]
    assert "compared=" not in run()[1]
    assert "compared=" in run("--compare")[1]
    assert run("--compare", "--quiet") == (0, "", "")


@pytest.mark.django_db
@pytest.mark.parametrize("days", ["0", "90", "-1", "x"])
def test_a_span_that_portone_does_not_list_is_refused(days: str) -> None:
    with pytest.raises(CommandError, match="days"):
        run("--compare", "--days", days)
