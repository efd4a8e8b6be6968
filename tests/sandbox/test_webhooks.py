"""Webhooks: who tells whom what, once, and how a tester bends that."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door, bodies, opened, paid, registered, waiting_account

HOOK = "https://shop.example/hook"


@pytest.fixture
def hooked(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose webhooks are taken in process and answered 200."""
    sandbox.webhooks.deliver = lambda url, body, content_type: 200
    sandbox.settings.set(webhook_url=HOOK)
    return sandbox


class Receiver(ThreadingHTTPServer):
    """A shop on this machine that answers what it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.status = 200
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.hold.wait(10)
                receiver.taken.append((self.headers["Content-Type"], body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.hold.set()
    server.shutdown()
    server.server_close()


def test_a_payment_tells_paid_an_account_ready_and_its_deposit_paid(hooked: Sandbox) -> None:
    paid(hooked, "card")
    hooked.deposit(waiting_account(hooked, "vbank"))
    assert bodies(hooked) == [("card", "paid"), ("vbank", "ready"), ("vbank", "paid")]


def test_a_failure_and_a_user_cancel_tell_nothing(hooked: Sandbox) -> None:
    hooked.approve(opened(hooked, "declined", 91_216))
    hooked.fail(opened(hooked, "left"))
    assert hooked.webhooks.log() == []


def test_an_api_cancel_tells_nothing_unless_asked(hooked: Sandbox, door: Door) -> None:
    imp_uid = paid(hooked)
    door.ok("POST", "/payments/cancel", json={"imp_uid": imp_uid, "amount": 1_000})
    assert bodies(hooked) == [("order1", "paid")]
    record = door.ok("POST", "/payments/cancel", json={"imp_uid": imp_uid, "amount": 1_000, "enable_webhook": True})
    assert bodies(hooked)[1:] == [("order1", "cancelled")]
    assert hooked.webhooks.log()[0]["body"]["cancellation_id"] == record["cancel_history"][1]["cancellation_id"]


def test_enable_webhook_tells_nothing_for_a_payment_that_used_no_webhook(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    sandbox.webhooks.deliver = lambda url, body, content_type: 200
    sandbox.settings.set(webhook_url=HOOK)
    door.ok("POST", "/payments/cancel", json={"imp_uid": imp_uid, "enable_webhook": True})
    assert sandbox.webhooks.log() == []


def test_a_console_cancel_tells_with_its_cancellation_id(hooked: Sandbox) -> None:
    record = hooked.console_cancel(paid(hooked), 3_000)
    assert hooked.webhooks.log()[0]["body"] == {
        "imp_uid": record["imp_uid"],
        "merchant_uid": "order1",
        "status": "cancelled",
        "cancellation_id": record["cancel_history"][0]["cancellation_id"],
    }


def test_again_tells_success_and_no_failure(hooked: Sandbox, door: Door) -> None:
    registered(hooked)
    for uid, amount in (("good", 100), ("bad", 91_216)):
        body = {"customer_uid": "card1", "merchant_uid": uid, "amount": amount, "name": "x"}
        door.ok("POST", "/subscribe/payments/again", json=body)
    assert bodies(hooked) == [("issue-card1", "paid"), ("good", "paid")]


def test_notice_url_replaces_the_console_url(hooked: Sandbox) -> None:
    paid(hooked, notice_url="https://shop.example/other")
    paid(hooked, "two", notice_url=["https://shop.example/a", "https://shop.example/b"])
    assert [row["url"] for row in hooked.webhooks.log()[::-1]] == [
        "https://shop.example/other",
        "https://shop.example/a",
        "https://shop.example/b",
    ]


@pytest.mark.parametrize(
    ("kind", "mime", "parse"),
    [
        ("json", "application/json", json.loads),
        ("form", "application/x-www-form-urlencoded", lambda b: dict(p.split("=") for p in b.decode().split("&"))),
    ],
)
def test_bodies_go_out_as_json_or_form(
    sandbox: Sandbox, receiver: Receiver, kind: str, mime: str, parse: Callable[[bytes], dict[str, str]]
) -> None:
    sandbox.settings.set(webhook_url=receiver.url, webhook_content_type=kind)
    imp_uid = paid(sandbox)
    sandbox.flush_webhooks()
    assert [(content_type, parse(body)) for content_type, body in receiver.taken] == [
        (mime, {"imp_uid": imp_uid, "merchant_uid": "order1", "status": "paid"})
    ]


def test_the_answer_does_not_wait_for_the_shop(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.hold.clear()
    sandbox.settings.set(webhook_url=receiver.url)
    paid(sandbox)  # returns although the shop has not answered
    assert receiver.taken == []
    receiver.hold.set()
    sandbox.flush_webhooks()
    assert len(receiver.taken) == 1


def test_a_failed_delivery_is_recorded_and_never_repeated(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.status = 500
    sandbox.settings.set(webhook_url=receiver.url)
    paid(sandbox)
    sandbox.flush_webhooks()
    sandbox.flush_webhooks()
    assert len(receiver.taken) == 1
    assert [(row["state"], row["http_status"]) for row in sandbox.webhooks.log()] == [("failed", 500)]


def test_nothing_listening_is_status_0(sandbox: Sandbox) -> None:
    sandbox.settings.set(webhook_url="http://127.0.0.1:9/")
    paid(sandbox)
    sandbox.flush_webhooks()
    row = sandbox.webhooks.log()[0]
    assert (row["state"], row["http_status"], row["error"]) == ("failed", 0, "ConnectionError")


def test_nothing_ever_leaves_this_machine(sandbox: Sandbox) -> None:
    for number, url in enumerate(["https://shop.example/", "http://10.0.0.1/", "ftp://localhost/", "http://[bad"]):
        paid(sandbox, f"order{number}", notice_url=url)
    assert [row["state"] for row in sandbox.webhooks.log()] == ["refused"] * 4


def test_a_resend_repeats_the_stored_body_to_the_stored_address(hooked: Sandbox) -> None:
    paid(hooked)
    hooked.settings.set(webhook_url="https://shop.example/new")
    assert hooked.webhooks.resend(hooked.webhooks.log()[0]["id"])
    first, second = hooked.webhooks.log()
    assert (first["url"], first["body"]) == (second["url"], second["body"])
    assert bodies(hooked) == [("order1", "paid")] * 2
    assert not hooked.webhooks.resend(999)


def test_off_drops_all(hooked: Sandbox) -> None:
    hooked.settings.set(webhook_mode="off")
    paid(hooked)
    hooked.flush_webhooks()
    assert [row["state"] for row in hooked.webhooks.log()] == ["off"]


def test_held_webhooks_wait_for_flush(hooked: Sandbox) -> None:
    hooked.settings.set(webhook_mode="held")
    paid(hooked, "a")
    paid(hooked, "b")
    assert bodies(hooked) == []
    assert hooked.flush_webhooks() == 2
    assert bodies(hooked) == [("a", "paid"), ("b", "paid")]


def test_doubled_sends_each_twice(hooked: Sandbox) -> None:
    hooked.settings.set(webhook_mode="doubled")
    paid(hooked)
    assert bodies(hooked) == [("order1", "paid")] * 2


def test_reordered_swaps_pairs(hooked: Sandbox) -> None:
    hooked.settings.set(webhook_mode="reordered")
    order: list[str] = []

    def take(url: str, body: bytes, content_type: str) -> int:
        order.append(json.loads(body)["status"])
        return 200

    hooked.webhooks.deliver = take
    imp_uid = waiting_account(hooked)
    hooked.deposit(imp_uid)
    hooked.flush_webhooks()
    assert order == ["paid", "ready"]


def test_a_delayed_webhook_waits_for_the_clock_or_flush(hooked: Sandbox) -> None:
    hooked.settings.set(webhook_delay=3600)
    paid(hooked)
    assert bodies(hooked) == []
    hooked.flush_webhooks()
    assert bodies(hooked) == [("order1", "paid")]


def test_one_webhook_can_be_lost_doubled_or_late(hooked: Sandbox) -> None:
    hooked.faults.add("webhook_lost", merchant_uid="lost")
    hooked.faults.add("webhook_doubled", merchant_uid="twice")
    hooked.faults.add("webhook_late", merchant_uid="late", seconds=600)
    for uid in ("lost", "twice", "late", "plain"):
        paid(hooked, uid)
    assert bodies(hooked) == [("twice", "paid"), ("twice", "paid"), ("plain", "paid")]
    hooked.flush_webhooks()
    assert ("late", "paid") in bodies(hooked)
    assert ("lost", "paid") not in bodies(hooked)


def test_the_receiver_sees_the_committed_record(hooked: Sandbox) -> None:
    seen: list[str] = []
    hooked.webhooks.deliver = lambda url, body, content_type: (
        seen.append(hooked.payment(json.loads(body)["imp_uid"])["status"]) or 200  # type: ignore[func-returns-value]
    )
    paid(hooked)
    assert seen == ["paid"]


def test_a_receiver_that_raises_harms_nobody(hooked: Sandbox) -> None:
    def broken(url: str, body: bytes, content_type: str) -> int:
        raise RuntimeError("shop is down")

    hooked.webhooks.deliver = broken
    paid(hooked)
    assert hooked.webhooks.log()[0]["error"] == "RuntimeError: shop is down"
