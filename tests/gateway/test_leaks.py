"""Canaries through every call and every failure: none may come out in a log, a repr, an exception or a traceback."""

from __future__ import annotations

import http.client
import logging
import pickle
import socket
import traceback
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests
from django.views.debug import ExceptionReporter

from portone_django.gateway import Client, PortOneError

from .conftest import IMP_KEY, IMP_SECRET, make_client
from .every_call import CARD_CANARIES, EVERY_CALL, PERSON_CANARIES
from .wire_server import TOKEN, Answer, WireServer, envelope, hang, ok, raw, reply, reset

KEY_CANARIES = [IMP_KEY, IMP_SECRET, TOKEN]
CANARIES = [*KEY_CANARIES, *CARD_CANARIES, *PERSON_CANARIES]


def echo(status: int, *, code: int = 1) -> Answer:
    """Everything that was sent comes back in the message, as careless servers do."""

    def answer(connection: socket.socket, server: WireServer) -> None:
        sent = server.requests[-1]
        body = sent.json if sent.body else {}
        text = f"{sent.headers} {unquote_plus(sent.target)} {body}"
        reply(status, envelope(code, text))(connection, server)

    return answer


FAULTS: dict[str, Answer | None] = {
    "answered": None,
    "echo in band": echo(200),
    "echo 400": echo(400),
    "echo 404": echo(404),
    "echo 401": echo(401),
    "echo 403": echo(403),
    "echo 500": echo(500),
    "echo in HTML": reply(200, b"<html>"),
    "redirect": reply(302, b"", {"Location": "/x?pg_api_key=canary-pg-api-key-09"}),
    "reset": reset(),
    "broken headers": raw(b"HTTP/1.1 200 OK\r\nbroken header line\r\n\r\n{}"),
    "no HTTP": raw(b"garbage\r\n\r\n"),
    "silence": hang(),
    "wrong types": ok([{"imp_uid": True}]),
}
TOKEN_FAULTS = {
    "echo 401": echo(401),
    "echo in band": echo(200),
    "echo 403": echo(403),
    "reset": reset(),
    "no token": ok({"access_token": "", "now": 1, "expired_at": 2}),
}


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 2)
    for name in ("", "urllib3", "urllib3.connectionpool", "urllib3.connection", "requests", "portone_django.gateway"):
        caplog.set_level(logging.DEBUG, logger=name)


@pytest.mark.parametrize("name", EVERY_CALL)
def test_no_call_tells_a_secret(
    server: WireServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    call, response = EVERY_CALL[name]
    outcomes: list[str] = []
    for label in ("answered", "echo in band", "echo 401", "broken headers"):
        server.answers.clear()
        server.answers.extend([FAULTS[label] or ok(response)] * 2)
        outcomes.append(run(call, make_client(server.base)))
    assert outcomes.count("answered") < 3
    assert f"{name}: " in caplog.text
    printed = capfd.readouterr()
    assert leaks("\n".join([*outcomes, caplog.text, printed.out, printed.err])) == []


# The calls that carry cards, people, accounts and keys, and one of each other shape.
CARRIERS = [
    "cancel_payment", "revoke_vbank", "issue_billing_key", "onetime", "again", "schedule", "get_payment",
    "issue_receipt", "issue_external_receipt", "register_delivery", "change_delivery",
]  # fmt: skip


@pytest.mark.parametrize("name", CARRIERS)
def test_no_failure_tells_a_secret(
    server: WireServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    call, response = EVERY_CALL[name]
    outcomes: list[str] = []
    for label, fault in FAULTS.items():
        server.answers.clear()
        server.answers.extend([fault or ok(response)] * 2)
        outcomes.append(run(call, make_client(server.base, deadline=0.3 if label == "silence" else 10)))
    for fault in TOKEN_FAULTS.values():
        server.tokens.append(fault)
        outcomes.append(run(call, make_client(server.base)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outcomes.append(run(call, make_client(f"http://127.0.0.1:{port}")))
    outcomes.append(run(call, make_client(f"https://127.0.0.1:{server.port}")))
    assert [outcome == "answered" for outcome in outcomes] == [True] + [False] * (len(outcomes) - 1)
    printed = capfd.readouterr()
    assert leaks("\n".join([*outcomes, caplog.text, printed.out, printed.err])) == []


def test_the_canaries_really_travel(server: WireServer) -> None:
    """Else the test above would prove nothing."""
    sent = ""
    for call, response in EVERY_CALL.values():
        server.requests.clear()
        server.answers.append(ok(response))
        call(make_client(server.base))
        sent += "".join(f"{each.headers} {unquote_plus(each.target)} {each.body.decode()}" for each in server.requests)
    sent = sent.replace('"', "'")
    expected = set(CANARIES) - {CARD_CANARIES[0]}
    assert [canary for canary in expected if canary not in sent] == []


def test_a_log_line_holds_the_name_the_status_the_code_and_the_time(
    server: WireServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers.append(reply(200, envelope(7, "text of PortOne's")))
    run(EVERY_CALL["again"][0], client)
    lines = [record.getMessage() for record in caplog.records if record.name == "portone_django.gateway"]
    assert [line.rsplit(" ", 2)[0] for line in lines] == [
        "getToken: answered, status=200 code=0",
        "again: Refused, status=200 code=7",
    ]
    assert "text of PortOne's" not in caplog.text


def test_urllib3_may_still_log_the_calls_of_others(server: WireServer, caplog: pytest.LogCaptureFixture) -> None:
    requests.get(f"{server.base}/users/other", timeout=30)
    assert "/users/other" in caplog.text


def run(call: Any, client: Client) -> str:
    """Everything that a careful or careless reporter could write down about the call."""
    try:
        result = call(client)
    except PortOneError as error:
        return describe(error)
    assert leaks(repr(result) + str(result)) == []
    return "answered"


def describe(error: PortOneError) -> str:
    in_gateway = error.__traceback__
    while in_gateway is not None and "/portone_django/gateway/" not in in_gateway.tb_frame.f_code.co_filename:
        in_gateway = in_gateway.tb_next
    assert in_gateway is not None
    error.with_traceback(in_gateway)
    parts = [str(error), repr(error), repr(error.args), repr(error.__dict__), repr(pickle.dumps(error))]
    parts += traceback.format_exception(error)
    assert error.__context__ is None or isinstance(error.__context__, PortOneError)
    parts += [
        repr(frame["vars"]) for frame in ExceptionReporter(None, type(error), error, in_gateway).get_traceback_frames()
    ]
    # Reporters that write down every variable see no card, no key and no token even without Django's filter.
    frames = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert [canary for canary in [*KEY_CANARIES, *CARD_CANARIES] if canary in frames] == []
    return "\n".join(parts)


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]
