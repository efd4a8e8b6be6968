"""Pictures of what an operator decides about: refunds in each state, money that is held, differences of the books.

A scene of its own, so that the shop's pictures do not depend on it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from .stage import ORDERED_AT, Stage

Look = Callable[[Any], None]

PAGES = {
    "admin-payment-refunded": "payment/{refunded}/change/",
    "admin-refund": "payment/{refunded}/refund/",
    "admin-refund-waiting": "payment/{waiting}/refund/",
    "admin-refund-elsewhere": "payment/{refunded}/refund-elsewhere/",
    "admin-resolve": "payment/{quarantined}/resolve/",
    "admin-resolve-vbank": "payment/{late}/resolve/",
    "admin-resolve-twice": "payment/{twice}/resolve/",
    "admin-twice-elsewhere": "payment/{twice}/resolve/{second}/elsewhere/",
    "admin-refunds": "refund/",
    "admin-refund-row": "refund/{review}/change/",
    "admin-refund-resolve": "refund/{review}/resolve/",
    "admin-break": "reconciliationbreak/{break}/change/",
    "admin-break-explain": "reconciliationbreak/{break}/explain/",
}
BUYER = {"buyer_name": "김나무", "buyer_tel": "010-1234-5678", "buyer_email": "namu@namu.example"}


def looks(stage: Stage) -> Iterator[tuple[str, Look]]:
    """Every page by its name; the second page of a refund is reached by its form, and so is what is told there."""
    for name, address in PAGES.items():
        yield name, _at(f"{stage.url}/admin/portone/{address.format(**stage.rows)}")
    parts = {"tax_free_amount": "500", "vat_amount": "136"}
    yield "admin-refund-confirm", _pressed(stage, "refunded", amount="2,000", **parts)
    yield "admin-refund-wrong", _pressed(stage, "refunded", amount="2,000", tax_free_amount="1,900", vat_amount="136")
    yield "admin-refund-confirm-vbank", _pressed(stage, "deposited", amount="5,000")


def scene(stage: Stage) -> None:
    """Make each of them happen."""
    from django.contrib.auth import get_user_model
    from django.utils.translation import get_language

    from portone_django.refunds import RefundAccount, refund

    is_korean = get_language() == "ko"
    operator = get_user_model().objects.get(username="operator")
    why = {"reason": "색상 교환" if is_korean else "Another colour", "by": operator, "source": "admin"}
    bean, dripper, gift = ("원두", "드리퍼", "선물 상자") if is_korean else ("Coffee beans", "Dripper", "Gift box")

    paid = _card(stage, dripper, 32_000, tax_free_amount=5000, vat_amount=2455)
    refund(paid, amount=4000, tax_free_amount=1000, vat_amount=273, **why)
    paid.record_refund(
        amount=3000, refunded_on=ORDERED_AT.date(), reference="IBK-20260806-17", reason=why["reason"], by=operator
    )
    deposited = _deposit(stage, bean, 14_000)
    refund(deposited, amount=1000, account=RefundAccount(bank="088", number="110123456789", holder="김나무"), **why)
    late = _deposit(stage, bean, 14_000, is_late=True)
    quarantined = _card(stage, gift, 45_000, edited={"amount": 100})
    twice, second = _twice(stage, bean, 14_000)
    waiting = _card(stage, bean, 14_000)
    stage.sandbox.faults.add("http_503", path="/payments/cancel")
    refund(waiting, amount=1000, **why)
    refused = _card(stage, bean, 14_000)
    stage.sandbox.cancel_at_inicis(refused.imp_uid)
    refund(refused, amount=2000, **why)
    review = _stuck(stage, refund, _card(stage, dripper, 32_000), why)
    stage.rows = {
        "refunded": paid.pk,
        "deposited": deposited.pk,
        "late": late.pk,
        "quarantined": quarantined.pk,
        "twice": twice.pk,
        "second": second,
        "waiting": waiting.pk,
        "review": review.pk,
        "break": _differences(review.payment),
    }


def _card(stage: Stage, name: str, amount: int, *, edited: Any = None, **terms: Any) -> Any:
    payment, imp_uid = stage.open_window(_order(name, amount, **terms), edited=edited)
    stage.sandbox.approve(imp_uid, card_code="366")
    return payment.sync()


def _deposit(stage: Stage, name: str, amount: int, *, is_late: bool = False) -> Any:
    order = _order(name, amount)
    payment, imp_uid = stage.open_window(order, method="vbank")
    stage.sandbox.issue_vbank(imp_uid, bank_code="088")
    payment.sync()
    if is_late:
        order.cancel()
    stage.sandbox.deposit(imp_uid)
    return payment.sync()


def _twice(stage: Stage, name: str, amount: int) -> tuple[Any, str]:
    """Paid by card in one window and by a deposit out of another of the same attempt; and the deposit's imp_uid."""
    stage.sandbox.settings.set(duplicate_mode="none")
    order = _order(name, amount)
    payment, first = stage.open_window(order)
    _same, second = stage.open_window(order)
    stage.sandbox.approve(first, card_code="366")
    payment.sync()
    stage.sandbox.issue_vbank(second, bank_code="088")
    stage.sandbox.deposit(second)
    stage.sandbox.settings.set(duplicate_mode="strict")
    return payment.sync(), second


def _order(name: str, amount: int, **terms: Any) -> Any:
    from portone_django.orders import create_order

    return create_order(name=f"{name} × 1", amount=amount, **BUYER, **terms)


def _stuck(stage: Stage, refund: Any, payment: Any, why: dict[str, Any]) -> Any:
    """A refund whose sends never arrive, until a person must look."""
    from portone_django.models import Refund

    stage.sandbox.faults.add("http_503", path="/payments/cancel", times=9)
    stuck = refund(payment, amount=9000, **why)
    for _ in range(9):
        past = ORDERED_AT - dt.timedelta(days=1)
        Refund.objects.filter(pk=stuck.pk).exclude(unseen_at=None).update(unseen_at=past)
        Refund.objects.filter(pk=stuck.pk).update(sent_at=_not_long_ago())
        stuck = stuck.sync()
    stage.sandbox.faults.clear()
    assert stuck.state == "review"
    return stuck


def _not_long_ago() -> Any:
    from portone_django.clock import later

    return later(-3600)


def _differences(payment: Any) -> int:
    from portone_django.models import ReconciliationBreak

    theirs = {"status": "cancelled", "amount": payment.amount, "cancel_amount": 9000, "imp_uid": payment.imp_uid}
    ours = {"state": payment.state, "amount": payment.amount, "cancel_amount": 0, "imp_uid": payment.imp_uid}
    ReconciliationBreak.objects.create(
        kind="unknown_here", imp_uid="imp_000000000000", theirs={"status": "paid", "amount": 12900}
    )
    known = {"merchant_uid": payment.merchant_uid, "imp_uid": payment.imp_uid, "payment": payment}
    return int(ReconciliationBreak.objects.create(kind="refunded", **known, ours=ours, theirs=theirs).pk)


def _at(url: str) -> Look:
    return lambda page: page.goto(url)


def _pressed(stage: Stage, row: str, **typed: str) -> Look:
    def look(page: Any) -> None:
        page.goto(f"{stage.url}/admin/portone/payment/{stage.rows[row]}/refund/")
        is_korean = page.evaluate("document.documentElement.lang").startswith("ko")
        for name, text in {"reason": "색상 교환" if is_korean else "Another colour", **typed}.items():
            page.locator(f"[name={name}]").fill(text)
        page.locator("[name=look]").click()

    return look
