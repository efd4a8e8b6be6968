"""`make chaos [SHORT=1] [SEED=…]`: renewals under kill -9 and a misbehaving PortOne, on every database that is here."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tests.chaos.plans import Plan
from tests.chaos.runs import run
from tests.machine import find_all

SHORT_DUE = 500
FULL_DUE = {"postgresql": 10_000, "mariadb": 2_000, "sqlite": 2_000}
# The other kinds of weather than kill -9, beside the big runs.
BESIDE = 2_000
STOP = {"blow": "stop", "every": 0.5}
SHORT: tuple[dict[str, Any], ...] = ({"mode": "mixed"},)
FULL: tuple[dict[str, Any], ...] = (
    {"mode": "weak"},
    {"mode": "strict"},
    {"mode": "none"},
    {"mode": "strict", **STOP},
    {"mode": "none", **STOP},
    {"mode": "weak", "blow": "term", "every": 2.0},
)
HOLDS = "HOLDS: nobody was charged twice, nothing paid is unknown, nothing is stuck."


def main(arguments: Sequence[str]) -> int:
    """0 if everything held; the last line says so."""
    options = _options(arguments)
    print(f"seed {options.seed} (again: make chaos SEED={options.seed}), {os.cpu_count()} processors", flush=True)
    began, failed, count = time.monotonic(), 0, 0
    for name, address, broker, plan in _runs(options):
        print(f"{name}, {'Redis' if broker.startswith('redis') else 'RabbitMQ'}, {plan}", flush=True)
        count += 1
        try:
            failed += bool(run(address, broker, Plan(**plan)).problems)
        except RuntimeError as error:
            failed += 1
            print(f"  BROKEN: {error}")
    print(f"{count} runs, {time.monotonic() - began:.0f} s, seed {options.seed}")
    missing = [name for name in FULL_DUE if options.only in (None, name) and not find_all()[name].is_there]
    if missing:
        print(f"Left out, as nothing answers there: {', '.join(missing)}.")
    failed += sum(name in os.environ.get("PORTONE_REQUIRE", "") for name in missing)
    holds = f"{HOLDS[:-1]} (not on {', '.join(missing)})." if missing else HOLDS
    print(holds if count and not failed else f"BROKEN: {failed} of {count} runs, see above.", flush=True)
    return 0 if count and not failed else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="500 due, both modes at once: about a minute a database")
    parser.add_argument("--seed", type=int, default=0, help="the one that an earlier run printed")
    parser.add_argument("--only", choices=tuple(FULL_DUE), help="one database")
    parser.add_argument("--due", type=int, help="so many due instead")
    parser.add_argument("--plan", type=json.loads, help="one run of this Plan instead, as JSON (tests/chaos/plans.py)")
    options = parser.parse_args(arguments)
    options.seed = options.seed or random.SystemRandom().randrange(1, 10**6)
    return options


def _runs(options: argparse.Namespace) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Database, its address, broker and plan. The brokers take turns."""
    found, number = find_all(), 0
    brokers = [found[name].address for name in ("redis", "rabbitmq") if found[name].is_there]
    if not brokers:
        sys.exit("make chaos needs a broker: Redis (TEST_REDIS_URL) or RabbitMQ (TEST_AMQP_URL).")
    for name, full in FULL_DUE.items():
        if options.only not in (None, name) or not found[name].is_there:
            continue
        plans = (options.plan,) if options.plan else SHORT if options.short else FULL
        for plan in plans:
            is_kill = "blow" not in plan
            due = SHORT_DUE if options.short else full if is_kill else min(full, BESIDE)
            plan = {"due": options.due or due, "seed": options.seed, **plan}
            yield name, found[name].address, brokers[number % len(brokers)], plan
            number += 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
