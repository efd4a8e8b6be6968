"""The switchboard: which bad thing happens to which call and how often; kept in the sandbox's file."""

from __future__ import annotations

import fnmatch
import json
import random
from dataclasses import dataclass, field
from typing import Any

from .records import Record
from .store import Store

# On the wire, after "kind": the options, all optional. `performed` says whether the call takes effect.
WIRE_KINDS = {
    "latency": "seconds (before performing)",
    "timeout_before": "not performed, never answered",
    "timeout_after": "performed, never answered",
    "timeout_late": "never answered, performed after `seconds`",
    "refuse": "connection refused: surely not sent (a dropped connection on a real socket)",
    "connect_timeout": "surely not sent (a dropped connection on a real socket)",
    "drop_before": "connection closed, not performed",
    "drop_after": "connection closed, performed",
    "http_400": "performed=False, message",
    "http_403": "performed=False",
    "http_404": "performed=False",
    "http_429": "performed=False, retry_after=1",
    "http_500": "performed=False, JSON envelope",
    "http_502": "performed=False, HTML",
    "http_503": "performed=False, HTML",
    "http_504": "performed=False, HTML",
    "expired_token": "401, and the token is really gone",
    "truncated": "performed=True, half of the body",
    "malformed": "performed=True, JSON cut in the middle, lengths right",
    "wrong_length": "performed=True, Content-Length too large",
    "html_200": "performed=True, a page instead of JSON",
    "empty_200": "performed=True, no body",
    "duplicate_keys": "performed=True, a second amount (or code) key",
    "oversized": "performed=True, `size` bytes of padding",
    "slow_drip": "performed=True, one byte every `interval` seconds",
    "redirect": "performed=False, 302 to `location`",
}
# In the ledger.
LEDGER_KINDS = {
    "webhook_lost": "",
    "webhook_doubled": "",
    "webhook_late": "seconds",
    "webhook_reordered": "swapped with the next webhook, or a second late",
    "late_paid": "seconds, answer = failed (default) or ready",
    "tampered": "amount, currency",
    "test_payment": "on a test channel although a live one was asked for",
    "no_sandbox_field": "",
    "lag": "seconds during which reads show the state before",
    "extra_records": "status = failed (default) or ready, count = 1, beside the paid record",
    "decline": "code of magic.DECLINES",
}


@dataclass(frozen=True)
class Fault:
    id: int
    kind: str
    options: Record = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        return float(self.options.get(name, default))


class Faults:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        kind: str,
        *,
        method: str | None = None,
        path: str | None = None,
        merchant_uid: str | None = None,
        times: int | None = None,
        probability: float | None = None,
        seed: int = 0,
        **options: Any,
    ) -> int:
        """Arm a fault; returns its id. ValueError for an unknown kind.

        `path` ("/payments/*") and `merchant_uid` are patterns of fnmatch. Without `times` it happens once, or without
        end when there is a `probability`; the same `seed` gives the same sequence of hits.
        """
        if kind not in WIRE_KINDS and kind not in LEDGER_KINDS:
            raise ValueError(f"unknown fault {kind!r}; there are {', '.join([*WIRE_KINDS, *LEDGER_KINDS])}")
        if times is None and probability is None:
            times = 1
        spec = {
            "method": method and method.upper(),
            "path": path,
            "merchant_uid": merchant_uid,
            "probability": probability,
            "seed": seed,
            "options": options,
        }
        layer = "wire" if kind in WIRE_KINDS else "ledger"
        with self._store.write() as db:
            cursor = db.execute(
                "INSERT INTO fault (kind, layer, spec, remaining) VALUES (?, ?, ?, ?)",
                (kind, layer, json.dumps(spec), times),
            )
        return int(cursor.lastrowid or 0)

    def list(self) -> list[Record]:
        """id, kind, spec, remaining (None = without end), draws, hits; spent ones included."""
        with self._store.read() as db:
            rows = db.execute("SELECT * FROM fault ORDER BY id").fetchall()
        return [{**dict(row), "spec": json.loads(row["spec"])} for row in rows]

    def remove(self, fault_id: int) -> None:
        with self._store.write() as db:
            db.execute("DELETE FROM fault WHERE id = ?", (fault_id,))

    def clear(self) -> None:
        with self._store.write() as db:
            db.execute("DELETE FROM fault")

    def on_wire(self, method: str, path: str, merchant_uid: str) -> Fault | None:
        """The fault that strikes this call, used up by asking."""
        return self._draw("wire", None, {"method": method, "path": path, "merchant_uid": merchant_uid})

    def in_ledger(self, kind: str, merchant_uid: str) -> Fault | None:
        return self._draw("ledger", kind, {"merchant_uid": merchant_uid})

    def _draw(self, layer: str, kind: str | None, call: dict[str, str]) -> Fault | None:
        armed = "SELECT * FROM fault WHERE layer = ? AND (remaining IS NULL OR remaining > 0)"
        with self._store.read() as db:
            rows = db.execute(f"{armed} ORDER BY id", (layer,)).fetchall()
        for row in rows:
            spec = json.loads(row["spec"])
            if (kind is None or row["kind"] == kind) and _matches(spec, call) and self._strikes(row["id"], spec):
                return Fault(row["id"], row["kind"], spec["options"])
        return None

    def _strikes(self, fault_id: int, spec: Record) -> bool:
        with self._store.write() as db:
            row = db.execute("SELECT draws, remaining FROM fault WHERE id = ?", (fault_id,)).fetchone()
            if row is None or row["remaining"] == 0:
                return False
            db.execute("UPDATE fault SET draws = draws + 1 WHERE id = ?", (fault_id,))
            chance = random.Random(f"{spec['seed']}:{row['draws']}").random()  # noqa: S311 - repeatable on purpose
            if spec["probability"] is not None and chance >= spec["probability"]:
                return False
            db.execute("UPDATE fault SET hits = hits + 1, remaining = remaining - 1 WHERE id = ?", (fault_id,))
        return True


def _matches(spec: Record, call: dict[str, str]) -> bool:
    if spec["method"] and spec["method"] != call.get("method"):
        return False
    return all(
        not spec[name] or fnmatch.fnmatchcase(call.get(name, ""), spec[name]) for name in ("path", "merchant_uid")
    )
