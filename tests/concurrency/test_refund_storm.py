"""Ten thousand callers want money back, and PortOne misbehaves: both books end equal, and nothing goes back twice."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection
from django.db.models import F

from portone_django.clock import later
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Payment, Refund
from tests import ledgers
from tests.concurrency.refund_storm import CONSOLE_REASON, Outcome, Task, inside_the_window
from tests.factories import paid_payment
from tests.shop import the_quiet_period_passes

PAYMENTS = int(os.environ.get("REFUND_STORM_PAYMENTS", "500"))
REFUNDS_EACH = int(os.environ.get("REFUND_STORM_REFUNDS", "20"))
PROCESSES = int(os.environ.get("REFUND_STORM_PROCESSES", "2"))
SEED = int(os.environ.get("REFUND_STORM_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
PAID = 100_000

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


def test_a_storm_of_refunds_leaves_both_books_equal_and_no_refund_twice(sandbox: Any) -> None:
    started = time.monotonic()
    payments = paid_payments(sandbox, PAYMENTS)
    outcomes = storm(sandbox, payments)
    stormed = time.monotonic()
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    rounds = settle()
    resent = Refund.objects.filter(send_count__gt=1).count()
    report(
        outcomes, resent, f"{stormed - started:.0f} s of storm, {rounds} sweeps in {time.monotonic() - stormed:.0f} s"
    )
    assert problems == []
    assert ledgers.disagreements(sandbox, told=[CONSOLE_REASON]) == []
    assert ledgers.stuck() == []
    assert sum(outcome.asked for outcome in outcomes) == PAYMENTS * REFUNDS_EACH
    assert sum(n for outcome in outcomes for n in outcome.faults.values()) > PAYMENTS
    assert resent > 0, "no cancel was ever sent again, so nothing was proved"


def test_the_storm_sees_a_refunder_that_refunds_twice(sandbox: Any) -> None:
    payments = paid_payments(sandbox, min(PAYMENTS, 40))
    outcomes = storm(sandbox, payments, is_bad=True)
    twice = ledgers.doubled(sandbox.transactions(1_000_000), [CONSOLE_REASON])
    print(f"seed {SEED}: the bad refunder sent {len(twice)} refunds twice or more")
    assert [problem for outcome in outcomes for problem in outcome.problems] == []
    assert len(twice) > 0
    assert ledgers.disagreements(sandbox, told=[CONSOLE_REASON]) != []


def paid_payments(sandbox: Any, count: int) -> list[tuple[int, str, int]]:
    """Each as our id, PortOne's and the amount."""
    sandbox.settings.set(webhook_mode="off")
    paid = [paid_payment(sandbox, reference=f"storm-{n}", price=PAID) for n in range(count)]
    return [(payment.pk, str(payment.imp_uid), payment.amount) for payment in paid]


def storm(sandbox: Any, payments: list[tuple[int, str, int]], *, is_bad: bool = False) -> list[Outcome]:
    """Several processes at once; they begin together and share the database and the sandbox's file."""
    tasks = [
        Task(SEED, payments, REFUNDS_EACH, sandbox.store.path, number, PROCESSES, is_bad) for number in range(PROCESSES)
    ]
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.concurrency.refund_storm"],
            env={**os.environ, "DATABASE_URL": _address(), "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in tasks
    ]  # fmt: skip
    try:
        for worker, task in zip(workers, tasks, strict=True):
            _say(worker, json.dumps(asdict(task)))
        assert [_hear(worker) for worker in workers] == ["ready"] * PROCESSES
        for worker in workers:
            _say(worker, "go")
        return [_outcome(json.loads(_hear(worker))) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def settle() -> int:
    """The faults are over: quiet periods pass and sweeps run until nothing is left but what a person must see."""
    ago = dt.timedelta(days=3)  # the attempts are long over, so that what no webhook told is read again, too
    Payment.objects.update(
        created_at=F("created_at") - ago, expires_at=F("expires_at") - ago, paid_at=F("paid_at") - ago,
        next_check_at=later(-1),
    )  # fmt: skip
    rounds = 0
    while rounds == 0 or (ledgers.stuck() and rounds < 20):
        the_quiet_period_passes()
        reconcile(limit=1_000_000)
        rounds += 1
    return rounds


def report(outcomes: list[Outcome], resent: int, times: str) -> None:
    ended: Counter[str] = sum((outcome.ended for outcome in outcomes), Counter())
    faults: Counter[str] = sum((outcome.faults for outcome in outcomes), Counter())
    states = Counter(Refund.objects.values_list("source", "state"))
    print(f"\nseed {SEED} on {connection.vendor}: {PAYMENTS} × {REFUNDS_EACH} refunds asked for, {times}")
    print(f"callers: {dict(ended)}")
    print(f"refunds: { {' '.join(key): n for key, n in states.items()} }")
    print(f"{sum(faults.values())} faults struck: {dict(sorted(faults.items()))}")
    print(f"{resent} refunds sent again; {inside_the_window(outcomes)} cancels while an earlier one was on its way")


def _address() -> str:
    """DATABASE_URL with the name of the test's own database."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}"))


def _say(worker: subprocess.Popen[str], line: str) -> None:
    assert worker.stdin
    worker.stdin.write(f"{line}\n")
    worker.stdin.flush()


def _hear(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout
    return worker.stdout.readline().strip()


def _outcome(said: dict[str, Any]) -> Outcome:
    return Outcome(**{**said, "ended": Counter(said["ended"]), "faults": Counter(said["faults"])})
