"""The sandbox under many clients, and killed in the middle of them: what was answered has happened, once."""

import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from portone_django.sandbox.ledger import Sandbox
from tests.ports import free_port
from tests.sandbox.door import CARD, Door, paid
from tests.sandbox.process import started, wait_until_up

THREADS = 32
AGAIN, CANCEL = "/subscribe/payments/again", "/payments/cancel"


@contextmanager
def running(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    port = free_port()
    process = started(tmp_path, "--port", str(port), debug=True)
    base = f"http://127.0.0.1:{port}"
    try:
        assert wait_until_up(process, base)
        yield process, base
    finally:
        process.kill()
        process.communicate(timeout=60)


def door_at(base: str) -> Door:
    session = requests.Session()
    session.trust_env = False
    door = Door(session, base)
    door.log_in()
    return door


class Crowd:
    """Clients that charge, look up and refund all at once, and remember what they were told."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.base, self.headers = base, headers
        self.statuses: Counter[int] = Counter()
        self.charged: dict[str, tuple[str, int]] = {}  # imp_uid -> merchant_uid, refunded won
        self.shared: list[str] = []
        self.enough = threading.Event()
        self._lock = threading.Lock()

    def run(self, rounds: int, enough: int | None = None) -> list[threading.Thread]:
        threads = [threading.Thread(target=self._client, args=(number, rounds, enough)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        return threads

    def _client(self, number: int, rounds: int, enough: int | None) -> None:
        try:
            door = Door(requests.Session(), self.base)
            door.session.trust_env = False
            door.headers = self.headers
            for turn in range(rounds):
                self._round(door, f"own-{number}-{turn}", f"shared-{turn}")
                if enough and len(self.charged) >= enough:
                    self.enough.set()
        except requests.RequestException:
            self.statuses[0] += 1  # no answer

    def _round(self, door: Door, own: str, shared: str) -> None:
        imp_uid = self._charge(door, own)["imp_uid"]
        self.charged[imp_uid] = (own, 0)
        if self._say(door, "POST", CANCEL, json={"imp_uid": imp_uid, "amount": 100, "checksum": 1_000})["code"] == 0:
            self.charged[imp_uid] = (own, 100)
        if self._charge(door, shared) is not None:
            self.shared.append(shared)
        self._say(door, "GET", f"/payments/{imp_uid}?include_sandbox=true")
        self._say(door, "GET", "/payments/status/all?limit=5")

    def _charge(self, door: Door, merchant_uid: str) -> Any:
        body = {"customer_uid": "card1", "merchant_uid": merchant_uid, "amount": 1_000, "name": "이용권"}
        return self._say(door, "POST", AGAIN, json=body)["response"]

    def _say(self, door: Door, method: str, path: str, **options: Any) -> Any:
        answer = door.call(method, path, **{"timeout": 60, **options})
        with self._lock:
            self.statuses[answer.status_code] += 1
        return answer.json()


def check(door: Door, crowd: Crowd) -> None:
    """Everything that a client was told is in the ledger, and every shared number was charged once."""
    transactions = door.call("GET", "/_sandbox/transactions?limit=100000").json()
    ledger = {record["imp_uid"]: record for record in transactions}
    for imp_uid, (merchant_uid, refunded) in crowd.charged.items():
        record = ledger[imp_uid]
        assert (record["merchant_uid"], record["paid_at"] > 0) == (merchant_uid, True)
        assert record["cancel_amount"] >= refunded
        assert record["cancel_amount"] == sum(step["amount"] for step in record["cancel_history"])
    charged = Counter(record["merchant_uid"] for record in transactions if record["status"] == "paid")
    assert max(charged.values()) == 1
    assert len(set(crowd.shared)) == len(crowd.shared)
    assert set(crowd.shared) <= set(charged)


def test_many_clients_at_once_lose_nothing_and_see_no_error(tmp_path: Path) -> None:
    with running(tmp_path) as (_, base):
        door = door_at(base)
        door.ok("POST", "/subscribe/customers/card1", json=CARD)
        crowd = Crowd(base, door.headers)
        for thread in crowd.run(rounds=4):
            thread.join()
        assert set(crowd.statuses) == {200}
        assert (len(crowd.charged), len(crowd.shared)) == (THREADS * 4, 4)
        assert {refunded for _, refunded in crowd.charged.values()} == {100}
        check(door, crowd)


def test_what_was_answered_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    with running(tmp_path) as (process, base):
        door = door_at(base)
        door.ok("POST", "/subscribe/customers/card1", json=CARD)
        crowd = Crowd(base, door.headers)
        threads = crowd.run(rounds=10_000, enough=60)
        assert crowd.enough.wait(60)
        process.kill()
        process.wait(60)
        for thread in threads:
            thread.join()
        assert crowd.statuses[0] == THREADS
    with running(tmp_path) as (_, base):
        again = door_at(base)
        assert again.headers == door.headers  # the same token
        check(again, crowd)
        again.ok("POST", AGAIN, json={"customer_uid": "card1", "merchant_uid": "after", "amount": 1, "name": "x"})


@pytest.mark.parametrize(
    ("state", "mode", "sent", "becomes"),
    [("queued", "on", 1, "sent"), ("queued", "held", 0, "queued"), ("sending", "on", 0, "failed")],
)
def test_a_webhook_that_waited_goes_out_after_a_restart(
    tmp_path: Path, state: str, mode: str, sent: int, becomes: str
) -> None:
    before = Sandbox(tmp_path / "portone.sqlite3", webhook_url="http://127.0.0.1:9/hook")
    before.settings.set(webhook_mode="held")
    paid(before)
    before.settings.set(webhook_mode=mode)
    with before.store.write() as db:
        db.execute("UPDATE webhook SET state = ?", (state,))
    before.close()
    taken: list[str] = []

    def take(url: str, body: bytes, content_type: str) -> int:
        taken.append(url)
        return 200

    after = Sandbox(tmp_path / "portone.sqlite3")
    after.webhooks.deliver = take
    after.webhooks.resume()
    assert (len(taken), after.webhooks.log()[0]["state"]) == (sent, becomes)
    after.close()


def test_a_server_resumes_what_its_predecessor_queued(tmp_path: Path) -> None:
    before = Sandbox(tmp_path / "portone.sqlite3", webhook_url="http://127.0.0.1:9/hook")
    before.settings.set(webhook_mode="held")
    paid(before)
    before.settings.set(webhook_mode="on")
    before.close()
    with running(tmp_path) as (_, base):
        for _ in range(100):
            state = requests.get(f"{base}/_sandbox/webhooks", timeout=30).json()[0]["state"]
            if state not in ("queued", "sending"):
                break
            threading.Event().wait(0.1)
        assert state == "failed"  # nobody listens there
