"""One process of the storm: callers who all want money of the same payments back, a console, faults, and time passing.

`python -m tests.concurrency.refund_storm` reads what to do as one line of JSON, says "ready", begins with the next
line, and ends with what happened as one line of JSON. All processes share one database and one sandbox file.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CONSOLE_REASON = "관리자페이지취소"
WRITE_FAULTS = (
    "timeout_before", "timeout_after", "timeout_late", "drop_before", "drop_after", "http_500", "http_502",
    "http_503", "http_429", "html_200", "truncated",
)  # fmt: skip
LOOK_UP_FAULTS = tuple(kind for kind in WRITE_FAULTS if kind != "timeout_late")
WEIGHTS = [3 if kind == "timeout_late" else 1 for kind in WRITE_FAULTS]  # the ones that can meet their repetition
FAULTY = 0.1
LATE_SECONDS = (3.0, 10.0)
PAYMENTS_AT_ONCE = 100
THREADS = 6
TRIES = 6
SWEEP_SECONDS = 0.3


@dataclass(frozen=True)
class Deed:
    """Somebody wants `amount` won of a payment back: by our app under a reason of its own, or in the console."""

    payment: int
    amount: int
    reason: str
    tries: int = 0


@dataclass
class Task:
    """What one process does: every `share`-th deed of the plan, with a refunder that is ours or the bad one."""

    seed: int
    payments: list[tuple[int, str, int]]  # our id, imp_uid, amount
    refunds_each: int
    sandbox: str
    number: int
    processes: int
    is_bad: bool = False


@dataclass
class Outcome:
    """What happened in one process; `cancels` are the arrivals at PortOne: time, merchant_uid, seconds under way."""

    asked: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    cancels: list[tuple[float, str, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan(task: Task) -> list[Deed]:
    """The deeds of all processes in the order in which they begin: a few payments at a time, mixed."""
    dice = random.Random(f"plan:{task.seed}")
    deeds: list[Deed] = []
    for start in range(0, len(task.payments), PAYMENTS_AT_ONCE):
        some: list[Deed] = []
        for index in range(start, min(start + PAYMENTS_AT_ONCE, len(task.payments))):
            some += _of_one(dice, index, task.payments[index][2], task.refunds_each)
        dice.shuffle(some)
        deeds += some
    return deeds


def _of_one(dice: random.Random, index: int, paid: int, refunds_each: int) -> list[Deed]:
    """Different amounts, together twice what was paid, so that the last ones must be refused."""
    mean = paid * 2 // refunds_each
    amounts = dice.sample(range(mean // 2, mean * 3 // 2), refunds_each)
    console = [amounts[0], dice.randrange(1, mean), dice.randrange(1, mean)]
    return [Deed(index, amount, f"r{index}-{n}") for n, amount in enumerate(amounts)] + [
        Deed(index, amount, CONSOLE_REASON) for amount in console[: dice.randrange(0, 4)]
    ]


class Worker:
    """The callers of one process, as threads that take one deed after another."""

    def __init__(self, task: Task, sandbox: Any) -> None:
        self.task, self.sandbox, self.outcome = task, sandbox, Outcome()
        self.waiting = deque(plan(task)[task.number :: task.processes])
        self.lock, self.is_over = threading.Lock(), threading.Event()

    def run(self) -> Outcome:
        callers = [threading.Thread(target=self._call, name=f"caller {n}") for n in range(THREADS)]
        time_passes = threading.Thread(target=self._let_time_pass, name="time")
        for thread in (*callers, time_passes):
            thread.start()
        for thread in callers:
            thread.join()
        self.is_over.set()
        time_passes.join()
        return self.outcome

    def _call(self) -> None:
        from django.db import connections

        try:
            while (deed := self._next()) is not None:
                self._do(deed)
        finally:
            connections.close_all()

    def _next(self) -> Deed | None:
        with self.lock:
            return self.waiting.popleft() if self.waiting else None

    def _do(self, deed: Deed) -> None:
        try:
            ended = self._console(deed) if deed.reason == CONSOLE_REASON else self._ask(deed)
        except Exception as problem:
            ended = f"raised {type(problem).__name__}"
            with self.lock:
                self.outcome.problems.append(f"{deed.reason}: {type(problem).__name__}: {problem}")
        with self.lock:
            self.outcome.ended[ended] += 1

    def _console(self, deed: Deed) -> str:
        from portone_django.sandbox.ledger import Refused

        try:
            self.sandbox.console_cancel(self.task.payments[deed.payment][1], deed.amount, CONSOLE_REASON)
        except Refused:
            return "console refused"
        return "console"

    def _ask(self, deed: Deed) -> str:
        from portone_django.exceptions import NotRefundable, RefundPending
        from portone_django.models import Payment

        with self.lock:
            self.outcome.asked += deed.tries == 0
        payment = Payment.objects.get(pk=self.task.payments[deed.payment][0])
        try:
            if self.task.is_bad:
                return refund_badly(payment, deed.amount, deed.reason)
            return payment.refund(amount=deed.amount, reason=deed.reason).state
        except RefundPending:
            return self._again(deed)
        except (ValueError, NotRefundable):
            return "more than remains"

    def _again(self, deed: Deed) -> str:
        if deed.tries + 1 >= TRIES:
            return "gave up"
        with self.lock:
            again = Deed(deed.payment, deed.amount, deed.reason, deed.tries + 1)
            self.waiting.insert(min(len(self.waiting), 600), again)
        return "asked again"

    def _let_time_pass(self) -> None:
        """Quiet periods and sweeps in the middle of it all, for refunds in flight as well: harder than real ones."""
        from django.db import connections

        from portone_django.flows.reconciliation import reconcile
        from tests.shop import the_quiet_period_passes

        while self.task.number == 0 and not self.is_over.wait(SWEEP_SECONDS):
            try:
                the_quiet_period_passes()
                reconcile()
            except Exception as problem:
                with self.lock:
                    self.outcome.problems.append(f"sweep: {type(problem).__name__}: {problem}")
        connections.close_all()


def refund_badly(payment: Any, amount: int, reason: str) -> str:
    """Known to be wrong, so that the harness is seen to see it: a new cancel per try, unfenced, repeated on error."""
    from portone_django.gateway import PaymentRecord, PortOneError, get_client
    from portone_django.gateway.answers import Call

    transport = get_client()._transport
    body = {"imp_uid": payment.imp_uid, "amount": amount, "reason": reason}
    for _ in range(3):
        try:
            transport.call(
                Call("cancel_payment", "POST", "/payments/cancel", body=body),
                PaymentRecord.parse,
                transport.deadline(45),
            )
        except PortOneError:
            continue
        return "succeeded"
    return "gave up"


def _faults(store: Any, task: Task, outcome: Outcome) -> Any:
    """Drawn by seed, payment and the how-manieth call about it, so that a run with the same seed strikes the same."""
    from portone_django.sandbox.faults import Fault, Faults

    class Storm(Faults):
        def __init__(self) -> None:
            super().__init__(store)
            self.calls: Counter[str] = Counter()
            self.lock = threading.Lock()

        def on_wire(self, method: str, path: str, merchant_uid: str) -> Fault | None:
            is_cancel = path == "/payments/cancel"
            if not is_cancel and not path.startswith("/payments/"):
                return None
            with self.lock:
                self.calls[merchant_uid] += 1
                dice = random.Random(f"{task.seed}:{task.number}:{merchant_uid}:{self.calls[merchant_uid]}")
                kind = ""
                if dice.random() < FAULTY:
                    kind = dice.choices(WRITE_FAULTS, WEIGHTS)[0] if is_cancel else dice.choice(LOOK_UP_FAULTS)
                seconds = dice.uniform(*LATE_SECONDS) if kind == "timeout_late" else 0.0
                if is_cancel:
                    outcome.cancels.append((time.time(), merchant_uid, seconds))
                if not kind:
                    return None
                outcome.faults[f"{'cancel' if is_cancel else 'look-up'} {kind}"] += 1
            # A 5xx may come from a gateway in front of a PortOne that has done it.
            is_performed = kind.startswith("http_5") and dice.random() < 0.5
            return Fault(0, kind, {"seconds": seconds, "performed": is_performed, "retry_after": 0})

    return Storm()


def main(lines: Any = sys.stdin) -> None:
    """One process, told by its standard input."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    task = Task(**json.loads(lines.readline()))
    import logging

    import requests

    from portone_django.conf import get_config
    from portone_django.gateway import Client, override_client
    from portone_django.sandbox.adapter import mount
    from portone_django.sandbox.ledger import Sandbox

    logging.disable(logging.CRITICAL)
    config = get_config()
    sandbox = Sandbox(task.sandbox, imp_key=config.imp_key, imp_secret=config.imp_secret, user_code=config.user_code)
    worker = Worker(task, sandbox)
    sandbox.faults = _faults(sandbox.store, task, worker.outcome)
    session = requests.Session()
    mount(session, sandbox, config.api_base)
    client = Client(api_base=config.api_base, imp_key=config.imp_key, imp_secret=config.imp_secret, session=session)
    print("ready", flush=True)
    lines.readline()
    with override_client(client):
        worker.run()
    under_way = max((at + seconds for at, _uid, seconds in worker.outcome.cancels), default=0.0) - time.time()
    time.sleep(max(under_way, 0.0) + 0.5)  # what is still on its way lands
    print(json.dumps(vars(worker.outcome)), flush=True)


def inside_the_window(outcomes: Sequence[Outcome]) -> int:
    """How many cancels arrived while an earlier one of the same payment was still on its way."""
    arrivals = sorted(tuple(each) for outcome in outcomes for each in outcome.cancels)
    landing: dict[str, float] = {}
    inside = 0
    for at, merchant_uid, seconds in arrivals:
        inside += at < landing.get(merchant_uid, 0.0)
        landing[merchant_uid] = max(landing.get(merchant_uid, 0.0), at + seconds)
    return inside


if __name__ == "__main__":
    main()
