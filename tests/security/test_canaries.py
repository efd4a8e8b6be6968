"""Unique canaries through everything at once: afterwards no log, mail, row, page or printed line holds one.

Allowed: the request bodies that carry them to PortOne, the buyer in the orders table, the buyer in the parameters of
`start`, which go to PortOne's window.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils.log import AdminEmailHandler

from portone_django import tasks
from portone_django.flows.diagnosis import diagnose
from portone_django.gateway import CardData, PortOneError, get_client
from portone_django.models import Order, Payment
from portone_django.sandbox.faults import WIRE_KINDS
from tests.shop import Shop

from .injection import told
from .wiretap import Wiretap, in_records

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = {
    "IMP_KEY": "canary-key-7d2f90",
    "IMP_SECRET": "canary-secret-b41c68",
    "UID_KEY": "canary-uid-key-" + "9" * 32,
}
INICIS_KEY = "canary-inicis-key-3"
PAN = "4902201234567894"
CARD = {"number": PAN, "expiry": "2031-07", "birth": "9104175583", "pwd_2digit": "73", "cvc": "5093"}
REFUND = {"refund_holder": "canary-holder", "refund_bank": "canary-bank", "refund_account": "canary-account-55"}
BUYER = {
    "buyer_name": "카나리아구매자",
    "buyer_email": "canary@mail.example",
    "buyer_tel": "010-9753-1086",
    "buyer_addr": "카나리아로 97",
    "buyer_postcode": "97531",
}
NOBODY = [
    *SETTINGS.values(), INICIS_KEY, PAN, "4902-2012-3456-7894", "4902 2012 3456 7894", CARD["expiry"], CARD["birth"],
    *REFUND.values(), *(f"pwd_2digit{between}73" for between in ("=", "': '", '": "', " = '")),
]  # fmt: skip
HARMLESS = [kind for kind in WIRE_KINDS if kind not in ("slow_drip", "latency", "timeout_late")]


def is_luhn(number: str) -> bool:
    digits = [int(each) for each in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * each, 10)) for each in digits[1::2])) % 10 == 0


@pytest.fixture
def sandbox(settings: Any, request: pytest.FixtureRequest) -> Any:
    channel = {**settings.PORTONE["CHANNELS"]["checkout"], "pg_api_key": INICIS_KEY}
    settings.PORTONE = {**settings.PORTONE, **SETTINGS, "CHANNELS": {"checkout": channel}, "WEBHOOK_MODE": "inline"}
    settings.ADMINS = [("Admin", "admin@shop.example")]
    return request.getfixturevalue("portone_sandbox")


class Evidence:
    """All that was written, shown or raised while the scenes ran."""

    def __init__(self, mails: logging.Handler) -> None:
        self.mails = mails
        self.pages: list[str] = []
        self.errors: list[str] = []
        self.started: list[str] = []

    def note(self, response: Any) -> Any:
        self.pages.append(f"{response.headers} {response.content.decode()} {response.cookies}")
        return response

    def attempt(self, work: Callable[[], Any]) -> Any:
        try:
            result = work()
        except (PortOneError, ValueError) as error:
            self.errors.append(told(error, every_variable=True))
            return None
        self.errors.append(f"{result!r} {result}")
        return result


@pytest.fixture
def evidence(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evidence]:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", ())
    handler = AdminEmailHandler(include_html=True)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    caplog.set_level("DEBUG")
    yield Evidence(handler)
    logging.getLogger().removeHandler(handler)


def rows() -> dict[str, str]:
    """Every row of every table, by table."""
    return {
        model._meta.db_table: "\n".join(map(str, model._default_manager.values()))
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
    }


def tokens(shop: Shop, tap: Wiretap) -> list[str]:
    found = {str(each.headers.get("Authorization", "")).removeprefix("Bearer ") for each in tap.requests}
    assert len(found - {""}) >= 1
    return sorted(found - {""})


# The scenes -------------------------------------------------------------------------------------------------------


def card_payment(shop: Shop, evidence: Evidence, *, end: str) -> Payment:
    order = shop.order(name="원두")
    Order.objects.filter(pk=order.pk).update(**BUYER)
    evidence.pages.append(shop.page(order))
    started = shop.click(order, **({"pay_method": "vbank"} if end == "issued" else {}))
    evidence.started.append(json.dumps(started, ensure_ascii=False))
    imp_uid = shop.window(started)
    if end == "paid":
        shop.sandbox.approve(imp_uid, pay_method="card", card_code="366", card_number=PAN)
    elif end == "failed":
        shop.sandbox.fail(imp_uid, f"카드번호 {PAN} 유효기간 {PAN[:4]}-{PAN[4:8]}-{PAN[8:12]}-{PAN[12:]} 오류")
    else:
        shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    uid = started["params"]["merchant_uid"]
    # What a careless window, or a malicious one, might add to what it reports.
    more = {**{f"card_{name}": value for name, value in CARD.items()}, **CARD, **REFUND, **SETTINGS, **BUYER}
    hint = {"imp_uid": imp_uid, "merchant_uid": uid, "status": "paid", **more, "error_msg": f"카드 {PAN}"}
    extra = {"escrow_status": "2", "denied_reason": f"카드 {PAN}", "card_number": PAN}
    evidence.note(
        Client().post(reverse("portone:webhook"), json.dumps({**hint, "extra": extra}), content_type="application/json")
    )
    evidence.note(Client().post(reverse("portone:webhook"), hint))
    evidence.note(Client().post(reverse("portone:confirm"), json.dumps(hint), content_type="application/json"))
    evidence.note(Client().post(started["complete_url"], json.dumps(hint), content_type="application/json"))
    back = started["params"]["m_redirect_url"].removeprefix("https://shop.example")
    evidence.note(Client().get(back, {"imp_uid": imp_uid, "merchant_uid": uid, "error_msg": "x"}))
    evidence.note(Client().get(started["result_url"]))
    evidence.note(Client().get(started["status_url"]))
    return shop.payment(started)


def client_calls(shop: Shop, evidence: Evidence, number: int, imp_uid: str) -> None:
    """Every call that carries a card, a person, an account or a key."""
    client = get_client()
    card = evidence.attempt(lambda: CardData(**CARD))
    owner = {name.replace("buyer", "customer"): value for name, value in BUYER.items()}
    key = f"key-{number}"
    for work in (
        lambda: client.onetime(card=card, merchant_uid=f"k{number}", amount=9900, name="키인", **BUYER),
        lambda: client.issue_billing_key(key, card, channel_key="channel-key-0", **owner),
        lambda: client.again(customer_uid=key, merchant_uid=f"a{number}", amount=9900, name="이용권", **BUYER),
        lambda: client.get_billing_key(key),
        lambda: client.get_payment(imp_uid, include_sandbox=True),
        lambda: client.cancel_payment(imp_uid=imp_uid, amount=100, checksum=12900, reason="환불", **REFUND),
        lambda: client.revoke_vbank(imp_uid, INICIS_KEY),
        lambda: client.channels(),
        lambda: CardData(**{**CARD, "birth": "9104171234567"}),
    ):
        evidence.attempt(work)


@pytest.mark.slow
def test_no_canary_is_left_anywhere(
    shop: Shop, evidence: Evidence, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert is_luhn(PAN)
    tap = Wiretap()
    tap.tamper("^/payments/(findAll|imp_)", in_records(card_number=PAN, user_agent="canary-account-55"))
    paid = card_payment(shop, evidence, end="paid")
    failed = card_payment(shop, evidence, end="failed")
    issued = card_payment(shop, evidence, end="issued")
    assert [each.state for each in (paid, failed, issued)] == ["paid", "failed", "awaiting_deposit"]
    shop.click(issued.order, another=True)
    client_calls(shop, evidence, 0, str(paid.imp_uid))
    evidence.mails.setLevel(logging.ERROR)  # a mail of every frame for each of the hundreds of faults takes long
    for number, kind in enumerate(HARMLESS, start=1):
        shop.sandbox.faults.add(kind, times=50)
        client_calls(shop, evidence, number, str(paid.imp_uid))
        diagnose()
        shop.sandbox.faults.clear()
    Payment.objects.update(next_check_at=paid.created_at)
    for kind in ("", *HARMLESS[::3]):
        if kind:
            shop.sandbox.faults.add(kind, times=50)
        evidence.note(Client().get(reverse("portone:result")))
        tasks.process_webhooks()
        tasks.reconcile()
        for options in ({}, {"json": True}):
            with pytest.raises(SystemExit):
                call_command("portone_doctor", **options)
        shop.sandbox.faults.clear()
    printed = capfd.readouterr()
    secret = [*NOBODY, *tokens(shop, tap)]
    tables = rows()
    shown = {
        "log": caplog.text,
        "mails": "\n".join(f"{each.subject} {each.body} {getattr(each, 'alternatives', '')}" for each in mail.outbox),
        "pages": "\n".join(evidence.pages),
        "start": "\n".join(evidence.started),
        "errors": "\n".join(evidence.errors),
        "printed": printed.out + printed.err,
        **tables,
    }
    assert [place for place, text in shown.items() if any(each in text for each in secret)] == []
    persons = {place: text for place, text in shown.items() if place not in ("start", Order._meta.db_table)}
    assert [place for place, text in persons.items() if any(each in text for each in BUYER.values())] == []
    # Where they may be, they are: the scenes were real.
    assert all(each in shown["start"] and each in tables[Order._meta.db_table] for each in BUYER.values())
    sent = tap.sent
    assert [
        each for each in (*SETTINGS.values(), *REFUND.values(), INICIS_KEY, "4902-2012-3456-7894") if each not in sent
    ] == [SETTINGS["UID_KEY"]]
    assert mail.outbox
    assert "MalformedAnswer" in caplog.text
    assert len(evidence.errors) > 100


def test_each_secret_travels_in_the_one_body_that_needs_it(shop: Shop, evidence: Evidence) -> None:
    tap = Wiretap()
    paid = card_payment(shop, evidence, end="paid")
    client_calls(shop, evidence, 0, str(paid.imp_uid))
    carriers: dict[str, set[str]] = {}
    for each in tap.requests:
        body = each.body.decode() if isinstance(each.body, bytes) else str(each.body or "")
        line = f"{each.url} {dict(each.headers)}"
        path = (each.url or "").removeprefix("https://api.iamport.kr").partition("?")[0]
        for secret in (SETTINGS["IMP_SECRET"], "4902-2012-3456-7894", "canary-account-55"):
            assert secret not in line
            if secret in body:
                carriers.setdefault(secret, set()).add(path)
    assert carriers == {
        SETTINGS["IMP_SECRET"]: {"/users/getToken"},
        "4902-2012-3456-7894": {"/subscribe/payments/onetime", "/subscribe/customers/key-0"},
        "canary-account-55": {"/payments/cancel"},
    }
