"""A PortOne for measuring only: answers charges as fast as one process can, or each after a given latency.

    python -m benchmarks.gateway            what it can do, asked over raw sockets
    python -m benchmarks.gateway --serve [--latency 0.1]

It knows getToken, again and findAll. A merchant_uid is charged once and refused from then on; nothing survives it.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import subprocess
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from portone_django.sandbox.records import new_payment

CHANNEL = {"pg_provider": "html5_inicis", "pg_id": "INIBillTst", "sandbox": True}
CARD = {"card_code": "366", "card_name": "신한카드", "card_number": "559410*********4", "apply_num": "30012345"}
HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n"


class Gateway:
    """One thread over epoll. `paid_at` are the moments (time.monotonic) at which charges were answered as paid."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN)
        self.peers: dict[int, tuple[socket.socket, bytearray]] = {}
        self.late: deque[tuple[float, int, bytes]] = deque()
        self.paid: dict[str, tuple[str, int, str]] = {}
        self.paid_at = array("d")
        self.refused = 0
        self.serial = time.time_ns() // 1000 % 10**12
        self.template = _template()

    def serve(self) -> None:
        """Until it is killed."""
        while True:
            for number, _ in self.epoll.poll(self._patience()):
                if number == self.listener.fileno():
                    self._accept()
                else:
                    self._read(number)
            while self.late and self.late[0][0] <= time.monotonic():
                _, number, answer = self.late.popleft()
                self._write(number, answer)

    def _patience(self) -> float:
        return max(self.late[0][0] - time.monotonic(), 0.0) if self.late else -1

    def _accept(self) -> None:
        peer, _ = self.listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers[peer.fileno()] = (peer, bytearray())
        self.epoll.register(peer, select.EPOLLIN)

    def _read(self, number: int) -> None:
        peer, buffer = self.peers[number]
        try:
            received = peer.recv(65536)
        except OSError:
            received = b""
        if not received:
            self.epoll.unregister(peer)
            del self.peers[number]
            peer.close()
            return
        buffer += received
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(buffer[:end]).decode("latin-1")
            size = end + 4 + _length(head)
            if len(buffer) < size:
                return
            is_charge, answer = self._answer(head, bytes(buffer[end + 4 : size]))
            del buffer[:size]
            if is_charge and self.latency:
                self.late.append((time.monotonic() + self.latency, number, answer))
            else:
                self._write(number, answer)

    def _write(self, number: int, answer: bytes) -> None:
        if number in self.peers:
            self.peers[number][0].sendall(answer)

    def _answer(self, head: str, body: bytes) -> tuple[bool, bytes]:
        path = head.split(" ", 2)[1]
        if path == "/subscribe/payments/again":
            return True, self._charge(json.loads(body))
        if path == "/users/getToken":
            now = int(time.time())
            return False, _ok({"access_token": "t" * 40, "now": now, "expired_at": now + 1800})
        if path.startswith("/payments/findAll/"):
            return False, self._find(path.split("?")[0].split("/")[3])
        if path == "/counts":
            return False, _ok({"paid": len(self.paid), "refused": self.refused})
        if path == "/moments":
            return False, _ok(list(self.paid_at))
        return False, _reply(b'{"code": -1, "message": "no such path", "response": null}', b"404 Not Found")

    def _charge(self, asked: dict[str, Any]) -> bytes:
        uid = asked["merchant_uid"]
        if uid in self.paid:
            self.refused += 1
            return _reply('{"code": 1, "message": "이미 승인완료된 merchant_uid입니다.", "response": null}'.encode())
        self.serial += 1
        self.paid[uid] = (f"imps_{self.serial:012d}", asked["amount"], asked["customer_uid"])
        self.paid_at.append(time.monotonic() + self.latency)
        return _reply(b'{"code": 0, "message": null, "response": %s}' % self._record(uid))

    def _find(self, uid: str) -> bytes:
        if uid not in self.paid:
            return _reply(b'{"code": -1, "message": "no such payment", "response": null}', b"404 Not Found")
        page = b'{"code": 0, "message": null, "response": {"total": 1, "previous": 0, "next": 0, "list": [%s]}}'
        return _reply(page % self._record(uid))

    def _record(self, uid: str) -> bytes:
        imp_uid, amount, customer_uid = self.paid[uid]
        now = int(time.time())
        return (self.template % (imp_uid, uid, imp_uid[5:], customer_uid, amount, now, now)).encode()


def _template() -> str:
    """A paid record of the sandbox's making, with places for what differs."""
    source = {"name": "Pro", "buyer_name": "홍길동", "buyer_email": "buyer@example.com", "buyer_tel": "010-0000-0000"}
    record = new_payment(
        imp_uid="@s", merchant_uid="@s", channel=CHANNEL, device="api", amount=0, now=0, source=source
    )  # fmt: skip
    record.update(CARD, status="paid", pg_tid="INIAPICARD@s", customer_uid="@s", customer_uid_usage="payment")
    own = {name: record.pop(name) for name in ("imp_uid", "merchant_uid", "pg_tid", "customer_uid")}
    numbers = {name: record.pop(name) and 0 for name in ("amount", "started_at", "paid_at")}
    text = json.dumps({**own, **dict.fromkeys(numbers, "@d"), **record}, ensure_ascii=False)
    return text.replace("%", "%%").replace('"@d"', "%d").replace("@s", "%s")


def _length(head: str) -> int:
    at = head.lower().find("content-length:")
    return int(head[at + 15 :].split("\r\n", 1)[0]) if at >= 0 else 0


def _ok(response: Any) -> bytes:
    return _reply(json.dumps({"code": 0, "message": None, "response": response}).encode())


def _reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    return HEAD % (status, len(body)) + body


@contextmanager
def gateway(latency: float = 0.0) -> Iterator[str]:
    """One of its own in another process, by its address."""
    command = [sys.executable, "-m", "benchmarks.gateway", "--serve", "--latency", str(latency)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def ask(address: str, path: str) -> Any:
    """`/counts` of paid and refused charges, or `/moments` at which charges were paid."""
    with urlopen(address + path) as answer:
        return json.load(answer)["response"]


def pace(address: str) -> float:
    """Charges a second, without the first and the last tenth: when workers begin and end is not what is measured."""
    ordered = sorted(ask(address, "/moments"))
    first, last = len(ordered) // 10, len(ordered) * 9 // 10
    return (last - first) / (ordered[last] - ordered[first])


def own_rate(seconds: float = 3.0, connections: int = 64) -> float:
    """What it answers a second to one process that does nothing else than ask, over so many kept connections."""
    with gateway() as address:
        host, port = address.removeprefix("http://").split(":")
        epoll, peers = select.epoll(), {}
        for _ in range(connections):
            peer = socket.create_connection((host, int(port)))
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peers[peer.fileno()] = peer
            epoll.register(peer, select.EPOLLIN)
        for number, peer in enumerate(peers.values()):
            peer.sendall(_question(number))
        asked, end = connections, time.monotonic() + seconds
        while time.monotonic() < end:
            for number, _ in epoll.poll(1):
                peers[number].recv(65536)
                peers[number].sendall(_question(asked))
                asked += 1
        assert not ask(address, "/counts")["refused"]
        return pace(address)


def _question(number: int) -> bytes:
    asked = {"customer_uid": "c", "merchant_uid": f"t{number:024d}", "amount": 9900, "name": "Pro", "currency": "KRW"}
    body = json.dumps(asked).encode()
    head = "POST /subscribe/payments/again HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: %d\r\n\r\n"
    return (head % len(body)).encode() + body


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    if not options.serve:
        print(f"The gateway answers {own_rate():,.0f} charges/s to one process over 64 raw connections.")
        return
    server = Gateway(options.latency)
    print(f"http://127.0.0.1:{server.listener.getsockname()[1]}", flush=True)
    server.serve()


if __name__ == "__main__":
    main()
