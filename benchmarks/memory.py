"""How much memory a worker takes with 1,000 and with 100,000 bills due: it must not hold what it has not claimed.

DATABASE_URL=postgres://… python -m benchmarks.memory [--few 1000] [--many 100000] [--threads 16]

The peak of a process of `manage.py portone_charge_due` that charges all of them, at the gateway for measuring.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from . import due
from .charges import check_ours, ours
from .gateway import ask, gateway

AIM = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=16)
    options = parser.parse_args()
    with due.database("benchmarks.memory") as environment:
        few = peak(options.few, options.threads, environment)
        many = peak(options.many, options.threads, environment)
    print(f"  {options.many:,} ÷ {options.few:,}: {many / few:.2f} (aim {AIM} at most)")


def peak(charges: int, threads: int, environment: dict[str, str]) -> int:
    """Of one worker that charges them all, in kilobytes."""
    due.empty()
    due.make_due(charges)
    with gateway() as address:
        began = time.monotonic()
        where = {**environment, "GATEWAY": address, "PYTHONWARNINGS": "ignore"}
        worker = subprocess.Popen([sys.executable, *ours(threads, charges)], env=where)
        most = watch(worker)
        assert worker.returncode == 0
        assert ask(address, "/counts") == {"paid": charges, "refused": 0}
    check_ours(charges)
    took = time.monotonic() - began
    print(f"  {charges:,} due: {most / 1024:.1f} MB at most, {took:.0f} s", flush=True)
    return most


def watch(worker: subprocess.Popen[bytes]) -> int:
    """Its peak until it ends, in kilobytes, by its own account: what wait4 tells is that of this process, if that is
    larger, as each child begins as its copy."""
    most = 0
    while worker.poll() is None:
        with suppress(OSError, StopIteration, IndexError):
            lines = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
            most = max(most, int(next(line for line in lines if line.startswith("VmHWM")).split()[1]))
        time.sleep(0.05)
    return most


if __name__ == "__main__":
    main()
