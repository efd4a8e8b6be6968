"""The example shop in this process with PortOne's sandbox beside it, in every state that a page can show, fixed.

Whatever reads Django's settings is imported late: the settings have to know the servers' ports.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .servers import new_shop_server, serving

ORDERED_AT = dt.datetime(2026, 8, 6, 14, 20, tzinfo=ZoneInfo("Asia/Seoul"))
DEPOSIT_BY = dt.datetime(2026, 8, 9, 23, 59, 59, tzinfo=ZoneInfo("Asia/Seoul"))
ACCOUNT = "56211900000000"


@dataclass
class Stage:
    """`results` are the addresses of the result pages and `codes` the shop's purchase codes, both by state; `rows`
    the ids of what an operator decides about.
    """

    url: str
    sandbox_url: str
    sandbox: Any
    results: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)

    def set(self, language: str, scene: Callable[[Stage], None] | None = None) -> None:
        """Empty everything and make each state happen anew, in that language; `scene` makes others instead."""
        from django.core.management import call_command
        from django.utils import translation

        from portone_django import clock

        self.codes.clear()
        self.sandbox.reset()
        self.sandbox.settings.set(webhook_mode="off")
        call_command("flush", verbosity=0, interactive=False)
        clock._forget_offset()
        call_command("seed_shop", verbosity=0)
        with translation.override(language):
            (scene or Stage._orders)(self)
        self._fix()

    def cookie_of(self, username: str) -> dict[str, str]:
        """The session of that user, for a browser."""
        from django.contrib.auth import get_user_model
        from django.test import Client

        client = Client()
        client.force_login(get_user_model().objects.get(username=username))
        (cookie,) = (morsel for name, morsel in client.cookies.items() if name == "shop_session")
        return {"name": "shop_session", "value": cookie.value, "url": self.url}

    # ---- the states, in the order in which the lists show them from below ----

    def _orders(self) -> None:
        self._buy("open", "namu-blend")
        self._approved("paid", "namu-blend", card_code="366")
        self._approved("instalment", "dripper-set", card_code="381", card_quota=3)
        self._approved("easy-pay", "dripbags", method="kakaopay", pay_method="kakaopay", emb_pg_provider="kakaopay")
        self._approved("failed", "gift-box", card_code="361", card_number="4000-0000-0000-1216")
        self._account("awaiting-deposit", "decaf")
        self._account("expired", "yirgacheffe", is_over=True)
        self._opened("confirming", "namu-blend")
        self._approved("checking", "gift-box", edited={"amount": 100}, card_code="366")
        self._approved("refunded", "dripbags", refund=9_900, card_code="366")
        self._approved("partly-refunded", "dripper-set", refund=18_000, card_code="381")

    def _buy(self, state: str, slug: str) -> Any:
        from django.contrib.auth import get_user_model

        from example_project.shop.models import Product
        from example_project.shop.ordering import place

        buyer = {"buyer_name": "김나무", "buyer_tel": "010-1234-5678", "buyer_email": "namu@namu.example"}
        code = self.codes[state] = f"{len(self.codes) + 11:02x}c4e1b7".ljust(12, "0")[:12]
        user = get_user_model().objects.get(username="demo")
        return place(Product.objects.get(slug=slug), 1, code=code, user=user, buyer=buyer).order

    def _opened(self, state: str, slug: str, *, method: str = "card", edited: Any = None) -> tuple[Any, str]:
        from django.urls import reverse

        from portone_django.tokens import sign_attempt

        payment, imp_uid = self.open_window(self._buy(state, slug), method=method, edited=edited)
        self.results[state] = reverse("portone:result", args=[sign_attempt(payment.merchant_uid)])
        return payment, imp_uid

    def open_window(self, order: Any, *, method: str = "card", edited: Any = None) -> tuple[Any, str]:
        """The order's window, opened: the payment and PortOne's imp_uid."""
        from portone_django.checkout import request_pay_parameters
        from portone_django.flows.checkout import Terms, start_attempt
        from portone_django.window import WindowOptions

        if edited:
            self.sandbox.faults.add("http_503", path="/payments/prepare")
        terms = Terms("checkout", WindowOptions.parse(pay_method=method).as_dict())
        payment = start_attempt(order, terms)
        params = {**request_pay_parameters(payment), "confirm_url": None, **(edited or {})}
        record = self.sandbox.open_window(params, device="pc", user_agent="")
        return payment, str(record["imp_uid"])

    def _approved(
        self, state: str, slug: str, *, method: str = "card", edited: Any = None, refund: int = 0, **choice: Any
    ) -> None:
        payment, imp_uid = self._opened(state, slug, method=method, edited=edited)
        self.sandbox.approve(imp_uid, **choice)
        payment.sync()
        if refund:
            payment.refund(amount=refund, reason="색상 교환")

    def _account(self, state: str, slug: str, *, is_over: bool = False) -> None:
        from portone_django.flows.settlement import close_attempt

        payment, imp_uid = self._opened(state, slug, method="vbank")
        self.sandbox.issue_vbank(imp_uid, bank_code="088")
        payment.sync()
        if is_over:
            close_attempt(payment.merchant_uid, source="app", with_deposit=True)

    def _fix(self) -> None:
        """Moments and numbers as if all had happened on one summer's day."""
        from example_project.shop.models import Purchase
        from portone_django.models import (
            BillingCycle,
            BillingKey,
            Event,
            Order,
            Payment,
            Plan,
            Price,
            ReconciliationBreak,
            Refund,
            Subscription,
        )

        later = ORDERED_AT + dt.timedelta(minutes=1)
        Purchase.objects.update(created_at=ORDERED_AT)
        Purchase.objects.exclude(delivered_at=None).update(delivered_at=later)
        # Asked about in the future: no page asks PortOne anew, which would find that summer over.
        asked = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
        Payment.objects.update(created_at=ORDERED_AT, updated_at=later, checked_at=asked, next_check_at=None)
        Payment.objects.update(expires_at=ORDERED_AT + dt.timedelta(minutes=30))
        Payment.objects.exclude(paid_at=None).update(paid_at=later)
        Payment.objects.exclude(apply_num="").update(apply_num="30000000")
        Payment.objects.exclude(vbank_num="").update(vbank_num=ACCOUNT, vbank_expires_at=DEPOSIT_BY)
        Event.objects.update(created_at=later, dispatched_at=later)
        Refund.objects.update(created_at=later, updated_at=later)
        for moment in ("sent_at", "unseen_at", "next_check_at", "settled_at"):
            Refund.objects.exclude(**{moment: None}).update(**{moment: later})
        BillingKey.objects.exclude(registered_at=None).update(registered_at=ORDERED_AT)
        BillingKey.objects.update(checked_at=asked, next_check_at=None, created_at=ORDERED_AT, updated_at=later)
        BillingKey.objects.exclude(failed_at=None).update(failed_at=later)
        Subscription.objects.update(created_at=ORDERED_AT, updated_at=later)
        BillingCycle.objects.update(created_at=ORDERED_AT, updated_at=later)
        BillingCycle.objects.exclude(paid_at=None).update(paid_at=later)
        Payment.objects.exclude(sent_at=None).update(sent_at=later)
        Payment.objects.exclude(failed_at=None).update(failed_at=later)
        Plan.objects.update(created_at=ORDERED_AT, updated_at=later)
        Price.objects.update(created_at=ORDERED_AT)
        for model in (BillingKey, Subscription):
            for row in model.objects.all():
                model.objects.filter(pk=row.pk).update(public_id=f"{row.pk:02d}5a0e7c31f8b24d96e2")
        ReconciliationBreak.objects.update(first_seen_at=later, last_seen_at=later)
        for order in Order.objects.all():
            paid_at = later if order.paid_at else None
            Order.objects.filter(pk=order.pk).update(
                public_id=f"{order.pk:02d}8c1f4e27b9d36a5081", created_at=ORDERED_AT, updated_at=later, paid_at=paid_at
            )


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """The shop and the sandbox on free ports, in a database below `folder`, until the block ends."""
    from portone_django.sandbox.ledger import Sandbox
    from portone_django.sandbox.server import SandboxServer

    with ExitStack() as stack:
        sandbox = Sandbox(folder / "portone.sqlite3")
        stack.callback(sandbox.close)
        portone = stack.enter_context(serving(SandboxServer(sandbox)))
        shop = new_shop_server()
        url = f"http://localhost:{shop.server_port}"
        _start_django(folder, url, portone.url)
        from django.contrib.staticfiles.handlers import StaticFilesHandler
        from django.core.handlers.wsgi import WSGIHandler

        shop.set_app(StaticFilesHandler(WSGIHandler()))
        stack.enter_context(serving(shop))
        yield Stage(url, portone.url, sandbox)


def _start_django(folder: Path, url: str, sandbox_url: str) -> None:
    os.environ.update(
        DJANGO_SETTINGS_MODULE="example_project.settings",
        DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright's loop runs in this thread
        DATABASE_URL=f"sqlite:///{folder / 'shop.sqlite3'}",
        CELERY_BROKER_URL="memory://",
        PORTONE_API_BASE=sandbox_url,
        PORTONE_PUBLIC_BASE_URL=url,
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
