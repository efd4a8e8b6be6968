"""What each whole, refused or broken answer means."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from portone_django.gateway import (
    Client,
    MalformedAnswer,
    Misconfigured,
    NoAnswer,
    NotFound,
    OutcomeUnknown,
    PortOneError,
    RateLimited,
    Refused,
    ServerTrouble,
)

from .records import payment
from .two_calls import GOOD, HTML, charge
from .wire_server import (
    HEAD,
    Answer,
    WireServer,
    envelope,
    ok,
    raw,
    reply,
    reset,
)

pytestmark = pytest.mark.usefixtures("short_pauses")


BROKEN: list[tuple[str, Answer, type[PortOneError]]] = [
    ("500 in the envelope", reply(500, envelope(-1, "알 수 없는 오류")), ServerTrouble),
    ("500 that claims success", reply(500, envelope(0, None, payment())), ServerTrouble),
    ("501", reply(501, envelope(-1, "")), ServerTrouble),
    ("502 in HTML", reply(502, HTML), ServerTrouble),
    ("504 without a body", reply(504, b""), ServerTrouble),
    ("429", reply(429, envelope(-1, "")), RateLimited),
    ("200 in HTML", reply(200, HTML), MalformedAnswer),
    ("200 without a body", reply(200, b""), MalformedAnswer),
    ("204", reply(204, b""), MalformedAnswer),
    (
        "cut inside the JSON, length too long",
        raw(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"code": 0'),
        NoAnswer,
    ),
    ("cut inside the JSON, no length", raw(b'HTTP/1.1 200 OK\r\n\r\n{"code": 0'), MalformedAnswer),
    ("length shorter than the JSON", reply(200, envelope(0), {"Content-Length": "9"}), MalformedAnswer),
    ("broken chunks", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"), NoAnswer),
    ("no HTTP at all", raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), NoAnswer),
    ("closed without a byte", raw(b""), NoAnswer),
    ("reset", reset(), NoAnswer),
    ("EUC-KR", reply(200, '{"code": 0, "message": "결제"}'.encode("euc-kr")), MalformedAnswer),
    ("gzip that is none", reply(200, b"{}", {"Content-Encoding": "gzip"}), MalformedAnswer),
    ("gzip cut off", reply(200, gzip.compress(b"{}" * 500)[:20], {"Content-Encoding": "gzip"}), MalformedAnswer),
    ("an encoding nobody asked for", reply(200, b"x", {"Content-Encoding": "br"}), MalformedAnswer),
    ("double keys", reply(200, b'{"code": 1, "code": 0, "response": null}'), MalformedAnswer),
    ("no code", reply(200, {"response": payment()}), MalformedAnswer),
    ("code as text", reply(200, {"code": "0", "response": payment()}), MalformedAnswer),
    ("code as true", reply(200, {"code": False, "response": payment()}), MalformedAnswer),
    ("a list", reply(200, [1]), MalformedAnswer),
    ("null response", reply(200, envelope(0)), MalformedAnswer),
    ("amount as text", ok(payment(amount="9900")), MalformedAnswer),
    ("bottomless nesting", reply(200, b"[" * 200_000), MalformedAnswer),
    ("301", reply(301, b"", {"Location": "http://127.0.0.1:1/"}), MalformedAnswer),
    ("307", reply(307, b"", {"Location": "/payments/imp_999"}), MalformedAnswer),
]


@pytest.mark.parametrize(("answer", "kind"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_answer_leaves_the_outcome_unknown_and_a_post_is_never_repeated(
    server: WireServer, client: Client, answer: Answer, kind: type[PortOneError]
) -> None:
    server.answers.extend([answer, GOOD])
    with pytest.raises(OutcomeUnknown) as caught:
        charge(client)
    assert type(caught.value) is kind
    assert len(server.calls) == 1


REFUSALS: list[tuple[str, Answer, type[PortOneError], int | None]] = [
    ("in band", reply(200, envelope(1, "등록되지 않은 구매자입니다.")), Refused, 1),
    ("in band, negative", reply(200, envelope(-1, "카드정보 인증에 실패하였습니다.")), Refused, -1),
    ("in band with a record", reply(200, envelope(1, "실패", payment())), Refused, 1),
    ("400 in the envelope", reply(400, envelope(1, "상품명이 필수입니다.")), Refused, 1),
    ("409 in the envelope", reply(409, envelope(1, "")), Refused, 1),
    ("404 in the envelope", reply(404, envelope(-1, "존재하지 않는 결제정보입니다.")), NotFound, -1),
    ("404 of a web server", reply(404, b"<html>Not Found</html>"), Misconfigured, None),
    ("404 of another API", reply(404, {"message": "no Route matched"}), Misconfigured, None),
    ("403 in the envelope", reply(403, envelope(-1, "허용되지 않은 IP")), Misconfigured, -1),
    ("403 in HTML", reply(403, HTML), Misconfigured, None),
    ("400 in HTML", reply(400, HTML), Misconfigured, None),
]


@pytest.mark.parametrize(("answer", "kind", "code"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_a_refusal_is_sorted_by_status_and_envelope(
    server: WireServer, client: Client, answer: Answer, kind: type[PortOneError], code: int | None
) -> None:
    server.answers.extend([answer, GOOD])
    with pytest.raises(Refused) as caught:
        charge(client)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.call == "again"
    assert len(server.calls) == 1


def test_the_message_of_a_refusal_is_kept(server: WireServer, client: Client) -> None:
    server.answers.append(reply(200, envelope(1, "등록되지 않은 구매자입니다.")))
    with pytest.raises(Refused, match="등록되지 않은 구매자입니다") as caught:
        charge(client)
    assert caught.value.message == "등록되지 않은 구매자입니다."


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 64 * 1024 * 1024])
def test_an_answer_beyond_a_megabyte_is_not_read_to_its_end(server: WireServer, client: Client, size: int) -> None:
    sent: list[int] = []

    def huge(connection: socket.socket, _: WireServer) -> None:
        connection.sendall(HEAD + f"Content-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 65536):
            connection.sendall(b" " * 65536)
            sent.append(65536)
        connection.sendall(b" " * (size % 65536))

    server.answers.append(huge)
    with pytest.raises(MalformedAnswer, match="longer than"):
        charge(client)
    server.close()
    assert sum(sent) < 32 * 1024 * 1024


def test_a_gzip_bomb_is_not_unpacked(server: WireServer, client: Client) -> None:
    bomb = gzip.compress(b" " * (64 * 1024 * 1024), compresslevel=1)
    assert len(bomb) < 1024 * 1024
    server.answers.append(reply(200, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(MalformedAnswer, match="longer than 1048576 bytes"):
        charge(client)


def test_gzip_is_understood_though_not_asked_for(server: WireServer, client: Client) -> None:
    body = gzip.compress(json.dumps(envelope(0, None, payment())).encode())
    server.answers.append(reply(200, body, {"Content-Encoding": "gzip"}))
    assert charge(client).status == "paid"
    assert server.calls[0].headers["accept-encoding"] == "identity"


def test_a_list_may_be_longer_than_a_single_answer(server: WireServer, client: Client) -> None:
    many = [payment(imp_uid=f"imp_{n:012}", user_agent="x" * 20_000) for n in range(100)]
    server.answers.append(ok({"total": 100, "previous": 0, "next": 0, "list": many}))
    assert len(client.find_all_payments("t0001")) == 100
