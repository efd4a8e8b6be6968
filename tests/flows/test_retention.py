"""The purge: what is blanked and deleted when, what never is, and that any number of purges in any state agree."""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Max
from django.test.utils import CaptureQueriesContext

from portone_django import clock
from portone_django.billing import billing
from portone_django.conf import get_config
from portone_django.flows import blanking, nudges, retention
from portone_django.flows.retention import count_due, purge
from portone_django.models import (
    CashReceipt,
    Comparison,
    Event,
    Heartbeat,
    Order,
    Payment,
    ReconciliationBreak,
    Refund,
    WebhookDelivery,
)
from portone_django.tasks import purge as purge_task
from tests.factories import OrderFactory, PaymentFactory, UserFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.timedelta(days=1)
BUYER = {
    "buyer_name": "홍길동", "buyer_email": "canary@example.com", "buyer_tel": "010-9999-8888",
    "buyer_addr": "서울특별시 카나리아로 7", "buyer_postcode": "04524",
}  # fmt: skip
ACCOUNT = {
    "vbank_num": "5620123456",
    "vbank_holder": "홍길동",
    "escrow_denied_reason": "색이 달라요",
    "apply_num": "301",
    "receipt_url": "https://iniweb.inicis.com/receipt",
}


def keep() -> dt.timedelta:
    return dt.timedelta(days=get_config().keep_payment_days)


def aged(age: dt.timedelta, *, money: dt.timedelta | None = None, **terms: Any) -> Order:
    """An order made so long ago; with `money`, also paid so long ago."""
    order: Order = OrderFactory(**{**BUYER, "state": "expired", **terms})
    paid_at = None if money is None else clock.now() - money
    Order.objects.filter(pk=order.pk).update(created_at=clock.now() - age, paid_at=paid_at)
    order.refresh_from_db()
    return order


def paid(order: Order, age: dt.timedelta, **columns: Any) -> Payment:
    terms = {"state": "paid", "open_slot": None, "received_amount": order.amount, **ACCOUNT, **columns}
    payment: Payment = PaymentFactory(order=order, paid_at=clock.now() - age, **terms)
    return payment


def buyer(order: Order) -> list[str]:
    order.refresh_from_db()
    return [getattr(order, name) for name in BUYER]


def is_blank(order: Order) -> bool:
    empty = not any(buyer(order))
    assert empty == (order.blanked_at is not None), "the stamp says what the fields are"
    return empty


def old_webhooks(count: int, *, days: int = 91) -> list[WebhookDelivery]:
    then = clock.tick() - days * DAY
    rows = [
        WebhookDelivery(merchant_uid=f"t{number:020d}", processed_at=then, due_at=None, last_seen_at=then)
        for number in range(count)
    ]
    made = WebhookDelivery.objects.bulk_create(rows)
    WebhookDelivery.objects.update(last_seen_at=then)
    return made


# What is blanked ---------------------------------------------------------------------------------------------------


def test_the_buyer_of_an_old_sale_is_blanked_and_the_sale_stays() -> None:
    order = aged(keep() + 2 * DAY, money=keep() + DAY, state="paid", metadata={"mine": "stays"})
    payment = paid(order, keep() + DAY)
    kept = ("public_id", "reference", "name", "amount", "state", "created_at", "paid_at", "metadata")
    before = [getattr(order, name) for name in kept]
    payment_before = Payment.objects.values().get()

    report = purge()

    assert (report.orders_blanked, report.is_done) == (1, True)
    assert is_blank(order)
    assert [getattr(order, name) for name in kept] == before
    after = Payment.objects.values().get()
    assert {name for name in after if after[name] != payment_before[name]} == {*ACCOUNT, "updated_at"}
    assert [after[name] for name in ACCOUNT] == [""] * len(ACCOUNT)
    assert payment.merchant_uid == after["merchant_uid"]


@pytest.mark.parametrize(("age", "blanked"), [(DAY, True), (-DAY, False)])
def test_the_age_is_that_of_the_money(age: dt.timedelta, blanked: bool) -> None:
    order = aged(keep() + 30 * DAY, money=keep() + age, state="paid")
    purge()
    assert is_blank(order) == blanked


def test_money_that_came_late_for_a_closed_order_is_kept_from_its_own_day() -> None:
    order = aged(keep() + DAY)
    held = paid(order, keep() - DAY, hold_reason="late")
    purge()
    assert not is_blank(order)
    Payment.objects.filter(pk=held.pk).update(paid_at=clock.now() - keep() - DAY)
    purge()
    assert is_blank(order)


@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_an_order_without_money_is_kept_as_long_as_one_with(state: str) -> None:
    young, old = aged(keep() - DAY, state=state), aged(keep() + DAY, state=state)
    purge()
    assert (is_blank(young), is_blank(old)) == (False, True)


@pytest.mark.parametrize("state", ["open", "awaiting_deposit"])
def test_an_open_order_is_never_blanked_by_age(state: str) -> None:
    order = aged(10 * keep(), state=state)
    purge()
    assert not is_blank(order)


@pytest.mark.parametrize("state", ["created", "pending", "unknown", "awaiting_deposit", "quarantined", "review"])
def test_an_order_with_an_undecided_attempt_is_never_blanked_by_age(state: str) -> None:
    order = aged(10 * keep())
    PaymentFactory(order=order, state=state)
    purge()
    assert not is_blank(order)


def test_window_options_and_receipts_that_are_about_the_buyer_go_too() -> None:
    options = {"customer_id": "hong-1", "custom_data": {"name": "홍"}, "payshot_key": "x", "language": "ko"}
    order = aged(keep() + DAY, state="paid", money=keep() + DAY)
    payment = paid(order, keep() + DAY, options=options)
    receipt = {"state": "issued", "apply_num": "12345678", "receipt_url": "https://iniweb.inicis.com/r", "amount": 100}
    CashReceipt.objects.create(payment=payment, **receipt)
    purge()
    payment.refresh_from_db()
    assert payment.options == {"language": "ko"}
    assert (payment.cash_receipts.get().apply_num, payment.cash_receipts.get().receipt_url) == ("", "")


def test_the_links_to_old_slips_go_and_no_look_brings_them_back(shop: Shop) -> None:
    payment = shop.paid()
    refund = payment.refund(amount=1000, reason="x")
    payment.refresh_from_db()
    assert (bool(payment.receipt_url), bool(refund.receipt_url)) == (True, True)
    Order.objects.update(created_at=clock.now() - 2 * keep(), paid_at=clock.now() - 2 * keep())
    Payment.objects.update(paid_at=clock.now() - 2 * keep())
    assert purge().orders_blanked == 1
    payment.sync()
    refund.refresh_from_db()
    assert (payment.receipt_url, refund.receipt_url) == ("", "")


def test_late_money_for_a_blanked_order_brings_no_link_to_its_slip(shop: Shop) -> None:
    user = UserFactory()
    started = shop.click(shop.order(customer=user))
    imp_uid = shop.window(started)
    Payment.objects.update(expires_at=clock.now() - DAY)
    payment = shop.payment(started).sync()
    assert (payment.state, billing(user).forget().orders_blanked) == ("expired", 1)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    payment.sync()
    assert (payment.state, payment.card_code, payment.receipt_url) == ("paid", "366", "")


def test_a_look_at_an_old_receipt_does_not_bring_its_number_back(shop: Shop) -> None:
    receipt = shop.deposited().issue_cash_receipt(identifier="010-9753-1086")
    assert receipt.apply_num
    Order.objects.update(created_at=clock.now() - 2 * keep(), paid_at=clock.now() - 2 * keep())
    Payment.objects.update(paid_at=clock.now() - 2 * keep())
    assert purge().orders_blanked == 1
    receipt = receipt.sync()
    assert (receipt.state, receipt.amount, receipt.apply_num, receipt.receipt_url) == ("issued", 12900, "", "")


def test_a_customer_who_asked_for_their_own_refund_is_unlinked_from_it_and_an_operator_is_not() -> None:
    user, operator = UserFactory(), UserFactory()
    mine, theirs = (paid(OrderFactory(customer=each), DAY) for each in (user, UserFactory()))
    rows = {"state": "succeeded", "source": "app", "amount": 1, "checksum": 1, "reason": "x"}
    asked = [Refund.objects.create(payment=mine, imp_uid="a", requested_by=each, **rows) for each in (user, operator)]
    asked.append(Refund.objects.create(payment=theirs, imp_uid="b", requested_by=user, **rows))
    billing(user).forget()
    for each in asked:
        each.refresh_from_db()
    assert [each.requested_by for each in asked] == [None, operator, user]


def test_business_time_decides(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "MOVABLE_CLOCK": True}
    order = aged(DAY, money=DAY, state="paid")
    purge()
    assert not is_blank(order)
    clock.move(keep())
    try:
        purge()
    finally:
        clock.move(-keep())
    assert is_blank(order)


@pytest.fixture
def given_up(shop: Shop) -> tuple[Payment, str]:
    """A virtual account that lapsed, of a customer who was forgotten since; its imp_uid."""
    user = UserFactory()
    started = shop.click(shop.order(customer=user), pay_method="vbank")
    imp_uid = shop.window(started)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    payment = shop.payment(started).sync()
    assert (payment.state, bool(payment.vbank_num), bool(payment.vbank_holder)) == ("awaiting_deposit", True, True)
    Payment.objects.update(vbank_expires_at=clock.now() - DAY)
    assert payment.sync().state == "expired"
    assert billing(user).forget().orders_blanked == 1
    return payment, imp_uid


def test_a_closed_account_of_a_blanked_order_is_not_taken_for_a_new_one(given_up: tuple[Payment, str]) -> None:
    payment, _ = given_up
    payment.sync()
    assert (payment.state, payment.vbank_num) == ("expired", "")


def test_what_was_blanked_does_not_come_back_with_a_late_deposit(shop: Shop, given_up: tuple[Payment, str]) -> None:
    payment, imp_uid = given_up
    shop.sandbox.deposit(imp_uid)
    payment.sync()
    assert (payment.state, payment.received_amount) == ("paid", payment.amount)
    assert payment.vbank_name, "the rest of the answer is kept"
    assert [getattr(payment, name) for name in ACCOUNT] == [""] * len(ACCOUNT)


# What is deleted ---------------------------------------------------------------------------------------------------


def test_webhooks_go_by_age_once_they_were_followed_up() -> None:
    uids = {}
    for name, days, processed, due in (
        ("old", 91, True, False), ("young", 89, True, False), ("waiting", 91, False, True), ("again", 91, True, True),
    ):  # fmt: skip
        then = clock.tick() - days * DAY
        uids[name] = f"t{name}"
        row = WebhookDelivery.objects.create(
            merchant_uid=uids[name], processed_at=then if processed else None, due_at=then if due else None
        )
        WebhookDelivery.objects.filter(pk=row.pk).update(first_seen_at=then, last_seen_at=then)
    # First seen long ago, and again yesterday.
    seen = WebhookDelivery.objects.create(merchant_uid="tseen", processed_at=clock.tick())
    WebhookDelivery.objects.filter(pk=seen.pk).update(first_seen_at=clock.tick() - 400 * DAY)

    assert purge().webhooks_deleted == 1

    assert set(WebhookDelivery.objects.values_list("merchant_uid", flat=True)) == {
        "tyoung", "twaiting", "tagain", "tseen",
    }  # fmt: skip


def test_the_setting_says_how_long_webhooks_are_kept(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "KEEP_WEBHOOK_DAYS": 10}
    old_webhooks(1, days=11)
    assert purge().webhooks_deleted == 1


def test_comparisons_go_after_a_year_and_what_they_found_stays() -> None:
    then = clock.wall()
    for days, slot in ((366, None), (364, None), (800, 1)):
        ended = None if slot else then - days * DAY
        Comparison.objects.create(from_at=then, to_at=then, open_slot=slot, ended_at=ended)
    ReconciliationBreak.objects.create(kind="amount", merchant_uid="t1", resolved_at=then - 3000 * DAY)
    assert purge().comparisons_deleted == 1
    assert Comparison.objects.count() == 2
    assert ReconciliationBreak.objects.count() == 1


def test_no_purge_ever_deletes_an_order_a_payment_a_refund_or_an_event(shop: Shop) -> None:
    payment = shop.paid()
    payment.refund(reason="change of mind", amount=1000)
    models = (Order, Payment, Refund, Event)
    before = [set(model.objects.values_list("pk", flat=True)) for model in models]
    Order.objects.update(created_at=clock.now() - 100 * keep(), paid_at=clock.now() - 100 * keep())
    Payment.objects.update(created_at=clock.now() - 100 * keep(), paid_at=clock.now() - 100 * keep())
    assert purge().orders_blanked == 1
    after = [set(model.objects.values_list("pk", flat=True)) for model in models]
    assert all(old <= new for old, new in zip(before, after, strict=True))


def test_the_events_of_a_whole_life_hold_nothing_of_the_buyer(shop: Shop) -> None:
    user = UserFactory()
    shop.paid(customer=user, buyer_name="카나리아", buyer_addr="서울특별시 카나리아로 7", buyer_postcode="04524")
    deposited = shop.deposited(customer=user, buyer_name="카나리아")
    failing = shop.click(shop.order(customer=user, buyer_name="카나리아"))
    shop.callback(failing, (imp_uid := shop.window(failing)))
    shop.sandbox.fail(imp_uid, "잔액 부족")
    shop.callback(failing, imp_uid)
    billing(user).forget()
    Order.objects.update(created_at=clock.now() - 2 * keep(), paid_at=clock.now() - 2 * keep())
    Payment.objects.update(paid_at=clock.now() - 2 * keep())
    purge()
    told = json.dumps(list(Event.objects.values_list("data", flat=True)), ensure_ascii=False)
    assert Event.objects.filter(kind="order.blanked").count() == 3
    for personal in ("카나리아", "buyer@example.com", "010-0000-0000", "04524", deposited.vbank_num, user.username):
        assert personal
        assert personal not in told


# In batches --------------------------------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three orders, so that a test needs few rows."""
    monkeypatch.setattr(blanking, "ORDERS_AT_ONCE", 3)


def deletes(captured: CaptureQueriesContext) -> list[str]:
    return [each["sql"] for each in captured if each["sql"].startswith("DELETE")]


def test_webhooks_are_deleted_a_thousand_at_a_time_each_in_its_own_transaction() -> None:
    old_webhooks(2300)
    counts: list[int] = []
    with CaptureQueriesContext(connection) as captured:
        assert purge(progress=counts.append).webhooks_deleted == 2300
    assert counts == [1000, 1000, 300]
    assert [sql.count("DELETE") for sql in deletes(captured)] == [1, 1, 1]
    begun = [each["sql"] for each in captured if each["sql"].startswith(("BEGIN", "COMMIT", "DELETE"))]
    kinds = [sql.split()[0] for sql in begun]
    assert kinds[:9] == ["BEGIN", "DELETE", "COMMIT"] * 3


def test_no_statement_ever_changes_more_than_a_thousand_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    old_webhooks(1500)
    made = OrderFactory.create_batch(250, state="expired", **BUYER)
    Order.objects.filter(pk__in=[order.pk for order in made]).update(created_at=clock.now() - keep() - DAY)
    changed: list[int] = []
    execute = CursorWrapper.execute

    def counting(self: Any, sql: str, params: Any = None) -> Any:
        result = execute(self, sql, params)
        if sql.startswith(("UPDATE", "DELETE", "INSERT")):
            changed.append(self.cursor.rowcount)
        return result

    monkeypatch.setattr(CursorWrapper, "execute", counting)
    report = purge()
    assert (report.orders_blanked, report.webhooks_deleted) == (250, 1500)
    assert sum(changed) >= 1750
    assert max(changed) <= 1000


def test_a_purge_that_breaks_off_keeps_what_it_did_and_the_next_one_goes_on(few: None, monkeypatch: Any) -> None:
    orders = [aged(keep() + DAY) for _ in range(8)]
    blank, seen = blanking.blank, []

    def breaking(*args: Any, **kwargs: Any) -> int:
        done = blank(*args, **kwargs)
        seen.append(done)
        if len(seen) == 2:
            raise OperationalError("the connection is gone")
        return done

    monkeypatch.setattr(blanking, "blank", breaking)
    with pytest.raises(OperationalError):
        purge()
    assert [is_blank(order) for order in orders] == [True] * 3 + [False] * 5, "the broken batch was rolled back whole"
    assert not Heartbeat.objects.exists()

    assert purge().orders_blanked == 5
    assert all(map(is_blank, orders))
    assert Event.objects.filter(kind="order.blanked").count() == 8
    assert Heartbeat.objects.get().name == "purge"


@pytest.mark.parametrize(("limit", "done"), [(1, (1, 0)), (4, (4, 0)), (7, (5, 2)), (100, (5, 4))])
def test_a_limit_is_kept_over_all_kinds(few: None, limit: int, done: tuple[int, int]) -> None:
    for _ in range(5):
        aged(keep() + DAY)
    old_webhooks(4)
    report = purge(limit=limit)
    assert (report.orders_blanked, report.webhooks_deleted) == done
    assert report.is_done == (limit == 100) == Heartbeat.objects.exists()


def test_no_batch_is_begun_after_the_time_is_up(few: None) -> None:
    aged(keep() + DAY)
    report = purge(seconds=-1)
    assert (report.rows, report.is_done) == (0, False)


def test_what_is_due_can_be_counted_without_changing_it() -> None:
    both = aged(keep() + DAY, forgotten_at=clock.now())
    aged(DAY, forgotten_at=clock.now())
    aged(DAY)
    old_webhooks(3)
    due = count_due()
    assert (due.orders_blanked, due.webhooks_deleted, due.comparisons_deleted, due.rows) == (2, 3, 0, 5)
    assert not is_blank(both)
    done = purge()
    assert (done.orders_blanked, done.webhooks_deleted) == (2, 3)
    assert purge().rows == 0


def test_a_click_between_the_look_and_the_lock_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    order = aged(DAY, state="open", forgotten_at=clock.now())
    lock = blanking.lock

    def clicked(pks: Any, **kwargs: Any) -> list[int]:
        PaymentFactory(order=order)
        return lock(pks, **kwargs)

    monkeypatch.setattr(blanking, "lock", clicked)
    assert purge().orders_blanked == 0
    assert not is_blank(order)


def test_a_webhook_that_is_repeated_between_the_look_and_the_deletion_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    old_webhooks(2)
    delete = retention._delete
    news = WebhookDelivery.objects.aggregate(newest=Max("pk"))["newest"]

    def repeated(due: Any, pks: list[int]) -> int:
        WebhookDelivery.objects.filter(pk=news).update(due_at=clock.Tick(), last_seen_at=clock.Tick())
        return delete(due, pks)

    monkeypatch.setattr(retention, "_delete", repeated)
    assert purge().webhooks_deleted == 1
    assert WebhookDelivery.objects.get().pk == news


# At once -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def several_connections() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("needs PostgreSQL or MariaDB: on SQLite the suite's database is one connection's memory")


def test_purges_at_once_blank_each_order_once(several_connections: None, few: None) -> None:
    orders = [aged(keep() + DAY) for _ in range(40)]
    old_webhooks(50)
    reports, problems = [], []
    start = threading.Barrier(3)

    def run() -> None:
        try:
            start.wait(30)
            reports.append(purge())
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems
    purge()  # what was passed over because another held it
    assert all(map(is_blank, orders))
    assert Event.objects.filter(kind="order.blanked").count() == 40
    assert sum(report.webhooks_deleted for report in reports) == 50


# The task ----------------------------------------------------------------------------------------------------------


def test_the_task_purges(monkeypatch: pytest.MonkeyPatch) -> None:
    order = aged(keep() + DAY)
    purge_task()
    assert is_blank(order)


@pytest.mark.parametrize(("rows", "is_done", "again"), [(5, False, 1), (5, True, 0), (0, False, 0)])
def test_what_does_not_fit_into_one_task_goes_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch, rows: int, is_done: bool, again: int
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(retention, "purge", lambda **kwargs: retention.Report(orders_blanked=rows, is_done=is_done))
    monkeypatch.setattr(nudges, "nudge", sent.append)
    purge_task()
    assert sent == ["portone_django.purge"] * again


def test_beat_runs_it_once_a_day_at_night() -> None:
    from portone_django.tasks import BEAT_SCHEDULE

    entry = BEAT_SCHEDULE["portone-purge"]
    assert (entry["task"], entry["schedule"].hour, entry["schedule"].minute) == (purge_task.name, {3}, {40})
    assert entry["schedule"].day_of_week == set(range(7))
