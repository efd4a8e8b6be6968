"""A webhook is a hint: stored once, answered at once, and true only as far as PortOne itself confirms it."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from portone_django import adapter, signals
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.webhooks import MAX_ROWS_PER_UID, process_due
from portone_django.models import Event, Order, Payment, WebhookDelivery
from tests.factories import PaymentFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def inline(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}


def rows() -> list[Any]:
    """Everything that money depends on."""
    return [*Order.objects.order_by("pk").values(), *Payment.objects.order_by("pk").values("pk", "state", "imp_uid")]


def hint(started: dict[str, Any], imp_uid: str, status: str = "paid") -> dict[str, str]:
    return {"imp_uid": imp_uid, "merchant_uid": started["params"]["merchant_uid"], "status": status}


def test_a_webhook_is_one_row_and_settles_when_a_worker_comes_by(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    assert shop.webhook(**hint(started, imp_uid)).status_code == 200
    assert shop.delivered(order) == 0
    assert process_due() == 1
    assert shop.delivered(order) == 1
    assert WebhookDelivery.objects.get().processed_at is not None


def test_inline_a_webhook_settles_in_the_request(shop: Shop, settings: Any) -> None:
    inline(settings)
    order = shop.order()
    started, imp_uid = shop.pay(order)
    assert shop.webhook(**hint(started, imp_uid)).status_code == 200
    assert shop.delivered(order) == 1


def test_inline_a_slow_or_dead_gateway_leaves_the_hint_for_later(shop: Shop, settings: Any) -> None:
    inline(settings)
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.sandbox.faults.add("timeout_before", path="/payments/*", times=50)
    assert shop.webhook(**hint(started, imp_uid)).status_code == 200
    shop.sandbox.faults.clear()
    WebhookDelivery.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    process_due()
    assert shop.delivered(order) == 1


def test_a_thousand_forged_webhooks_change_nothing(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    before = rows()
    dice = random.Random(1)
    uids = [started["params"]["merchant_uid"], "t" + "a" * 24, "x", "", "T" + "A" * 24]
    for _ in range(1000):
        shop.webhook(
            imp_uid=dice.choice([imp_uid, "imp_000000000001", "", "../users/getToken"]),
            merchant_uid=dice.choice(uids),
            status=dice.choice(["paid", "ready", "cancelled", "failed", "PAID", "💰"]),
            amount=dice.choice([1, 12900, "12900", True]),
            cancellation_id=dice.choice(["", "abc", "x" * 100]),
        )
    WebhookDelivery.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    process_due(5000)
    assert rows() == before
    assert shop.delivered(order) == 0


def test_an_inline_forged_webhook_pays_nothing(shop: Shop, settings: Any) -> None:
    inline(settings)
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    shop.webhook(**hint(started, imp_uid), amount=12900, paid_amount=12900)
    order.refresh_from_db()
    assert (order.state, shop.delivered(order)) == ("open", 0)


def test_a_webhook_for_somebody_elses_payment_is_answered_and_forgotten(shop: Shop) -> None:
    for uid in ("t" + "b" * 24, "foreign-order-7", "", None, 7, ["t1"], {"a": 1}):
        response = shop.webhook(imp_uid="imp_123456789012", merchant_uid=uid, status="paid")
        assert response.status_code == 200
    assert not WebhookDelivery.objects.exists()


def test_portones_empty_test_call_is_answered(shop: Shop) -> None:
    assert Client().post(reverse("portone:webhook")).status_code in (200, 415)
    assert shop.webhook().status_code == 200
    assert Client().post(reverse("portone:webhook"), b"", content_type="application/json").status_code == 200


def test_the_row_is_found_by_the_fetched_uid_never_by_the_one_in_the_body(shop: Shop, settings: Any) -> None:
    inline(settings)
    paid, unpaid = shop.order(), shop.order()
    _, imp_uid = shop.pay(paid)
    started = shop.click(unpaid)
    shop.webhook(**hint(started, imp_uid))
    unpaid.refresh_from_db()
    assert (unpaid.state, shop.delivered(unpaid)) == ("open", 0)
    assert shop.payment(started).imp_uid is None


def test_repeating_the_whole_log_three_times_changes_only_counters(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    log = [hint(started, imp_uid), hint(started, imp_uid, "ready")]
    for body in log:
        shop.webhook(**body)
    process_due()
    before, events = rows(), Event.objects.count()
    for _ in range(3):
        for body in log:
            shop.webhook(**body)
        WebhookDelivery.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
        assert process_due() >= 1
        assert not WebhookDelivery.objects.exclude(due_at=None).exists(), "every repeat is followed up without trouble"
    assert rows() == before
    assert Event.objects.count() == events
    assert shop.delivered(order) == 1
    assert sorted(WebhookDelivery.objects.values_list("count", flat=True)) == [4, 4]


def test_a_repeat_right_after_an_answer_asks_portone_no_second_time(shop: Shop) -> None:
    started, imp_uid = shop.pay(shop.order())
    shop.webhook(**hint(started, imp_uid))
    process_due()
    shop.webhook(**hint(started, imp_uid))
    assert process_due() == 0
    assert WebhookDelivery.objects.get().due_at is not None, "it is asked about later, not dropped"


SNAPSHOTS = ("ready", "paid", "partly", "fully")


@pytest.mark.parametrize("order_of_arrival", list(itertools.permutations(SNAPSHOTS)))
def test_any_order_of_stale_answers_ends_in_the_newest_state(shop: Shop, order_of_arrival: tuple[str, ...]) -> None:
    from portone_django.flows.settlement import apply_records
    from portone_django.gateway import get_client

    order = shop.order()
    started = shop.click(order)
    uid = started["params"]["merchant_uid"]
    answers: dict[str, Any] = {}
    imp_uid = shop.window(started)
    answers["ready"] = get_client().find_all_payments(uid)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    answers["paid"] = get_client().find_all_payments(uid)
    shop.sandbox.console_cancel(imp_uid, 900)
    answers["partly"] = get_client().find_all_payments(uid)
    shop.sandbox.console_cancel(imp_uid)
    answers["fully"] = get_client().find_all_payments(uid)
    for name in order_of_arrival:
        apply_records(uid, answers[name], source="test")
    order.refresh_from_db()
    payment = shop.payment(started)
    assert (payment.state, order.state, order.refunded_amount) == ("refunded", "refunded", 12900)
    assert [each.source for each in payment.refunds.all()] == ["console", "console"]
    assert shop.delivered(order) == 1
    assert shop.delivered(order, "order_refunded") == 2


def test_with_every_webhook_lost_the_sweep_finds_the_money(shop: Shop) -> None:
    shop.sandbox.settings.set(webhook_mode="off")
    order = shop.order()
    shop.pay(order)
    assert reconcile(everything=True).changed == 1
    assert shop.delivered(order) == 1


def test_open_attempts_are_asked_about_on_a_ladder_until_a_day_after_their_end(shop: Shop) -> None:
    order = shop.order()
    payment = shop.payment(shop.click(order))
    first = (payment.next_check_at - payment.created_at).total_seconds()
    assert 25 <= first <= 35
    gaps = []
    for age in (40, 200, 400, 1000):
        Payment.objects.update(created_at=timezone.now() - dt.timedelta(seconds=age))
        payment.sync()
        gaps.append(round((payment.next_check_at - payment.created_at).total_seconds(), -1))
    assert gaps == [120, 300, 900, 3600]
    long_ago = timezone.now() - dt.timedelta(days=3)
    Payment.objects.update(created_at=long_ago, expires_at=long_ago + dt.timedelta(minutes=30))
    assert payment.sync().state == "expired"
    assert payment.next_check_at is None


def test_a_webhook_that_arrives_before_its_answer_finds_its_attempt_committed(shop: Shop, settings: Any) -> None:
    inline(settings)
    order = shop.order()
    started = shop.click(order)
    arrived: list[int] = []

    def deliver(url: str, body: Any, *more: Any) -> int:
        fields = body if isinstance(body, dict) else json.loads(body)
        arrived.append(shop.webhook(**fields).status_code)
        return arrived[-1]

    shop.sandbox.webhooks.deliver = deliver
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.sandbox.webhooks.flush()
    assert arrived == [200]
    assert shop.delivered(order) == 1


def test_a_receiver_that_raises_keeps_the_hint_the_payment_and_the_event(shop: Shop, settings: Any) -> None:
    inline(settings)
    order = shop.order()
    started, imp_uid = shop.pay(order)

    def broken(**kwargs: Any) -> None:
        raise RuntimeError("the shop's own fault")

    signals.order_paid.connect(broken)
    try:
        assert shop.webhook(**hint(started, imp_uid)).status_code == 200
    finally:
        signals.order_paid.disconnect(broken)
    order.refresh_from_db()
    event = Event.objects.get(kind="order.paid")
    assert (order.state, event.dispatched_at, event.dispatch_attempts) == ("paid", None, 1)
    Event.objects.update(created_at=timezone.now() - dt.timedelta(minutes=2))
    reconcile()
    event.refresh_from_db()
    assert event.dispatched_at is not None
    assert WebhookDelivery.objects.count() == 1


def test_a_crash_while_settling_keeps_the_hint_for_the_next_worker(
    shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inline(settings)
    order = shop.order()
    started, imp_uid = shop.pay(order)
    with monkeypatch.context() as patch:
        patch.setattr("portone_django.flows.verification.apply_records", lambda *a, **k: 1 / 0)
        assert shop.webhook(**hint(started, imp_uid)).status_code == 200
    delivery = WebhookDelivery.objects.get()
    assert delivery.processed_at is None
    assert delivery.due_at is not None
    WebhookDelivery.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    process_due()
    assert shop.delivered(order) == 1


def test_a_database_that_is_down_answers_503_so_that_a_retry_may_come(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, imp_uid = shop.pay(shop.order())

    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database is gone")

    with monkeypatch.context() as patch:
        patch.setattr("django.db.backends.utils.CursorWrapper.execute", down)
        assert shop.webhook(**hint(started, imp_uid)).status_code == 503


def test_a_deferred_webhook_asks_portone_nothing_in_the_request(shop: Shop) -> None:
    started, imp_uid = shop.pay(shop.order())
    shop.sandbox.faults.add("http_500", path="/*", times=1)
    shop.webhook(**hint(started, imp_uid))
    assert shop.sandbox.faults.list()[-1]["hits"] == 0


def test_one_payment_never_fills_the_table(shop: Shop) -> None:
    started, _ = shop.pay(shop.order())
    for n in range(3 * MAX_ROWS_PER_UID):
        shop.webhook(**hint(started, f"imp_{n:012d}"))
    assert WebhookDelivery.objects.count() == MAX_ROWS_PER_UID
    assert process_due() >= 1


def test_no_address_makes_a_webhook_more_or_less_true(shop: Shop) -> None:
    started = shop.click(shop.order())
    imp_uid = shop.window(started)
    forged = json.dumps(hint(started, imp_uid))
    for headers in (
        {"x-forwarded-for": "52.78.100.19"},
        {"x-real-ip": "52.78.48.223"},
        {"forwarded": "for=52.78.5.241"},
    ):
        Client().post(reverse("portone:webhook"), forged, content_type="application/json", headers=headers)
    process_due()
    assert shop.payment(started).state == "pending"
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    Client(REMOTE_ADDR="203.0.113.9").post(reverse("portone:webhook"), forged, content_type="application/json")
    WebhookDelivery.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    process_due()
    assert shop.payment(started).state == "paid"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_json_and_form_say_the_same(shop: Shop, settings: Any, kind: str) -> None:
    inline(settings)
    for send in ("json", "form"):
        order = shop.order()
        started, imp_uid = shop.pay(order)
        body = hint(started, imp_uid)
        if send == "json":
            Client().post(reverse("portone:webhook"), json.dumps(body), content_type=kind)
        else:
            pairs = "&".join(f"{key}={value}" for key, value in body.items())
            Client().post(reverse("portone:webhook"), pairs, content_type="application/x-www-form-urlencoded")
        assert shop.delivered(order) == 1, send


HOSTILE = [
    (b"[" * 15000, "application/json", 400),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "application/json", 400),
    (b"\xff\xfe\x00", "application/json", 400),
    (b"not json", "application/json", 400),
    (b"[1, 2]", "application/json", 400),
    (b"null", "application/json", 400),
    (b'"paid"', "application/json", 400),
    (b'{"merchant_uid": "t\\u0000"}', "application/json", 200),
    (b'{"merchant_uid": "t\\ud800"}', "application/json", 200),
    (b'{"merchant_uid": ["t"], "imp_uid": {"a": 1}, "status": 1e400}', "application/json", 200),
    (b"merchant_uid=%ff%fe", "application/x-www-form-urlencoded", 200),
    (b"a=1" + b"&a=1" * 3000, "application/x-www-form-urlencoded", 200),
    (b"x" * 16384, "text/plain", 415),
    (b"<xml/>", "application/xml", 415),
    (b" " * 16385, "application/json", 413),
    (b"x" * 2_500_000, "application/json", 413),
]


@pytest.mark.parametrize(("body", "kind", "status"), HOSTILE)
def test_a_hostile_body_gets_a_plain_answer(shop: Shop, body: bytes, kind: str, status: int) -> None:
    response = Client().post(reverse("portone:webhook"), body, content_type=kind)
    assert response.status_code in (status, 400 if status == 200 else status)
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "patch", "delete"])
def test_the_webhook_is_post_only(method: str) -> None:
    assert getattr(Client(), method)(reverse("portone:webhook")).status_code == 405


def test_exactly_three_views_are_exempt_from_csrf() -> None:
    exempt = {
        pattern.name
        for pattern in get_resolver("portone_django.urls").url_patterns
        if getattr(pattern.callback, "csrf_exempt", False)
    }
    assert exempt == {"webhook", "confirm", "return"}


def test_the_other_doors_refuse_a_post_without_a_csrf_token(shop: Shop) -> None:
    config = shop.config(shop.order())
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(config["start_url"], {"token": config["token"]}).status_code == 403
    started = shop.click(shop.order())
    assert browser.post(started["complete_url"], {}).status_code == 403
    browser.cookies["csrftoken"] = config["csrf_token"]
    accepted = browser.post(
        config["start_url"],
        {"token": config["token"]},
        content_type="application/json",
        headers={"X-CSRFToken": config["csrf_token"]},
    )
    assert accepted.status_code == 200


def test_a_webhook_without_our_prefix_goes_to_the_projects_adapter(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(adapter.Adapter, "foreign_webhook", lambda self, each: seen.append(each))
    shop.webhook(imp_uid="imp_1", merchant_uid="legacy-order-7", status="paid", secret="x")
    assert [(each["merchant_uid"], each["status"]) for each in seen] == [("legacy-order-7", "paid")]
    assert "secret" not in json.dumps(seen)


def test_an_escrow_webhook_keeps_only_its_documented_fields(shop: Shop) -> None:
    payment = PaymentFactory()
    shop.webhook(
        event="Inicis.Escrow.Changed",
        imp_uid="imp_1",
        merchant_uid=payment.merchant_uid,
        status="paid",
        extra={"escrow_status": "2", "changed_at": 1785985200, "card_number": "9410"},
    )
    body = WebhookDelivery.objects.get().body
    assert body["extra"] == {"event": "Inicis.Escrow.Changed", "escrow_status": "2", "changed_at": "1785985200"}
    assert "9410" not in json.dumps(body)
