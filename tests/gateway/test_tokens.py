"""When a token is fetched, counted against a PortOne that keeps PortOne's rules."""

from __future__ import annotations

import threading
import time

import pytest

from portone_django.gateway import Client, NotSent, Unauthorized
from portone_django.gateway.errors import PortOneError
from portone_django.gateway.tokens import Token, TokenSource
from portone_django.gateway.wire import Deadline

from .records import payment
from .wire_server import WireServer, envelope, ok, reply, token_answer

EXPIRED = reply(401, envelope(-1, "Unauthorized"))


def charge(client: Client) -> str:
    return client.again(customer_uid="key-1", merchant_uid="t0001", amount=9900, name="이용권").status


class Office:
    """PortOne's rules: one live token for 30 minutes; asked in its last minute, five minutes more."""

    def __init__(self, extends: bool = True) -> None:
        self.now = 0.0
        self.expires = -1.0
        self.number = 0
        self.asked: list[float] = []
        self._extends = extends

    def fetch(self, _: Deadline) -> Token:
        self.asked.append(self.now)
        if self.now >= self.expires:
            self.number, self.expires = self.number + 1, self.now + 1800
        elif self._extends and self.expires - self.now < 60:
            self.expires += 300
        return Token(f"token-{self.number}", self.expires - self.now)


def test_a_process_asks_twice_in_31_minutes_and_never_holds_a_dead_token() -> None:
    office = Office()
    source = TokenSource(office.fetch, clock=lambda: office.now)
    for _ in range(31 * 60):
        source.get(Deadline(5))
        assert office.now < office.expires
        office.now += 1
    assert office.asked == [0, 1756]


def test_a_token_that_is_not_extended_is_asked_for_every_15_seconds_at_most() -> None:
    office = Office(extends=False)
    source = TokenSource(office.fetch, clock=lambda: office.now)
    for _ in range(31 * 60):
        source.get(Deadline(5))
        office.now += 1
    assert office.asked == [0, 1756, 1771, 1786, 1801]


def test_a_token_with_no_life_left_does_not_make_every_call_ask() -> None:
    asked: list[float] = []

    def fetch(_: Deadline) -> Token:
        asked.append(now)
        return Token("short", 0)

    source = TokenSource(fetch, clock=lambda: now)
    for second in range(31):
        now = float(second)
        source.get(Deadline(5))
    assert asked == [0, 15, 30]


@pytest.mark.parametrize("now", [1, 1_785_985_200, 4_000_000_000])
def test_the_life_of_a_token_is_counted_by_portones_clock_not_ours(
    server: WireServer, client: Client, monkeypatch: pytest.MonkeyPatch, now: int
) -> None:
    server.tokens.append(token_answer(now=now))
    server.answers.extend([ok(payment())] * 4)
    source, elapsed = client._transport._tokens, [0.0]
    monkeypatch.setattr(source, "_clock", lambda: elapsed[0])
    for passed, wall in ((0.0, 9e9), (100.0, 0.0), (1754.0, 9e9)):
        elapsed[0] = passed
        monkeypatch.setattr(time, "time", lambda wall=wall: wall)
        charge(client)
        assert len(server.token_calls) == 1
    elapsed[0] = 1756.0
    charge(client)
    assert len(server.token_calls) == 2


def test_an_expired_token_is_renewed_once_and_the_same_call_is_sent_again(server: WireServer, client: Client) -> None:
    server.tokens.extend([token_answer("token-old"), token_answer("token-new")])
    server.answers.extend([EXPIRED, ok(payment()), ok(payment())])
    assert charge(client) == "paid"
    assert [call.headers["authorization"] for call in server.calls] == ["Bearer token-old", "Bearer token-new"]
    assert server.calls[0].body == server.calls[1].body
    charge(client)
    assert len(server.token_calls) == 2


def test_a_call_that_is_refused_with_a_new_token_too_is_unauthorised(server: WireServer, client: Client) -> None:
    server.answers.extend([EXPIRED, EXPIRED, ok(payment())])
    with pytest.raises(Unauthorized) as caught:
        charge(client)
    assert caught.value.call == "again"
    assert (len(server.calls), len(server.token_calls)) == (2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        EXPIRED,
        reply(200, envelope(-1, "등록되지 않은 API 키")),
        reply(400, envelope(1, "")),
        reply(404, envelope(-1, "")),
    ],
    ids=["401", "in band", "400", "404"],
)
def test_a_rotated_secret_is_unauthorised_for_every_call_and_no_call_is_made(
    server: WireServer, client: Client, answer: object
) -> None:
    server.tokens.extend([answer] * 3)  # type: ignore[list-item]
    for _ in range(3):
        with pytest.raises(Unauthorized) as caught:
            charge(client)
        assert caught.value.call == "again"
    assert server.calls == []


def test_twenty_threads_that_need_a_token_share_one_fetch() -> None:
    all_asking = threading.Semaphore(0)
    fetched = []

    def fetch(_: Deadline) -> Token:
        for _ in range(20):
            assert all_asking.acquire(timeout=60)
        fetched.append(1)
        return Token("shared", 1800)

    source = TokenSource(fetch)
    values: list[str] = []

    def ask() -> None:
        all_asking.release()
        values.append(source.get(Deadline(20)).value)

    run_threads([ask] * 20)
    assert values == ["shared"] * 20
    assert len(fetched) == 1


def test_threads_that_wait_for_a_fetch_share_its_failure_and_the_next_call_tries_again() -> None:
    waiting = threading.Semaphore(0)
    answers: list[Token | PortOneError] = [NotSent(call="getToken", reason="down"), Token("later", 1800)]

    def fetch(_: Deadline) -> Token:
        if len(answers) == 2:
            for _ in range(4):
                assert waiting.acquire(timeout=60)
        answer = answers.pop(0)
        if isinstance(answer, PortOneError):
            raise answer
        return answer

    source = TokenSource(fetch)
    outcomes: list[str] = []

    def ask() -> None:
        waiting.release()
        try:
            outcomes.append(source.get(Deadline(20)).value)
        except NotSent:
            outcomes.append("not sent")

    run_threads([ask] * 4)
    assert "not sent" in outcomes
    assert source.get(Deadline(20)).value == "later"


def test_a_thread_that_waits_for_anothers_fetch_keeps_its_own_deadline() -> None:
    inside, done = threading.Event(), threading.Event()

    def fetch(_: Deadline) -> Token:
        inside.set()
        assert done.wait(60)
        return Token("late", 1800)

    source = TokenSource(fetch)
    leader = threading.Thread(target=lambda: source.get(Deadline(20)))
    leader.start()
    assert inside.wait(60)
    with pytest.raises(NotSent, match="no token before the deadline"):
        source.get(Deadline(0.05))
    done.set()
    leader.join(60)


def test_an_interrupted_fetch_leaves_nobody_waiting() -> None:
    answers = iter([KeyboardInterrupt(), None])

    def fetch(_: Deadline) -> Token:
        interruption = next(answers)
        if interruption is not None:
            raise interruption
        return Token("next", 1800)

    source = TokenSource(fetch)
    with pytest.raises(KeyboardInterrupt):
        source.get(Deadline(5))
    assert source.get(Deadline(5)).value == "next"


def test_only_the_token_that_was_refused_is_dropped() -> None:
    office = Office()
    source = TokenSource(office.fetch, clock=lambda: office.now)
    old = source.get(Deadline(5))
    office.expires = 0
    source.reject(old)
    new = source.get(Deadline(5))
    assert new.value != old.value
    source.reject(old)  # a second thread, which saw the old one refused a little later
    assert source.get(Deadline(5)) is new
    assert len(office.asked) == 2


def test_a_token_without_its_times_is_no_token(server: WireServer, client: Client) -> None:
    server.tokens.append(ok({"access_token": "x", "now": 5, "expired_at": "10"}))
    with pytest.raises(NotSent, match="MalformedAnswer"):
        charge(client)


def run_threads(targets: list[object]) -> None:
    threads = [threading.Thread(target=target) for target in targets]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
