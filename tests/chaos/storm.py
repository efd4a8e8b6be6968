"""Renewals while workers are killed and PortOne misbehaves; afterwards its ledger says who was charged how often."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.brokers import Broker
from tests.chaos.ledger import open_ledger
from tests.chaos.plans import LEAST_BLOWS, Plan, Result
from tests.chaos.processes import Crew, crew, judge
from tests.chaos.seeding import seed
from tests.chaos.verdict import judge_by_ledger, left, naive_left

WORKERS = 4
STOP_SECONDS = 4.0
TERM_GRACE_SECONDS = 2.0
SWEEP_SECONDS = 2.0
TELL_SECONDS = 5.0
# A message that nobody took for so long is not worth taking.
EXPIRES_SECONDS = 4
Tell = Callable[[str], None]


def storm(plan: Plan, broker: Broker, folder: str, tell: Tell = print) -> Result:
    """Seed the configured database, let everything loose until all is decided, and judge by PortOne's ledger."""
    from django.db import connections

    sandbox, result = open_ledger(f"{folder}/portone.sqlite3"), Result(plan)
    sandbox.settings.set(webhook_mode="off", approval_seconds=plan.approval_seconds)
    seed(sandbox, due=plan.due, naive=plan.naive, number=plan.seed)
    connections.close_all()
    with judge(f"{folder}/portone.sqlite3", plan.mode, plan.seed, plan.faulty) as portone:
        settings = {
            "DATABASE_URL": _database_url(), "CHAOS_PORTONE": portone.address, "CHAOS_BROKER": broker.url,
            "CHAOS_QUEUE": broker.queue, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "CHAOS_TASK_LIMIT": str(plan.task_limit), "CHAOS_QUIET_PERIOD": str(plan.quiet_period),
            "CHAOS_ACKS_LATE": "1" if plan.redelivers else "", "CHAOS_MESSAGES": f"{folder}/messages.log",
        }  # fmt: skip
        with crew(folder, settings) as workers, _hints(plan, broker) as hint:
            began = time.monotonic()
            weather = Weather(plan, workers, broker, hint, result, tell)
            weather.rage(began + max(120.0, plan.due / 10))
            portone.calm()
            calm = time.monotonic()
            weather.settle(calm + plan.settle_seconds)
            result.seconds, result.calm_seconds = calm - began, time.monotonic() - calm
        diary = portone.diary()
    judge_by_ledger(result, sandbox, diary, folder)
    sandbox.close()
    return result


@dataclass
class Weather:
    """What happens to the workers and to their broker meanwhile."""

    plan: Plan
    workers: Crew
    broker: Broker
    hint: Callable[[str], None]
    result: Result
    tell: Tell
    asleep: list[tuple[float, int]] = field(default_factory=list)
    leaving: list[tuple[float, int]] = field(default_factory=list)

    def rage(self, end: float) -> None:
        """Blow after blow until few are left, whose turn comes when all is calm."""
        dice = random.Random(f"blows:{self.plan.seed}")
        for kind, count in self._wanted().items():
            for _ in range(count):
                self.workers.start(kind)
        swept = told = troubled = time.monotonic()
        while time.monotonic() < end and (self._is_worth_it() or naive_left()):
            time.sleep(self.plan.every)
            now = time.monotonic()
            self.hint("portone_django.charge_due")
            if now - swept > SWEEP_SECONDS:
                swept = now
                self.hint("portone_django.reconcile")
            if self.plan.trouble and not self.broker.answers():
                troubled = now  # counted from where it is well: a slow start must not be all that there is
            if self.plan.trouble and now - troubled > self.plan.trouble:
                troubled = now
                self.broker.trouble()
                self.result.troubles += 1
            if self.plan.redelivers:
                self.broker.deliver_again()
            self._wake(now)
            if self.plan.blow:
                self._strike(dice, now)
            if now - told > TELL_SECONDS:
                told = now
                self.tell(f"  {self.result.blows} blows, {left()} left")

    def settle(self, end: float) -> None:
        """Nobody dies any more and PortOne is well: what is left must be decided, and every effect told, by `end`."""
        from portone_django.models import Event

        self._wake(end)
        self._dismiss(end)
        while len(self.workers.alive(self.plan.workers)) < WORKERS:
            self.workers.start(self.plan.workers)
        swept = 0.0
        while time.monotonic() < end and (left() or Event.objects.filter(dispatched_at=None).exists()):
            self.hint("portone_django.charge_due")
            if time.monotonic() - swept > SWEEP_SECONDS:
                swept = time.monotonic()
                self.hint("portone_django.reconcile")
            time.sleep(0.3)

    def _is_worth_it(self) -> bool:
        return left() > self.plan.due // 50 or self.result.blows < LEAST_BLOWS[self.plan.blow]

    def _wanted(self) -> dict[str, int]:
        is_command = self.plan.workers == "command"
        return {
            self.plan.workers: WORKERS,
            "naive": int(self.plan.naive > 0),
            "beat": self.plan.beats,
            "sweep": int(is_command),
        }

    def _strike(self, dice: random.Random, now: float) -> None:
        asleep = {pid for _, pid in self.asleep} | {pid for _, pid in self.leaving}
        awake = [pid for pid in self.workers.alive() if pid not in asleep]
        # Half of them go on: a shop in which everybody sleeps shows nothing.
        if not awake or len(self.asleep) >= WORKERS // 2:
            return
        pid = dice.choice(awake)
        self.result.blows += self.workers.kind(pid) != "naive"  # which is struck, too, and counts for nothing
        if self.plan.blow == "kill":
            self.workers.replace(pid)
        elif self.plan.blow == "stop":
            self.workers.signal(pid, signal.SIGSTOP)
            self.asleep.append((now + STOP_SECONDS, pid))
        else:
            self.workers.start(self.workers.kind(pid))
            self.workers.signal(pid, signal.SIGTERM)
            self.leaving.append((now + TERM_GRACE_SECONDS, pid))

    def _wake(self, now: float) -> None:
        for each in [each for each in self.asleep if each[0] <= now]:
            self.workers.signal(each[1], signal.SIGCONT)
            self.asleep.remove(each)
        self._dismiss(now)

    def _dismiss(self, now: float) -> None:
        """A worker that was asked to end and took too long is ended."""
        for each in [each for each in self.leaving if each[0] <= now]:
            self.leaving.remove(each)
            if each[1] in self.workers.alive():
                self.result.cut_short += 1
                self.workers.signal(each[1], signal.SIGKILL)


@contextmanager
def _hints(plan: Plan, broker: Broker) -> Iterator[Callable[[str], None]]:
    """A function that sends the message of a task, shuffled among others when each is sent several times.

    Losing all of them would only cost time.
    """
    from celery import Celery

    app = Celery("hints", broker=broker.url, set_as_current=False)
    app.conf.update(task_default_queue=broker.queue, broker_connection_timeout=1)
    names = ("portone_django.charge_due", "portone_django.reconcile", "portone_django.process_webhooks")

    def hint(task: str) -> None:
        if plan.beats or not broker.is_there:
            return
        some = [task] * WORKERS if plan.hints == 1 else [*(task,) * plan.hints, *names * plan.hints]
        random.shuffle(some)
        for name in some:
            with suppress(Exception):
                app.send_task(name, retry=False, expires=EXPIRES_SECONDS)

    try:
        yield hint
    finally:
        app.close()


def _database_url() -> str:
    from django.db import connection

    row: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{row['NAME']}"
    scheme = {"postgresql": "postgres", "mysql": "mysql"}[connection.vendor]
    secret = f":{row['PASSWORD']}" if row["PASSWORD"] else ""
    return f"{scheme}://{row['USER']}{secret}@{row['HOST']}:{row['PORT']}/{row['NAME']}"
