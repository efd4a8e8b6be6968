"""A bug at any line of the client shows no card, key, token or person to anybody who writes errors down."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured

from portone_django.gateway import CardData, Client, NotSent, PostalAddress, ScheduleEntry, get_client
from portone_django.sandbox.adapter import mount
from portone_django.sandbox.ledger import Sandbox

from .injection import Line, lines_run, raising_at, told

BASE = "https://api.iamport.kr"
KEYS = {"imp_key": "canary-key-7d2f90", "imp_secret": "canary-secret-b41c68"}
CARD = {"number": "4902 2012 3456 7894", "expiry": "2031-07", "birth": "9104175583", "pwd_2digit": "73", "cvc": "5093"}
BUYER = {"buyer_name": "canary-buyer-n", "buyer_email": "canary@mail.example", "buyer_tel": "canary-tel-0"}
OWNER = {name.replace("buyer", "customer"): value for name, value in BUYER.items()}
REFUND = {"refund_holder": "canary-holder", "refund_bank": "canary-bank", "refund_account": "canary-account-55"}
INICIS_KEY = "canary-inicis-key-3"
IDENTIFIER = "01097531086"
ADDRESS = {"name": "canary-sender", "tel": "canary-phone-4", "addr": "canary-street-5", "postcode": "canary06"}
# A few digits occur by chance in uids and addresses: the password and the CVC are looked for as values, in quotes.
CANARIES = [
    *KEYS.values(), "4902201234567894", "4902-2012-3456-7894", CARD["number"], CARD["expiry"], CARD["birth"],
    '"73"', "'73'", '"5093"', "'5093'", *BUYER.values(), *REFUND.values(), INICIS_KEY, IDENTIFIER,
    *ADDRESS.values(),
]  # fmt: skip

_numbers = itertools.count(1)


def card() -> CardData:
    return CardData(**CARD)


def onetime(client: Client) -> Any:
    uid = f"t{next(_numbers):012d}"
    return client.onetime(card=card(), merchant_uid=uid, amount=9900, name="원두", customer_uid="key-1", **BUYER)


def entry() -> ScheduleEntry:
    uid = f"t{next(_numbers):012d}"
    return ScheduleEntry(merchant_uid=uid, schedule_at=4_000_000_000, amount=100, name="원두", **BUYER)


def delivery() -> dict[str, Any]:
    address = PostalAddress(**ADDRESS)
    return {"sender": address, "receiver": address, "company": "EPOST", "invoice": "1", "sent_at": 1_785_985_200}


CALLS: dict[str, Callable[[Client], Any]] = {
    "onetime": onetime,
    "issue_billing_key": lambda client: client.issue_billing_key(
        "key-2", card(), channel_key="channel-key-0", **OWNER
    ),
    "again": lambda client: client.again(
        customer_uid="key-1", merchant_uid=f"t{next(_numbers):012d}", amount=9900, name="원두", **BUYER
    ),
    "schedule": lambda client: client.schedule(
        "key-1", [entry()], card=card()
    ),
    "cancel_payment": lambda client: client.cancel_payment(
        imp_uid="imp_123456789012", amount=9900, checksum=9900, reason="환불", **REFUND
    ),
    "revoke_vbank": lambda client: client.revoke_vbank("imp_123456789012", INICIS_KEY),
    "issue_receipt": lambda client: client.issue_receipt("imp_123456789012", identifier=IDENTIFIER, **BUYER),
    "issue_external_receipt": lambda client: client.issue_external_receipt(
        "shop-1", channel_key="channel-key-0", name="원두", amount=9900, identifier=IDENTIFIER
    ),
    "register_delivery": lambda client: client.register_delivery("imp_123456789012", **delivery()),
    "change_delivery": lambda client: client.change_delivery("imp_123456789012", **delivery()),
    "get_payment": lambda client: client.get_payment("imp_123456789012", include_sandbox=True),
}  # fmt: skip


@pytest.fixture
def sandbox(tmp_path: Path) -> Any:
    sandbox = Sandbox(tmp_path / "portone.sqlite3", **KEYS)
    yield sandbox
    sandbox.close()


def run(sandbox: Sandbox, name: str) -> Callable[[], Any]:
    """The call by a client that has no token yet."""

    def work() -> Any:
        session = requests.Session()
        mount(session, sandbox, BASE)
        return CALLS[name](Client(api_base=BASE, session=session, **KEYS))

    return work


def attempt(work: Callable[[], Any]) -> None:
    from portone_django.gateway import PortOneError

    try:
        work()
    except PortOneError:
        return


def leaks(text: str, sandbox: Sandbox) -> list[str]:
    with sandbox.store.read() as db:
        tokens = [str(row[0]) for row in db.execute("SELECT access_token FROM token")]
    return [canary for canary in [*CANARIES, *tokens] if canary in text]


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)], ids=["each seventh line", "each line"])
@pytest.mark.parametrize("name", CALLS)
def test_a_bug_at_any_line_of_the_client_tells_nothing(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str, every: int
) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    caplog.set_level("DEBUG")
    work = run(sandbox, name)
    lines = lines_run(lambda: attempt(work), "gateway")
    assert len(lines) > 100
    escaped, leaky = 0, []
    for line in lines[::every]:
        error = raising_at(line, work, "gateway")
        escaped += error is not None
        if error is not None and leaks(told(error, every_variable=True), sandbox):
            leaky.append((Path(line[0]).name, line[1], leaks(told(error, every_variable=True), sandbox)))
    assert leaky == []
    assert escaped > 5
    assert leaks(caplog.text, sandbox) == []


def test_the_canaries_really_travel(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would prove nothing."""
    sent: list[str] = []
    from portone_django.sandbox.adapter import SandboxAdapter

    send = SandboxAdapter.send

    def note(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        sent.append(f"{request.url} {json.loads(request.body) if request.body else ''}")
        return send(self, request, *args, **options)

    monkeypatch.setattr(SandboxAdapter, "send", note)
    for name in CALLS:
        attempt(run(sandbox, name))
    everything = "\n".join(sent)
    unseen = {"4902201234567894", CARD["number"], '"73"', '"5093"'}
    assert [canary for canary in CANARIES if canary not in everything and canary not in unseen] == []


@pytest.mark.parametrize(
    "wrong", [{"bypass": object()}, {"custom_data": {1, 2}}, {"name": b"bytes"}, {"bypass": float("nan")}]
)
def test_an_argument_that_is_no_json_is_refused_without_telling_the_others(
    sandbox: Sandbox, wrong: dict[str, Any]
) -> None:
    session = requests.Session()
    mount(session, sandbox, BASE)
    client = Client(api_base=BASE, session=session, **KEYS)
    terms: dict[str, Any] = {"merchant_uid": "t1", "amount": 9900, "name": "원두", **BUYER, **wrong}
    with pytest.raises(ValueError, match="onetime") as caught:
        client.onetime(card=card(), **terms)
    assert leaks(told(caught.value, every_variable=True), sandbox) == []
    assert sandbox.transactions() == []


def test_a_token_that_no_header_can_hold_is_not_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "portone_django.gateway.tokens.Fields.identifier", lambda self, name: "canary-token\r\nX-Injected: 토큰"
    )
    with pytest.raises(NotSent) as caught:
        run(sandbox, "get_payment")()
    assert "canary-token" not in told(caught.value, every_variable=True)


@pytest.mark.parametrize(
    "wrong", [{"number": "4902 2012 3456 789x"}, {"expiry": "07/31-5093"}, {"birth": "9104175583123"}]
)
def test_a_card_that_cannot_be_is_refused_without_its_digits(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is looked at
        CardData(**{**CARD, **wrong})
    text = told(caught.value, every_variable=True)
    assert leaks(text, sandbox) == []
    assert [value for value in wrong.values() if value in text] == []


@pytest.mark.parametrize("wrong", ["name", "tel", "addr", "postcode"])
def test_an_address_that_cannot_be_is_refused_without_its_texts(sandbox: Sandbox, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as caught:
        PostalAddress(**{**ADDRESS, wrong: "canary-two\nlines"})
    text = told(caught.value, every_variable=True)
    assert leaks(text, sandbox) == []
    assert "canary-two" not in text


@pytest.mark.parametrize("base", ["http://api.iamport.kr", "https://user:pw@api.iamport.kr", "https://", "not a url"])
def test_settings_without_a_usable_address_tell_no_key(settings: Any, sandbox: Sandbox, base: str) -> None:
    settings.PORTONE = {
        **settings.PORTONE,
        "API_BASE": base,
        "IMP_KEY": KEYS["imp_key"],
        "IMP_SECRET": KEYS["imp_secret"],
    }
    with pytest.raises(ImproperlyConfigured) as caught:
        get_client()
    assert leaks(told(caught.value, every_variable=True), sandbox) == []


def test_a_bug_while_the_settings_are_read_tells_no_key(settings: Any, sandbox: Sandbox) -> None:
    from portone_django import conf

    keys = {"IMP_KEY": KEYS["imp_key"], "IMP_SECRET": KEYS["imp_secret"], "UID_KEY": "canary-secret-b41c68" * 2}
    channel = {**settings.PORTONE["CHANNELS"]["checkout"], "pg_api_key": INICIS_KEY}
    settings.PORTONE = {**settings.PORTONE, **keys, "CHANNELS": {"checkout": channel}}

    def work() -> None:
        conf._read.cache_clear()
        conf.get_config()
        get_client()

    lines: list[Line] = lines_run(work, "conf.py", "gateway/client.py")
    assert len(lines) > 20
    leaky = []
    for line in lines:
        error = raising_at(line, work, "conf.py", "gateway/client.py")
        if error is not None and (found := leaks(told(error, every_variable=False), sandbox)):
            leaky.append((line, found))
    conf._read.cache_clear()
    assert leaky == []
