"""What leaves, what is repeated and what each broken answer means, over real sockets."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from portone_django.gateway import (
    Client,
    MalformedAnswer,
    Misconfigured,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PortOneError,
    RateLimited,
    Refused,
    ServerTrouble,
    Unauthorized,
)

from .conftest import IMP_KEY, IMP_SECRET, make_client
from .records import payment
from .wire_server import (
    TOKEN,
    Answer,
    WireServer,
    drip,
    envelope,
    hang,
    ok,
    raw,
    reply,
    reset,
    then_close,
    token_answer,
)

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
GOOD = ok(payment())


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", (0.01, 0.01))


def charge(client: Client, **options: Any) -> Any:
    return client.again(customer_uid="key-1", merchant_uid="t0001", amount=9900, name="이용권", **options)


def look_up(client: Client, **options: Any) -> Any:
    return client.get_payment("imp_123456789012", include_sandbox=True, **options)


def test_a_call_sends_json_with_a_bearer_token_and_reads_the_record(server: WireServer, client: Client) -> None:
    server.answers.append(GOOD)
    assert charge(client).status == "paid"
    (sent,) = server.calls
    assert (sent.method, sent.target) == ("POST", "/subscribe/payments/again")
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["content-type"] == "application/json"
    assert sent.json == {
        "customer_uid": "key-1",
        "merchant_uid": "t0001",
        "amount": 9900,
        "name": "이용권",
        "currency": "KRW",
    }
    assert server.token_calls[0].json == {"imp_key": IMP_KEY, "imp_secret": IMP_SECRET}
    assert "authorization" not in server.token_calls[0].headers


def test_calls_share_one_connection(server: WireServer, client: Client) -> None:
    server.answers.extend([GOOD, GOOD, GOOD])
    charge(client)
    look_up(client)
    charge(client)
    assert {request.connection for request in server.requests} == {1}


def test_a_path_prefix_of_the_base_is_kept(server: WireServer) -> None:
    server.answers.extend([token_answer(), GOOD])
    look_up(make_client(server.base + "/sandbox/"))
    assert [request.path for request in server.requests] == [
        "/sandbox/users/getToken",
        "/sandbox/payments/imp_123456789012",
    ]


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


WRITES: list[tuple[str, Callable[[Client], object]]] = [
    ("again", charge),
    ("cancel", lambda c: c.cancel_payment(imp_uid="imp_1", amount=1, checksum=1, reason="r")),
    ("prepare", lambda c: c.prepare("t1", 100)),
    ("change_prepared (PUT)", lambda c: c.change_prepared("t1", 100)),
    ("move (PUT)", lambda c: c.move("t1", 1788663600)),
    ("retry", lambda c: c.retry("t1")),
    ("unschedule", lambda c: c.unschedule("key-1", ["t1"])),
    ("delete_billing_key (DELETE)", lambda c: c.delete_billing_key("key-1")),
    ("revoke_vbank (DELETE)", lambda c: c.revoke_vbank("imp_1", "k")),
]


@pytest.mark.parametrize("write", [row[1] for row in WRITES], ids=[row[0] for row in WRITES])
@pytest.mark.parametrize("fault", [reply(503, b""), reset(), reply(429, b"")], ids=["503", "reset", "429"])
def test_nothing_but_a_get_is_ever_repeated(
    server: WireServer, client: Client, write: Callable[[Client], object], fault: Answer
) -> None:
    server.answers.extend([fault, GOOD, GOOD])
    with pytest.raises(OutcomeUnknown):
        write(client)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "fault", [reply(503, HTML), reset(), raw(b""), reply(429, b"")], ids=["503", "reset", "closed", "429"]
)
def test_a_get_is_repeated_until_it_answers(server: WireServer, client: Client, fault: Answer) -> None:
    server.answers.extend([fault, fault, GOOD])
    assert look_up(client).status == "paid"
    assert len(server.calls) == 3


def test_a_get_is_tried_three_times_at_most(server: WireServer, client: Client) -> None:
    server.answers.extend([reply(500, b"")] * 9)
    with pytest.raises(ServerTrouble):
        look_up(client)
    assert len(server.calls) == 3


@pytest.mark.parametrize(
    "answer", [reply(200, HTML), reply(302, b""), reply(404, envelope(-1, ""))], ids=["HTML", "redirect", "404"]
)
def test_a_get_is_not_repeated_where_the_same_answer_would_come_again(
    server: WireServer, client: Client, answer: Answer
) -> None:
    server.answers.extend([answer, GOOD])
    with pytest.raises(PortOneError):
        look_up(client)
    assert len(server.calls) == 1


def test_a_get_is_not_repeated_when_retry_after_does_not_fit_the_deadline(server: WireServer, client: Client) -> None:
    server.answers.extend([reply(429, b"", {"Retry-After": "600"}), GOOD])
    with pytest.raises(RateLimited) as caught:
        look_up(client)
    assert caught.value.retry_after == 600
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("999999", 3600), ("-5", None), ("soon", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("", None)],
)
def test_retry_after_is_read_in_both_spellings_and_bounded(
    server: WireServer, client: Client, header: str, seconds: float | None
) -> None:
    server.answers.append(reply(429, b"", {"Retry-After": header}))
    with pytest.raises(RateLimited) as caught:
        charge(client)
    assert caught.value.retry_after == seconds


def test_no_adapter_of_the_session_repeats_by_itself(client: Client) -> None:
    session = client._transport._session
    assert session.adapters
    for adapter in session.adapters.values():
        assert isinstance(adapter, HTTPAdapter)
        assert adapter.max_retries.total == 0
        assert adapter.max_retries.read is False


def test_a_session_that_repeats_requests_is_refused() -> None:
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(3)))
    with pytest.raises(ImproperlyConfigured, match="repeat"):
        Client(api_base="https://api.iamport.kr", imp_key="k", imp_secret="s", session=session)


def test_the_environment_sets_no_proxy_and_no_password(
    server: WireServer, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    server.answers.append(GOOD)
    look_up(client)
    assert server.calls[0].headers["authorization"] == f"Bearer {TOKEN}"


# --- surely not sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [charge, look_up])
def test_a_refused_connection_is_not_sent(call: Callable[[Client], object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotSent):
        call(make_client(f"http://127.0.0.1:{port}", deadline=3))


def test_a_refused_connection_after_the_token_is_not_sent(server: WireServer, client: Client) -> None:
    server.tokens.append(then_close(token_answer()))
    server.answers.append(GOOD)
    charge(client)
    server.close()
    with pytest.raises(NotSent):
        charge(client)


def test_an_unknown_host_is_not_sent() -> None:
    with pytest.raises(NotSent, match="again was not sent"):
        charge(make_client("https://no-such-host.invalid"))


def test_a_server_that_speaks_no_tls_is_not_sent(server: WireServer) -> None:
    base = f"https://127.0.0.1:{server.port}"
    with pytest.raises(NotSent, match="SSLError"):
        charge(make_client(base))
    assert server.requests == []


def test_a_certificate_nobody_vouches_for_is_not_sent(tls_server: WireServer) -> None:
    with pytest.raises(NotSent, match="SSLError"):
        charge(make_client(tls_server.base))
    assert tls_server.requests == []


def test_a_server_that_stalls_in_the_tls_handshake_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NotSent):
            charge(make_client(base, deadline=0.5))


def test_no_time_left_is_not_sent(server: WireServer, client: Client) -> None:
    with pytest.raises(NotSent, match="no time left"):
        charge(client, deadline=0)
    assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [reply(503, HTML), reset(), reply(200, HTML), reply(429, b""), ok({"access_token": 5}), hang()],
    ids=["503", "reset", "HTML", "429", "not a token", "silence"],
)
def test_whatever_happens_to_get_token_the_call_itself_was_not_sent(server: WireServer, answer: Answer) -> None:
    server.tokens.append(answer)
    with pytest.raises(NotSent, match="again was not sent: no token") as caught:
        charge(make_client(server.base, deadline=1))
    assert caught.value.call == "again"
    assert server.calls == []


def test_a_session_of_the_callers_is_sorted_by_its_exception(server: WireServer) -> None:
    client = Client(api_base=server.base, imp_key=IMP_KEY, imp_secret=IMP_SECRET, session=requests.Session())
    server.answers.append(reset())
    with pytest.raises(NoAnswer):
        charge(client)
    server.close()
    with pytest.raises(NotSent):
        charge(client)


# --- after the first byte ------------------------------------------------------------------------------------------


def test_a_stale_connection_makes_a_post_unknown_not_repeated(server: WireServer, client: Client) -> None:
    server.answers.extend([GOOD, raw(b""), GOOD])
    charge(client)
    with pytest.raises(NoAnswer):
        charge(client)
    assert [request.connection for request in server.calls] == [1, 1]


class SoftTimeLimit(Exception):
    """What a worker raises in the middle of a task."""


def test_an_interruption_after_the_request_left_is_unknown(
    server: WireServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers.extend([GOOD, GOOD])
    charge(client)

    def interrupted(*_: Any) -> Any:
        raise SoftTimeLimit

    monkeypatch.setattr("portone_django.gateway.transport.read_answer", interrupted)
    with pytest.raises(NoAnswer, match="SoftTimeLimit"):
        charge(client)


# --- one deadline for everything -------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS: list[tuple[str, Answer]] = [
    ("silence", hang()),
    ("status line", drip(b"HTTP/1.1 2", b"0")),
    ("one header line", drip(HEAD + b"X-Slow: ", b"a")),
    ("many header lines", drip(HEAD, b"X: y\r\n")),
    ("100 Continue for ever", drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
    ("body with a length", drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b" ")),
    ("body without a length", drip(HEAD + b"\r\n", b" ")),
    ("chunks", drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")),
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("call", [charge, look_up])
@pytest.mark.parametrize("answer", [row[1] for row in DRIPS], ids=[row[0] for row in DRIPS])
def test_a_slow_drip_ends_with_the_deadline(
    server: WireServer, client: Client, answer: Answer, call: Callable[..., object]
) -> None:
    """The server never stops: without a deadline for the whole call this test would not end."""
    server.answers.extend([answer] * 3)
    with pytest.raises(NoAnswer):
        call(client, deadline=0.4)


@pytest.mark.timeout(30)
def test_a_slow_drip_over_tls_ends_with_the_deadline(tls_server: WireServer, tls_client: Client) -> None:
    tls_server.answers.extend([GOOD, drip(HEAD + b"X-Slow: ", b"a"), drip(HEAD + b"\r\n", b" ")])
    assert charge(tls_client).status == "paid"
    for _ in range(2):
        with pytest.raises(NoAnswer):
            charge(tls_client, deadline=0.4)


@pytest.mark.timeout(30)
def test_the_deadline_covers_token_and_call_together(server: WireServer, client: Client) -> None:
    server.tokens.append(drip(HEAD, b"X: y\r\n"))
    with pytest.raises(NotSent):
        charge(client, deadline=0.4)


@pytest.mark.timeout(30)
def test_the_deadline_covers_all_pages_together(server: WireServer, client: Client) -> None:
    first = {"total": 200, "previous": 0, "next": 2, "list": [payment()]}
    server.answers.extend([ok(first), hang()])
    with pytest.raises(NoAnswer):
        client.find_all_payments("t0001", deadline=0.4)


# --- size ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 64 * 1024 * 1024])
def test_an_answer_beyond_a_megabyte_is_not_read_to_its_end(server: WireServer, client: Client, size: int) -> None:
    sent: list[int] = []

    def huge(connection: socket.socket, _: WireServer) -> None:
        connection.settimeout(5)
        connection.sendall(HEAD + f"Content-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 65536):
            connection.sendall(b" " * 65536)
            sent.append(65536)
        connection.sendall(b" " * (size % 65536))
        connection.settimeout(0.05)

    server.answers.append(huge)
    with pytest.raises(MalformedAnswer, match="longer than"):
        charge(client)
    server.close()
    assert sum(sent) < 32 * 1024 * 1024


def test_a_gzip_bomb_is_not_unpacked(server: WireServer, client: Client) -> None:
    bomb = gzip.compress(b" " * (200 * 1024 * 1024))
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


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(
    server: WireServer, client: Client, status: int
) -> None:
    elsewhere = WireServer()
    with contextlib.closing(elsewhere):
        server.answers.append(reply(status, b"", {"Location": f"{elsewhere.base}/payments/imp_123456789012"}))
        with pytest.raises(MalformedAnswer, match="redirect"):
            look_up(client)
    assert elsewhere.requests == []
    assert len(server.calls) == 1


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base",
    [
        "http://api.iamport.kr",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "ftp://127.0.0.1",
        "https://user:word@api.iamport.kr",
        "https://api.iamport.kr?x=1",
        "https://api.iamport.kr#x",
        "https://",
        "https://api.iamport.kr:99999",
        "https://[api.iamport.kr",
        "api.iamport.kr",
        "",
    ],
)
def test_only_https_or_this_machine_itself_is_an_address(base: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="API_BASE"):
        make_client(base)


@pytest.mark.parametrize(
    "base", ["https://api.iamport.kr", "http://localhost:8000", "http://[::1]:1", "http://127.9.9.9"]
)
def test_https_and_loopback_are_addresses(base: str) -> None:
    assert repr(make_client(base)) == f"<Client {base}>"


# --- fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed: no certificate to serve TLS with")
    return key, cert


@pytest.fixture
def tls_server(certificate: tuple[Path, Path]) -> Iterator[WireServer]:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = WireServer(tls=context)
    yield server
    server.close()


@pytest.fixture
def tls_client(tls_server: WireServer, certificate: tuple[Path, Path]) -> Client:
    client = make_client(tls_server.base)
    client._transport._session.verify = str(certificate[1])
    return client


def test_a_server_with_a_good_certificate_is_spoken_to(tls_server: WireServer, tls_client: Client) -> None:
    tls_server.answers.append(GOOD)
    assert charge(tls_client).imp_uid == "imp_123456789012"


def test_bad_keys_are_unauthorised_and_the_call_is_not_made(server: WireServer, client: Client) -> None:
    server.tokens.append(reply(401, envelope(-1, "Unauthorized")))
    with pytest.raises(Unauthorized, match="IMP_SECRET"):
        charge(client)
    assert server.calls == []
