"""How many charges a second: ours, and three baselines, in one run on PostgreSQL.

DATABASE_URL=postgres://… python -m benchmarks.charges [--charges 3000] [--rounds 5] [--broker redis://127.0.0.1:6379/13]

Two worker processes each, an instant gateway; then a gateway that takes 100 ms, with 64 threads in all. Every round
runs all of them one after the other; a ratio is that of one round, and its median over the rounds is printed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import due
from .gateway import ask, gateway, own_rate, pace
from .models import Charge, Outbox
from .models import Subscription as Row

WORKERS, LATENCY = 2, 0.1
BASELINES = ("loop", "naive", "raw")
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Contender:
    """`make` writes so many rows that are due, `command` is one worker with so many threads."""

    name: str
    make: Callable[[int], None]
    command: Callable[[int, int], list[str]]
    check: Callable[[int], None]
    processes: int = WORKERS


def ours(threads: int, charges: int) -> list[str]:
    return ["-m", "django", "portone_charge_due", "--quiet", "--concurrency", str(threads)]


def loop(threads: int, charges: int) -> list[str]:
    return ["-m", "benchmarks.loop", str(threads)]


def naive(threads: int, charges: int) -> list[str]:
    app = ["-m", "celery", "--app", "benchmarks.naive_celery", "--quiet", "worker", "--loglevel", "ERROR"]
    return [*app, "--concurrency", str(WORKERS), "--without-gossip", "--without-mingle", "--without-heartbeat"]


def raw(threads: int, charges: int) -> list[str]:
    return ["-m", "benchmarks.raw_threads", str(threads), str(charges // WORKERS)]


def make_rows(count: int) -> None:
    then = due.clock.now() - due.dt.timedelta(hours=1)
    Row.objects.bulk_create(
        [Row(customer_uid=f"tk{n:030d}", amount=9900, next_bill_at=then) for n in range(count)], batch_size=1000
    )
    due.analyze()


def make_tasks(count: int) -> None:
    from .naive_celery import app, charge_due

    make_rows(count)
    app.control.purge()
    charge_due()


def check_ours(count: int) -> None:
    from portone_django.models import BillingCycle, Event

    renewed = {"order__cycle__number": 2}
    paid = BillingCycle.objects.is_paid().filter(number=2, order__state="paid", order__payments__state="paid")
    effects = Event.objects.filter(kind="order.paid", **renewed).values("order").distinct()
    assert (paid.count(), effects.count(), due.Subscription.objects.filter(cycle_no=2).count()) == (count,) * 3


def check_loop(count: int) -> None:
    paid, effects = Charge.objects.filter(state="paid").count(), Outbox.objects.filter(kind="charge.paid").count()
    assert (paid, effects) == (count, count)


def check_naive(count: int) -> None:
    assert Row.objects.filter(period=1).exclude(paid_at=None).count() == count


CONTENDERS = {
    "ours": Contender("ours", due.make_due, ours, check_ours),
    "loop": Contender("(a) loop", make_rows, loop, check_loop),
    "naive": Contender("(b) naive Celery", make_tasks, naive, check_naive, processes=1),
    "raw": Contender("(c) raw threads", lambda count: None, raw, lambda count: None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charges", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=32, help="of each worker at the instant gateway (32)")
    parser.add_argument("--in-flight", type=int, default=64, help="threads in all at the slow gateway (64)")
    parser.add_argument("--only", choices=("instant", "latency"))
    parser.add_argument("--without", nargs="*", choices=BASELINES, default=[])
    parser.add_argument("--broker", default="redis://127.0.0.1:6379/13")
    options = parser.parse_args()
    due.os.environ.update(BROKER=options.broker, GATEWAY="")
    with due.database("benchmarks.charges") as environment:
        if options.only != "latency":
            contenders = [name for name in CONTENDERS if name not in options.without]
            instant(options.charges, options.rounds, options.threads, contenders, environment)
        if options.only != "instant":
            with_latency(options.charges, options.rounds, options.in_flight, environment)


def instant(charges: int, rounds: int, threads: int, names: list[str], environment: dict[str, str]) -> None:
    print(f"Instant gateway, two workers, {threads} threads each, {charges:,} charges, {rounds} rounds")
    gateways, paces = [], {name: [] for name in names}
    for number in range(rounds):
        gateways.append(own_rate())
        for name in names:
            paces[name].append(run(CONTENDERS[name], charges, threads, 0.0, environment))
        measured = ", ".join(f"{CONTENDERS[name].name} {paces[name][-1]:,.0f}" for name in names)
        print(f"  round {number + 1}: {measured}; the gateway alone {gateways[-1]:,.0f}", flush=True)
    print(f"  the gateway alone: {statistics.median(gateways):,.0f}/s (aim 5,000)")
    for name in names:
        print(f"  {CONTENDERS[name].name}: {statistics.median(paces[name]):,.0f}/s")
    for name, aim in (("loop", 0.8), ("naive", 6), ("raw", None)):
        if name in names:
            ratio = statistics.median(mine / theirs for mine, theirs in zip(paces["ours"], paces[name], strict=True))
            print(f"  ours ÷ {CONTENDERS[name].name}: {ratio:.2f}" + (f" (aim {aim})" if aim else ""), flush=True)


def with_latency(charges: int, rounds: int, in_flight: int, environment: dict[str, str]) -> None:
    most = in_flight / LATENCY
    print(f"A gateway that takes {LATENCY:g} s, two workers, {in_flight} threads in all, {charges:,} charges")
    names = ("ours", "loop", "raw")
    paces = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            paces[name].append(run(CONTENDERS[name], charges, in_flight // WORKERS, LATENCY, environment))
        measured = ", ".join(f"{CONTENDERS[name].name} {paces[name][-1]:,.0f}" for name in names)
        print(f"  round {number + 1}: {measured}", flush=True)
    for name in names:
        ratio = statistics.median(paces[name]) / most
        print(f"  {CONTENDERS[name].name} ÷ (threads ÷ latency = {most:g}/s): {ratio:.2f}", flush=True)


def run(contender: Contender, charges: int, threads: int, latency: float, environment: dict[str, str]) -> float:
    """Charges a second as the gateway saw them, all of them charged once and written down."""
    due.empty()
    contender.make(charges)
    with gateway(latency) as address:
        command = [sys.executable, *contender.command(threads, charges)]
        where = {**environment, "GATEWAY": address, "PYTHONWARNINGS": "ignore"}
        workers = [subprocess.Popen(command, env=where) for _ in range(contender.processes)]
        try:
            wait_for(address, charges, workers)
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait()
        found, paid_each_second = ask(address, "/counts"), pace(address)
    assert found == {"paid": charges, "refused": 0}, found
    contender.check(charges)
    return paid_each_second


def wait_for(address: str, charges: int, workers: list[subprocess.Popen[bytes]]) -> None:
    """Until all is charged and written: workers that end by themselves do that."""
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        if all(worker.poll() is not None for worker in workers):
            return
        if len(workers) == 1 and ask(address, "/counts")["paid"] >= charges:
            time.sleep(1)  # the last rows
            return
        time.sleep(0.5)
    raise SystemExit("It takes too long.")


if __name__ == "__main__":
    main()
