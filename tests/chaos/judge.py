"""PortOne for a chaos run, in a process and a file of its own: the sandbox, misbehaving, and its diary of the sends.

`python -m tests.chaos.judge LEDGER MODE SEED FAULTY` says its address and serves. "calm" on its standard input ends the
faults, and each line there is answered with the diary so far as one line of JSON.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import django

AGAIN, LOOK_UP = "/subscribe/payments/again", "/payments/findAll/"
# Every kind of fault there is between us and a charge, by the sandbox's names. The late ones land so many seconds
# later; those that can still be on their way when they are asked about strike most often.
CHARGE_FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop_before", {}),
    ("timeout_before", {}),
    ("drop_after", {}),
    ("http_500", {"performed": True}),
    ("html_200", {}),
    ("timeout_after", {}),
    ("timeout_late", {"seconds": (0.3, 1.0)}),
    *[("timeout_late", {"seconds": (1.2, 2.0)})] * 2,
    *[("timeout_late", {"seconds": (1.8, 2.3)})] * 3,
    ("http_500", {"performed": False}),
    ("http_429", {"performed": False, "retry_after": 1}),
)
LOOK_UP_FAULT = "http_502"
LATEST_SECONDS = 2.8


@dataclass
class Diary:
    """What arrived at PortOne about our charges (not the naive ones'), in counts.

    `too_soon` counts who asked within the quiet period and was shown nothing: each is a send that an engine without a
    quiet period would have repeated. `under_way` are those of them whose charge landed afterwards: repeated, it would
    have been charged twice.
    """

    sends: int = 0
    resent: int = 0
    most_sends: int = 0
    sent_while_under_way: int = 0
    sent_though_paid: int = 0
    too_soon: int = 0
    under_way: int = 0
    late: int = 0
    faults: Counter[str] = field(default_factory=Counter)


def storm(sandbox: Any, seed: int, faulty: float) -> Any:
    """Faults drawn by seed, uid and the how-manieth call about it: the same seed strikes the same calls."""
    from portone_django.conf import QUIET_PERIOD_SECONDS
    from portone_django.sandbox.faults import Fault, Faults

    class Storm(Faults):
        def __init__(self) -> None:
            super().__init__(sandbox.store)
            self.diary, self.is_calm, self.lock = Diary(), False, threading.Lock()
            self.calls: Counter[tuple[str, str]] = Counter()
            self.sent_at: dict[str, float] = {}
            self.lands_at: dict[str, float] = {}

        def on_wire(self, method: str, path: str, merchant_uid: str) -> Fault | None:
            is_charge, is_look_up = path == AGAIN, path.startswith(LOOK_UP)
            if not is_charge and not is_look_up:
                return None
            with self.lock:
                self.calls[path, merchant_uid] += 1
                number = self.calls[path, merchant_uid]
                fault = None if self.is_calm else self._drawn(is_charge, merchant_uid, number)
                if merchant_uid.startswith("ours"):
                    self._note(is_charge, merchant_uid, number, fault)
                if fault is not None and fault.kind == "timeout_late":
                    self.lands_at[merchant_uid] = time.monotonic() + fault.options["seconds"]
            return fault

        def _drawn(self, is_charge: bool, uid: str, number: int) -> Fault | None:
            dice = random.Random(f"{seed}:{is_charge}:{uid}:{number}")
            if dice.random() >= (faulty if is_charge else faulty / 2):
                return None
            kind, options = dice.choice(CHARGE_FAULTS) if is_charge else (LOOK_UP_FAULT, {})
            if kind == "timeout_late":
                options = {"seconds": dice.uniform(*options["seconds"])}
            return Fault(0, kind, dict(options))

        def _note(self, is_charge: bool, uid: str, number: int, fault: Fault | None) -> None:
            now, diary = time.monotonic(), self.diary
            is_under_way = now < self.lands_at.get(uid, 0.0)
            if fault is not None:
                diary.faults[fault.kind] += 1
            if not is_charge:
                is_shown_nothing = fault is None and not sandbox.payments_of(uid)
                diary.under_way += is_shown_nothing and is_under_way
                diary.too_soon += is_shown_nothing and now - self.sent_at.get(uid, now) < QUIET_PERIOD_SECONDS
                return
            self.sent_at[uid] = now
            diary.sends += 1
            diary.late += fault is not None and fault.kind == "timeout_late"
            diary.most_sends = max(diary.most_sends, number)
            diary.resent += number > 1
            diary.sent_while_under_way += is_under_way
            diary.sent_though_paid += number > 1 and sandbox.payments.is_charged(uid)

    return Storm()


def mixed(sandbox: Any) -> Any:
    """A PortOne that refuses a paid uid on arrival only (weak) for every other uid, and atomically for the rest."""
    from portone_django.sandbox.ledger import Duplicates

    class Mixed(Duplicates):
        def is_refused(self, merchant_uid: str, *, but: str = "", at_record: bool = False) -> bool:
            is_weak = sum(merchant_uid.encode()) % 2 == 0
            return not (at_record and is_weak) and sandbox.payments.is_charged(merchant_uid, but=but)

    return Mixed(sandbox)


def never_later(sandbox: Any, seconds: float) -> Any:
    """The time that the card network takes, and not a moment more than the quiet period, however loaded this machine.

    What would land later does not land: that PortOne decides within the quiet period is what the engine relies on.
    """
    from portone_django.sandbox.refusals import Refused

    wait = sandbox.wait_for_approval

    def wait_for_approval() -> None:
        began = time.monotonic()
        wait()
        if time.monotonic() - began > seconds:
            raise Refused(-1, "카드사 응답 지연")

    return wait_for_approval


def main(ledger: str, mode: str, seed: int, faulty: float) -> None:
    """Serve until standard input ends."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
    django.setup()
    from portone_django.sandbox import permission
    from portone_django.sandbox.server import SandboxServer
    from tests.chaos.ledger import open_ledger

    permission.allow()
    sandbox = open_ledger(ledger)
    sandbox.faults = faults = storm(sandbox, seed, faulty)
    sandbox.wait_for_approval = never_later(sandbox, LATEST_SECONDS)
    if mode == "mixed":
        sandbox.duplicates = mixed(sandbox)
    else:
        sandbox.settings.set(duplicate_mode=mode)
    server = SandboxServer(sandbox)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.url, flush=True)
    for line in sys.stdin:
        if line.strip() == "calm":
            faults.is_calm = True
        with faults.lock:
            print(json.dumps(vars(faults.diary)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
