"""A real server on a real socket: threads, a restart, and faults as a client on the network meets them."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from portone_django.sandbox import permission
from portone_django.sandbox.ledger import Sandbox, use_sandbox
from portone_django.sandbox.server import SandboxServer
from tests.sandbox.door import Door, paid, registered, statuses

AGAIN = "/subscribe/payments/again"
CHARGE = {"customer_uid": "card1", "merchant_uid": "sub1", "amount": 8_900, "name": "월간 이용권"}


@contextmanager
def serving(path: Path) -> Iterator[tuple[Sandbox, Door]]:
    sandbox = Sandbox(path)
    server = SandboxServer(sandbox)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with requests.Session() as session:
        session.trust_env = False
        door = Door(session, server.url)
        door.log_in()
        try:
            yield sandbox, door
        finally:
            server.shutdown()
            server.server_close()
            sandbox.close()
            use_sandbox(None)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Sandbox, Door]]:
    with serving(tmp_path / "portone.sqlite3") as both:
        yield both


def test_a_restart_keeps_payments_and_the_token(tmp_path: Path) -> None:
    with serving(tmp_path / "portone.sqlite3") as (sandbox, door):
        paid(sandbox)
        headers = door.headers
    with serving(tmp_path / "portone.sqlite3") as (_, door):
        door.headers = headers
        assert door.ok("GET", "/payments/find/order1")["status"] == "paid"


def test_many_clients_charge_one_number_once(served: tuple[Sandbox, Door]) -> None:
    sandbox, door = served
    registered(sandbox)
    barrier = threading.Barrier(10)
    codes: list[int] = []

    def charge() -> None:
        barrier.wait()
        answer = requests.post(door.base + AGAIN, json=CHARGE, headers=door.headers, timeout=20)
        codes.append(answer.json()["code"])

    threads = [threading.Thread(target=charge) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [0] + [1] * 9
    assert statuses(sandbox, "sub1") == ["paid"]


def test_one_connection_serves_many_requests(served: tuple[Sandbox, Door]) -> None:
    _, door = served
    host, _, port = door.base.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.connect()
    socket = connection.sock
    for path in ("/cards", "/banks", "/nothing"):
        connection.request("GET", path, headers=door.headers)
        assert json.loads(connection.getresponse().read())["message"] in (None, "Not Found")
        assert connection.sock is socket  # http.client drops it when the server closes
    connection.close()


@pytest.mark.parametrize(
    ("kind", "error", "effect"),
    [
        ("timeout_before", requests.ReadTimeout, []),
        ("timeout_after", requests.ReadTimeout, ["paid"]),
        ("drop_before", requests.ConnectionError, []),
        ("drop_after", requests.ConnectionError, ["paid"]),
        ("truncated", requests.exceptions.ChunkedEncodingError, ["paid"]),
        ("wrong_length", requests.exceptions.ChunkedEncodingError, ["paid"]),
        ("slow_drip", requests.ConnectionError, ["paid"]),
    ],
)
def test_faults_of_the_wire_are_real(
    served: tuple[Sandbox, Door], kind: str, error: type[Exception], effect: list[str]
) -> None:
    sandbox, door = served
    registered(sandbox)
    sandbox.faults.add(kind, path=AGAIN, interval=5)
    with pytest.raises(error):
        door.call("POST", AGAIN, json=CHARGE, timeout=3)
    assert statuses(sandbox, "sub1") == effect
    assert door.get("/cards").status_code == 200


def test_the_switchboard_works_over_the_socket(served: tuple[Sandbox, Door]) -> None:
    _, door = served
    door.call("POST", "/_sandbox/faults", json={"kind": "http_502", "path": "/cards"})
    answer = door.get("/cards")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=UTF-8")
    assert "결제 내역" in door.get("/").text


def test_the_window_is_served_without_the_projects_urls(
    served: tuple[Sandbox, Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permission, "_allowed_by_command", True)
    _, door = served
    answer = door.call("GET", "/v1/iamport.js", headers={})
    assert answer.status_code == 200
    assert "request_pay" in answer.text
    assert door.call("GET", "/v1/nothing", headers={}).status_code == 404


def test_a_quoted_slash_arrives_whole(served: tuple[Sandbox, Door]) -> None:
    sandbox, door = served
    paid(sandbox, "a/b")
    assert door.ok("GET", "/payments/find/a%2Fb")["merchant_uid"] == "a/b"
