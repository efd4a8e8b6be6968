"""A shop in real threads on one site and PortOne's sandbox on another: what the journeys of browsers run against."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import override_settings
from django.urls import reverse

from portone_django.models import Order, Payment
from portone_django.orders import create_order
from portone_django.sandbox.ledger import Sandbox, use_sandbox
from portone_django.sandbox.server import SandboxServer

from .servers import new_shop_server, serving


@dataclass(frozen=True)
class Site:
    """`url` is the shop's; `sandbox` is the ledger behind the PortOne at `sandbox_url`."""

    url: str
    sandbox: Sandbox
    sandbox_url: str

    def order(self, **terms: Any) -> Order:
        """An open order of a buyer whose window would open."""
        terms = {"name": "아메리카노 원두 500g", "amount": 12_900, "buyer_name": "홍길동", **terms}
        return create_order(buyer_tel="010-0000-0000", buyer_email="buyer@example.com", **terms)

    def checkout(self, order: Order) -> str:
        return self.url + reverse("checkout", args=[order.pk])

    def records(self, order: Order) -> list[dict[str, Any]]:
        """What PortOne has of the order's attempts, oldest attempt first."""
        uids = Payment.objects.filter(order=order).order_by("attempt_no").values_list("merchant_uid", flat=True)
        return [record for uid in uids for record in self.sandbox.payments_of(uid)]

    def charged(self) -> list[int]:
        """The amounts that left anybody's account, net of cancels: the whole ledger, not one order's part."""
        records = self.sandbox.transactions()
        return [r["amount"] - r["cancel_amount"] for r in records if r["status"] in ("paid", "cancelled")]

    def forget(self) -> None:
        """Between two tests: nothing in the air, an empty ledger, every switch as it was, no connection kept."""
        self.sandbox.flush_webhooks()
        self.sandbox.reset()
        connections.close_all()


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """Both servers on free ports until the block ends; another site for browsers, as localhost is not 127.0.0.1."""
    sandbox = Sandbox(folder / "portone.sqlite3", imp_key="test-imp-key", imp_secret="test-imp-secret")
    with ExitStack() as stack:
        stack.callback(sandbox.close)
        stack.callback(use_sandbox, None)
        portone = stack.enter_context(serving(SandboxServer(sandbox)))
        shop = new_shop_server()
        url = f"http://localhost:{shop.server_port}"
        stack.enter_context(_settings(url, portone.url))
        # Playwright's loop runs in the test's thread, where the ORM is used as well, and never at the same time.
        stack.enter_context(mock.patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="1"))
        stack.enter_context(_database_for_threads(folder))
        shop.set_app(StaticFilesHandler(WSGIHandler()))
        stack.enter_context(serving(shop))
        yield Site(url, sandbox, portone.url)


def _settings(url: str, sandbox_url: str) -> override_settings:
    portone = {
        **settings.PORTONE,
        "API_BASE": sandbox_url,
        "SDK_URL": f"{sandbox_url}/v1/iamport.js",
        "PUBLIC_BASE_URL": url,
        "WEBHOOK_MODE": "inline",
        "SUPPORT": "02-000-0000 · help@namu.example",
    }
    middleware = ["tests.browser.site_pages.StrictPolicy", *settings.MIDDLEWARE]
    return override_settings(
        ROOT_URLCONF="tests.browser.site_pages",
        MIDDLEWARE=middleware,
        PORTONE=portone,
        PORTONE_SANDBOX={"ALLOW_WITHOUT_DEBUG": True},
    )


@contextmanager
def _database_for_threads(folder: Path) -> Iterator[None]:
    """SQLite in memory is one connection, and threads would write into each other's transactions: a file instead.

    The settings are changed in place: while Playwright's loop runs, a thread has a second set of connections.
    """
    configured = connections.settings["default"]
    if not configured["ENGINE"].endswith("sqlite3"):
        yield
        connections.close_all()
        return
    kept, path = dict(configured), folder / "shop.sqlite3"
    with closing(sqlite3.connect(kept["NAME"], uri=True)) as memory, closing(sqlite3.connect(path)) as file:
        memory.backup(file)
        options = {**kept["OPTIONS"], "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"}
        configured.update(NAME=str(path), OPTIONS=options)
        try:
            yield
        finally:
            connections.close_all()
            configured.update(kept)
