"""What leaves, what is repeated, and where to: over real sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from portone_django.gateway import (
    Client,
    MalformedAnswer,
    OutcomeUnknown,
    PortOneError,
    RateLimited,
    ServerTrouble,
)

from .conftest import IMP_KEY, IMP_SECRET, make_client
from .two_calls import GOOD, HTML, charge, look_up
from .wire_server import (
    TOKEN,
    Answer,
    WireServer,
    envelope,
    raw,
    reply,
    reset,
    token_answer,
)

pytestmark = pytest.mark.usefixtures("short_pauses")


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
