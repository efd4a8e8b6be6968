"""What leaves this machine: calls to API_BASE, on paths of PortOne's API, and nothing that anybody's data names."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from portone_django.conf import get_config
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.webhooks import process_due
from portone_django.models import Payment
from tests.shop import Shop

from .payloads import TEXTS, URLS
from .wiretap import Wiretap, in_records

pytestmark = pytest.mark.django_db(transaction=True)

UID = r"t[a-z2-7]{24}"
ALLOWED = re.compile(
    r"POST /users/getToken|GET /users/pg|POST /payments/prepare|PUT /payments/prepare"
    rf"|GET /payments/findAll/{UID}|GET /payments/imp[0-9_]+"
)
# Hints that would become another path, another call or another host if they were put into an address as they are.
HINTS = (
    "../users/getToken", "..%2fusers%2fgetToken", "imp_1/../../users/getToken", "imp_1/cancel", "imp_1%2fcancel",
    "imp_1?x=1", "imp_1#x", "imp_1;x", "imp_1\\..\\users", "imp_1%00", "imp_1\x00", "imp_1\r\nX-Injected: 1",
    "imp_1 HTTP/1.1\r\nHost: evil", "//evil.example", "http://169.254.169.254/latest/meta-data/", "@evil.example",
    ":80", "...", ".", "", "~", "imp_" + "9" * 5000, "imp_１２３", "imp_1\u2028", "imp_1%0d%0a", "findAll/x", "prepare",
    "cancel", "status/all", "?include_sandbox=true", "imp_1&x", "{imp_uid}", "$(id)", "`id`", "'; --", "imp_\ud800",
    "%", "%2e%2e", "*",
)  # fmt: skip


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every address that this process tries to reach from here on; none is reached."""
    tried: list[Any] = []
    database = {str(each.get("HOST") or "") for each in django_settings.DATABASES.values()}
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def refuse_connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, str) or address[0] in database:
            return connect(self, address)
        tried.append(address)
        raise ConnectionRefusedError(111, "no network in this test")

    def refuse_resolve(host: Any, *args: Any, **options: Any) -> Any:
        if host in database:
            return resolve(host, *args, **options)
        tried.append(host)
        raise socket.gaierror(-2, "no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse_connect)
    monkeypatch.setattr(socket, "getaddrinfo", refuse_resolve)
    return tried


def post(path: str, body: Any) -> int:
    return Client().post(path, json.dumps(body), content_type="application/json").status_code


@pytest.mark.parametrize("mode", ["inline", pytest.param("deferred", marks=pytest.mark.slow)])
def test_no_hint_becomes_a_path_of_its_own(shop: Shop, settings: Any, mode: str) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": mode}
    started = shop.click(shop.order())
    uid = started["params"]["merchant_uid"]
    back = reverse("portone:return")
    tap = Wiretap()
    for text in (*HINTS, *TEXTS[::50]):
        for merchant_uid, imp_uid in ((uid, text), (text, "imp_123456789012"), (text, text), (f"t{text}"[:40], text)):
            hint = {"merchant_uid": merchant_uid, "imp_uid": imp_uid, "status": "paid", "cancellation_id": text}
            assert post(started["complete_url"], hint) in (200, 400, 413)
            assert post(reverse("portone:webhook"), hint) in (200, 400, 413)
            assert post(reverse("portone:confirm"), hint) in (409, 400, 413)
            sendable = {name: value.encode("utf-8", "replace").decode() for name, value in hint.items()}
            assert Client().get(back, sendable).status_code == 303
        process_due()
    assert len(tap.paths) > len(HINTS)
    assert [path for path in tap.paths if not ALLOWED.fullmatch(path)] == []


def test_no_path_of_ours_reaches_portone(shop: Shop) -> None:
    shop.click(shop.order())
    tap = Wiretap()
    for text in (*HINTS, *URLS[::10]):
        part = quote(text, safe="", errors="replace")
        for name in ("complete", "status", "result", "return"):
            path = f"/portone/{name}/{part}/"
            assert Client().get(path).status_code in (303, 400, 404, 405), path
            assert Client().post(path).status_code in (303, 400, 404, 405), path
    assert tap.paths == []


def test_a_uid_that_cannot_be_ours_costs_no_call(shop: Shop) -> None:
    tap = Wiretap()
    for text in (*HINTS, *TEXTS):
        hint = {"merchant_uid": text, "imp_uid": "imp_123456789012", "status": "paid"}
        post(reverse("portone:webhook"), hint)
        Client().get(reverse("portone:return"), {"merchant_uid": text.encode("utf-8", "replace").decode()})
    process_due()
    assert tap.requests == []


def test_a_whole_journey_asks_nobody_but_portone(shop: Shop, sockets: list[Any], settings: Any) -> None:
    """With an address of somebody else's in every field that has room for one."""
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}
    elsewhere = "http://169.254.169.254/latest/meta-data/"
    tap = Wiretap()
    tap.tamper(
        "^/payments/(findAll|imp_)",
        in_records(
            receipt_url=elsewhere, cancel_receipt_urls=[elsewhere], fail_reason=elsewhere, card_name=elsewhere,
            custom_data=json.dumps({"url": elsewhere}), vbank_name=elsewhere, user_agent=elsewhere,
        ),
    )  # fmt: skip
    for state, options in {"paid": {}, "failed": {}, "awaiting_deposit": {"pay_method": "vbank"}}.items():
        started = shop.click(
            shop.order(name=elsewhere, buyer_addr=elsewhere), custom_data={"url": elsewhere}, **options
        )
        imp_uid = shop.window(started, notice_url=elsewhere, confirm_url=elsewhere, m_redirect_url=elsewhere)
        if state == "paid":
            shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
        elif state == "failed":
            shop.sandbox.fail(imp_uid, elsewhere)
        else:
            shop.sandbox.issue_vbank(imp_uid, bank_code="088")
        shop.callback(started, imp_uid, url=elsewhere, receipt_url=elsewhere)
        shop.webhook(
            imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"], status="paid", notice_url=elsewhere
        )
        page = shop.come_back(started, imp_uid=imp_uid, receipt_url=elsewhere, next=elsewhere)
        assert page.status_code == 200
        assert shop.payment(started).state == state
        assert shop.payment(started).receipt_url == ""
    Payment.objects.update(next_check_at=Payment.objects.earliest("created_at").created_at)
    reconcile()
    with pytest.raises(SystemExit):
        call_command("portone_doctor")
    base = get_config().api_base
    assert {each.url[: len(base) + 1] for each in tap.requests if each.url} == {f"{base}/"}
    assert sockets == []
    assert [path for path in tap.paths if not ALLOWED.fullmatch(path)] == []


def test_the_guard_of_that_journey_sees_a_connection(sockets: list[Any]) -> None:
    import requests

    with pytest.raises(requests.ConnectionError):
        requests.get("http://169.254.169.254/latest/meta-data/", timeout=1)
    with pytest.raises(requests.ConnectionError):
        requests.get("http://metadata.example/", timeout=1)
    assert len(sockets) >= 2


def test_a_redirect_of_portones_is_never_followed(shop: Shop, sockets: list[Any]) -> None:
    started, imp_uid = shop.pay(shop.order())
    tap = Wiretap()
    for location in ("http://169.254.169.254/", "//evil.example/", "/users/getToken", "file:///etc/passwd"):
        shop.sandbox.faults.add("redirect", path="/payments/*", times=2, location=location)
        shop.callback(started, imp_uid)
        shop.sandbox.faults.clear()
    assert shop.payment(started).state == "pending"
    assert sockets == []
    assert [path for path in tap.paths if not ALLOWED.fullmatch(path)] == []
