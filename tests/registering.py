"""What the tests of registrations share: a card that PortOne has and we do not know of yet."""

from __future__ import annotations

import datetime as dt
from typing import Any

from portone_django import clock
from portone_django.clock import later
from portone_django.models import BillingKey, Event
from tests.shop import Shop

BILLING = "channel-key-11111111-1111-1111-1111-111111111111"
CHECKOUT = "channel-key-00000000-0000-0000-0000-000000000000"


def approved(shop: Shop, user: Any, **edited: Any) -> tuple[dict[str, Any], str]:
    """Registered at PortOne, `edited` in the browser; nobody has told us."""
    started = shop.press_register(user)
    imp_uid = shop.window(started, **edited)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    return started, imp_uid


def calls(shop: Shop) -> int:
    """How many calls PortOne has had since `count_calls`."""
    return int(shop.sandbox.faults.list()[-1]["hits"])


def count_calls(shop: Shop) -> None:
    shop.sandbox.faults.add("latency", path="/*", times=999, seconds=0)


def kinds(key: BillingKey) -> list[str]:
    return list(Event.objects.filter(billing_key=key).order_by("pk").values_list("kind", flat=True))


def make_due() -> None:
    BillingKey.objects.exclude(next_check_at=None).update(next_check_at=later(-1))


def let_it_expire(started: dict[str, Any]) -> None:
    BillingKey.objects.filter(issue_uid=started["params"]["merchant_uid"]).update(
        expires_at=clock.now() - dt.timedelta(seconds=1)
    )
