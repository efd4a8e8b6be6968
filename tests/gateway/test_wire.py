"""What surely did not leave, what may have, and that one deadline covers everything."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
import requests

from portone_django.gateway import (
    Client,
    NoAnswer,
    NotSent,
    Unauthorized,
)

from .conftest import IMP_KEY, IMP_SECRET, make_client
from .records import payment
from .two_calls import GOOD, HTML, charge, look_up
from .wire_server import (
    HEAD,
    Answer,
    WireServer,
    drip,
    envelope,
    hang,
    ok,
    raw,
    reply,
    reset,
)

pytestmark = pytest.mark.usefixtures("short_pauses")


def test_a_server_with_a_good_certificate_is_spoken_to(tls_server: WireServer, tls_client: Client) -> None:
    tls_server.answers.append(GOOD)
    assert charge(tls_client).imp_uid == "imp_123456789012"


@pytest.mark.parametrize("call", [charge, look_up])
def test_a_refused_connection_is_not_sent(call: Callable[[Client], object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotSent):
        call(make_client(f"http://127.0.0.1:{port}", deadline=3))


def test_a_refused_connection_after_the_token_is_not_sent(server: WireServer, client: Client) -> None:
    server.answers.append(GOOD)
    charge(client)
    server.close()
    # No connection is left open: on one, the end of the server might be seen only after the request was written.
    client._transport._session.close()
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
    # No connection is left open: on one, the end of the server might be seen only after the request was written.
    client._transport._session.close()
    with pytest.raises(NotSent):
        charge(client)


def test_bad_keys_are_unauthorised_and_the_call_is_not_made(server: WireServer, client: Client) -> None:
    server.tokens.append(reply(401, envelope(-1, "Unauthorized")))
    with pytest.raises(Unauthorized, match="IMP_SECRET"):
        charge(client)
    assert server.calls == []


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
        call(client, deadline=1.5)


@pytest.mark.timeout(30)
def test_a_slow_drip_over_tls_ends_with_the_deadline(tls_server: WireServer, tls_client: Client) -> None:
    tls_server.answers.extend([GOOD, drip(HEAD + b"X-Slow: ", b"a"), drip(HEAD + b"\r\n", b" ")])
    assert charge(tls_client).status == "paid"
    for _ in range(2):
        with pytest.raises(NoAnswer):
            charge(tls_client, deadline=1.5)


@pytest.mark.timeout(30)
def test_the_deadline_covers_token_and_call_together(server: WireServer, client: Client) -> None:
    server.tokens.append(drip(HEAD, b"X: y\r\n"))
    with pytest.raises(NotSent):
        charge(client, deadline=1.5)


@pytest.mark.timeout(30)
def test_the_deadline_covers_all_pages_together(server: WireServer, client: Client) -> None:
    first = {"total": 200, "previous": 0, "next": 2, "list": [payment()]}
    server.answers.extend([ok(first), hang()])
    with pytest.raises(NoAnswer):
        client.find_all_payments("t0001", deadline=1.5)
