"""Webhooks by PortOne's policy: written with the change, posted once after its commit, never again by machine."""

from __future__ import annotations

import heapq
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from .payments import Held
from .posting import Delivery, is_loopback, post
from .records import Record

if TYPE_CHECKING:
    from .ledger import Sandbox

_PAIR_SECONDS = 1.0
_MIME = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


class Webhooks:
    """`deliver`, when set, replaces the network: it is called with (url, body, content type) in the thread whose change
    caused the webhook, and returns a status, a Delivery, or raises."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._store = sandbox.store
        self.deliver: Callable[[str, bytes, str], int | Delivery] | None = None
        self._wake = threading.Condition()
        self._waiting: list[tuple[float, int]] = []
        self._in_flight = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def emit(self, held: Held, status: str, cancellation_id: str | None = None) -> None:
        """Queue one for the payment; inside the transaction that changed it. Saves nothing of `held`."""
        sandbox = self._sandbox
        urls = held.facts.get("notice_url") or sandbox.webhook_urls()
        held.facts["webhooked"] = bool(urls)
        body = {"imp_uid": held.imp_uid, "merchant_uid": held.merchant_uid, "status": status}
        if cancellation_id:
            body["cancellation_id"] = cancellation_id
        for url in urls:
            self._queue(url, body)

    def emit_escrow(self, held: Held, extra: Record) -> None:
        """As `emit`, for a change of an escrow sale: Inicis.Escrow.Changed, its details nested in `extra`."""
        body = {
            "event": "Inicis.Escrow.Changed",
            "imp_uid": held.imp_uid,
            "merchant_uid": held.merchant_uid,
            "status": held.record["status"],
            "extra": extra,
        }
        for url in held.facts.get("notice_url") or self._sandbox.webhook_urls():
            self._queue(url, body)

    def resend(self, webhook_id: int) -> bool:
        """By an operator in the console: the same body to the address stored with it; False when unknown."""
        with self._store.read() as db:
            row = db.execute("SELECT * FROM webhook WHERE id = ?", (webhook_id,)).fetchone()
        if row is None:
            return False
        self._insert(row["url"], json.loads(row["body"]), "queued", self._sandbox.instant())
        return True

    def log(self, limit: int = 200) -> list[Record]:
        """The newest first; `state` is queued, sending, sent, failed, lost, off or refused (not this machine)."""
        with self._store.read() as db:
            rows = db.execute("SELECT * FROM webhook ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return [{**dict(row), "body": json.loads(row["body"])} for row in rows]

    def flush(self, timeout: float = 10.0) -> int:
        """Send all that is queued, held and delayed ones too, and wait for those in the air; how many it sent."""
        sent = 0
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with self._store.read() as db:
                row = db.execute("SELECT id FROM webhook WHERE state = 'queued' ORDER BY due_at, id LIMIT 1").fetchone()
            if row is not None:
                sent += self._send(row["id"])
                continue
            with self._wake:
                if self._in_flight == 0:
                    break
                self._wake.wait(0.05)
        return sent

    def resume(self) -> None:
        """After a restart: those that were still to be sent go out; one that was being sent is lost, as there is no
        second try."""
        with self._store.write() as db:
            db.execute(
                "UPDATE webhook SET state = 'failed', error = 'the sandbox stopped meanwhile' WHERE state = 'sending'"
            )
            rows = db.execute("SELECT id, due_at FROM webhook WHERE state = 'queued' ORDER BY id").fetchall()
        if self._sandbox.settings["webhook_mode"] != "held":
            for row in rows:
                self._start(row["due_at"], row["id"])

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()

    def _queue(self, url: str, body: Record) -> None:
        sandbox = self._sandbox
        mode, due_at = sandbox.settings["webhook_mode"], sandbox.instant() + sandbox.settings["webhook_delay"]
        merchant_uid = body["merchant_uid"]
        late = sandbox.faults.in_ledger("webhook_late", merchant_uid)
        if late:
            due_at += late.number("seconds", 5)
        if mode == "off" or sandbox.faults.in_ledger("webhook_lost", merchant_uid):
            self._insert(url, body, "off" if mode == "off" else "lost", due_at)
            return
        swapped = mode == "reordered" or bool(sandbox.faults.in_ledger("webhook_reordered", merchant_uid))
        doubled = mode == "doubled" or bool(sandbox.faults.in_ledger("webhook_doubled", merchant_uid))
        for _ in range(2 if doubled else 1):
            self._insert(url, body, "queued", due_at, held=mode == "held", swapped=swapped)

    def _insert(
        self, url: str, body: Record, state: str, due_at: float, *, held: bool = False, swapped: bool = False
    ) -> None:
        if state == "queued" and self.deliver is None and not is_loopback(url):
            state = "refused"
        with self._store.write() as db:
            earlier = (
                swapped
                and db.execute(
                    "SELECT id FROM webhook WHERE state = 'queued' AND due_at > ? ORDER BY id LIMIT 1", (due_at,)
                ).fetchone()
            )
            if earlier:
                db.execute("UPDATE webhook SET due_at = ? WHERE id = ?", (due_at + 0.01, earlier["id"]))
                self._store.after_commit(lambda: self._start(due_at + 0.01, earlier["id"]))
            elif swapped:
                due_at += _PAIR_SECONDS
            cursor = db.execute(
                "INSERT INTO webhook (url, content_type, body, merchant_uid, state, due_at, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    url, self._sandbox.settings["webhook_content_type"], json.dumps(body), body["merchant_uid"], state,
                    due_at, self._sandbox.now(),
                ),
            )  # fmt: skip
            webhook_id = int(cursor.lastrowid or 0)
            if state == "queued" and not held:
                self._store.after_commit(lambda: self._start(due_at, webhook_id))

    def _start(self, due_at: float, webhook_id: int) -> None:
        if self.deliver is not None:
            if due_at <= self._sandbox.instant():  # a later one waits for flush, for no thread may run a test's code
                self._send(webhook_id)
            return
        with self._wake:
            heapq.heappush(self._waiting, (due_at, webhook_id))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="portone-sandbox-webhooks", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._closed and (wait := self._seconds_to_next()) > 0:
                    self._wake.wait(min(wait, 1.0))  # the clock may be moved meanwhile
                if self._closed:
                    return
                _, webhook_id = heapq.heappop(self._waiting)
            threading.Thread(target=self._send, args=(webhook_id,), daemon=True).start()

    def _seconds_to_next(self) -> float:
        return self._waiting[0][0] - self._sandbox.instant() if self._waiting else 3600.0

    def _send(self, webhook_id: int) -> int:
        """Post one that is still queued; whoever claims it sends it. Returns 1 when it was ours."""
        with self._store.write() as db:
            claimed = db.execute(
                "UPDATE webhook SET state = 'sending' WHERE id = ? AND state = 'queued' RETURNING *", (webhook_id,)
            ).fetchall()
        if not claimed:
            return 0
        with self._wake:
            self._in_flight += 1
        try:
            self._record(webhook_id, self._attempt(claimed[0]))
        finally:
            with self._wake:
                self._in_flight -= 1
                self._wake.notify_all()
        return 1

    def _record(self, webhook_id: int, delivery: Delivery) -> None:
        state = "sent" if delivery.status == 200 else "failed"
        with self._store.write() as db:
            db.execute(
                "UPDATE webhook SET state = ?, http_status = ?, error = ? WHERE id = ?",
                (state, delivery.status, delivery.error, webhook_id),
            )

    def _attempt(self, row: sqlite3.Row) -> Delivery:
        try:
            return self._post(row["url"], json.loads(row["body"]), row["content_type"])
        except Exception as error:  # a receiver that raises is a failed delivery, as a dropped connection is
            return Delivery(0, b"", f"{type(error).__name__}: {error}"[:200])

    def _post(self, url: str, body: Record, content_type: str) -> Delivery:
        data = (json.dumps(body) if content_type == "json" else urlencode(_flat(body))).encode()
        if self.deliver is None:
            return post(url, data, _MIME[content_type], connect_seconds=10, read_seconds=30)
        outcome = self.deliver(url, data, _MIME[content_type])
        return outcome if isinstance(outcome, Delivery) else Delivery(outcome, b"", None)


def _flat(body: Record) -> list[tuple[str, str]]:
    """As a form: what is nested goes as name[key], as PHP writes it (PortOne documents no encoding for it)."""
    pairs: list[tuple[str, str]] = []
    for name, value in body.items():
        nested = {f"{name}[{key}]": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
        pairs += [(key, str(inner)) for key, inner in nested.items()]
    return pairs
