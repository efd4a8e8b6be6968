"""Both books, both ways: what a lost webhook left is healed, what stays different is one row, a stop loses nothing."""

from __future__ import annotations

import copy
import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection

from portone_django.flows import comparing, comparison_runs
from portone_django.flows.comparing import compare
from portone_django.flows.comparison_runs import is_due
from portone_django.models import Comparison, Event, Payment, ReconciliationBreak
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What was paid a moment ago counts as settled, but for the second that PortOne's times are cut to."""
    monkeypatch.setattr(comparison_runs, "SETTLED_FOR", dt.timedelta(seconds=-2))


def breaks() -> list[tuple[str, str]]:
    return list(ReconciliationBreak.objects.order_by("pk").values_list("kind", "merchant_uid"))


def forget(payment: Payment) -> None:
    """As if a restored copy of the database had never known it."""
    order = payment.order
    Event.objects.filter(order=order).delete()
    payment.delete()
    order.delete()


def test_books_that_agree_differ_in_nothing(shop: Shop) -> None:
    payment = shop.paid()
    payment.refund(amount=900, reason="x")
    done = compare()
    assert done is not None
    assert (done.found, done.is_over, breaks()) == (0, True, [])
    assert done.compared == 2, "once in their books, once in ours"


def test_a_payment_that_nobody_told_us_of_is_settled_and_is_no_difference(shop: Shop) -> None:
    order = shop.order()
    started, _ = shop.pay(order)
    done = compare()
    order.refresh_from_db()
    assert done is not None
    assert (order.state, shop.delivered(order), done.found) == ("paid", 1, 0)
    assert Event.objects.get(kind="order.paid").source == "comparison"
    assert shop.payment(started).state == "paid"


def test_a_cancel_in_the_console_that_nobody_told_us_of_is_taken_over(shop: Shop) -> None:
    shop.sandbox.settings.set(webhook_mode="off")
    payment = shop.paid()
    shop.sandbox.console_cancel(payment.imp_uid, 2900)
    done = compare()
    payment.refresh_from_db()
    assert (payment.cancel_amount, done and done.found) == (2900, 0)


def test_a_payment_whose_row_is_lost_is_found_under_our_prefix(shop: Shop) -> None:
    payment = shop.paid()
    uid, imp_uid = payment.merchant_uid, payment.imp_uid
    forget(payment)
    for _ in range(2):
        compare()
    assert breaks() == [("unknown_here", uid)]
    row = ReconciliationBreak.objects.get()
    assert (row.imp_uid, row.is_unexplained, row.theirs["amount"]) == (imp_uid, True, 12900)


def test_another_shops_payments_of_the_account_are_not_ours_to_compare(shop: Shop, settings: Any) -> None:
    payment = shop.paid()
    forget(payment)
    settings.PORTONE = {**settings.PORTONE, "MERCHANT_UID_PREFIX": "other"}
    done = compare()
    assert (breaks(), done and done.compared) == ([], 1)


def test_money_that_portone_does_not_show_is_a_difference(shop: Shop) -> None:
    payment = shop.paid()
    with shop.sandbox.store.write() as db:
        db.execute("DELETE FROM payment WHERE imp_uid = ?", (payment.imp_uid,))
    compare()
    assert breaks() == [("not_paid_there", payment.merchant_uid)]
    assert Payment.objects.get().state == "paid", "it is shown, not undone"


def test_an_amount_that_differs_is_a_difference_until_it_no_longer_does(shop: Shop) -> None:
    payment = shop.paid()
    Payment.objects.update(received_amount=12000)
    compare()
    assert breaks() == [("amount", payment.merchant_uid)]
    row = ReconciliationBreak.objects.get()
    assert (row.ours["amount"], row.theirs["amount"], row.payment) == (12000, 12900, payment)
    Payment.objects.update(received_amount=12900)
    compare()
    row.refresh_from_db()
    assert (row.is_unexplained, row.resolved_at is not None) == (False, True)


def test_what_a_person_explained_stays_explained(shop: Shop) -> None:
    payment = shop.paid()
    forget(payment)
    compare()
    ReconciliationBreak.objects.update(explained_at=dt.datetime.now(dt.UTC), explanation="a test of last week")
    compare()
    assert not ReconciliationBreak.objects.get().is_unexplained


def test_more_back_than_received_is_a_difference(shop: Shop) -> None:
    payment = shop.paid()
    payment.record_refund(amount=2900, refunded_on=dt.date(2026, 8, 6), reference="r", reason="x")
    shop.sandbox.console_cancel(payment.imp_uid)
    compare()
    assert breaks() == [("over_refunded", payment.merchant_uid)]


def test_quarantined_money_is_on_the_desk_already(shop: Shop) -> None:
    shop.sandbox.faults.add("http_503", path="/payments/prepare")
    started, imp_uid = shop.pay(shop.order(), amount=100)
    shop.callback(started, imp_uid)
    compare()
    assert breaks() == []


def test_a_record_that_cannot_be_read_is_a_difference(shop: Shop) -> None:
    payment = shop.paid()
    record = shop.sandbox.payments.get(payment.imp_uid)
    record.record["cancel_amount"] = 99999999
    shop.sandbox.payments.save(record, shop.sandbox.now())
    done = compare()
    assert ("unreadable", payment.merchant_uid) in breaks()
    assert (done and done.is_over, done and done.is_answered, is_due()) == (True, True, False)


def test_a_record_that_cannot_be_read_hides_none_of_the_others(shop: Shop) -> None:
    bad, good = shop.paid(), shop.paid()
    Payment.objects.filter(pk=good.pk).update(received_amount=12000)
    held = shop.sandbox.payments.get(bad.imp_uid)
    held.record["cancel_amount"] = 99999999
    shop.sandbox.payments.save(held, shop.sandbox.now())
    done = compare()
    assert done is not None
    assert (done.is_over, done.found) == (True, 2)
    assert sorted(breaks()) == sorted([("unreadable", bad.merchant_uid), ("amount", good.merchant_uid)])


def test_one_record_that_agrees_does_not_hide_another_of_the_same_payment(shop: Shop) -> None:
    payment = shop.paid()
    held = shop.sandbox.payments.get(payment.imp_uid)
    other = copy.deepcopy(held)
    other.record |= {"imp_uid": "imp_900000000001", "amount": 10.5}
    shop.sandbox.payments.save(other, shop.sandbox.now())
    for _ in range(2):
        done = compare()
        assert (done and done.found) == 1
    assert ReconciliationBreak.objects.all().is_unexplained().filter(imp_uid="imp_900000000001").exists()


def test_it_goes_on_at_the_page_where_it_stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        shop.paid()
    monkeypatch.setattr(comparing, "PAGE", 2)
    monkeypatch.setattr(comparing, "BATCH", 2)

    class Killed(BaseException):
        pass

    seen: list[tuple[str, int]] = []

    def stop(progress: Any) -> None:
        seen.append((progress.phase, progress.done))
        raise Killed

    for _ in range(20):
        if is_due():
            try:
                compare(progress=stop)
            except Killed:
                continue
    assert seen == [
        ("paid", 1), ("paid", 3), ("paid", 5), ("cancelled", 0),
        ("ours", 2), ("ours", 4), ("ours", 5), ("ours", 5), ("open", 0),
    ]  # fmt: skip
    run = Comparison.objects.get()
    assert (run.compared, run.open_slot, run.phase) == (10, None, "done")
    assert not is_due(), "the next one is tomorrow's"


def test_a_process_that_was_killed_leaves_its_lease_and_the_next_goes_on_after_it(shop: Shop) -> None:
    from portone_django.clock import later

    shop.paid()
    now = dt.datetime.now(dt.UTC)
    span = {"from_at": now - dt.timedelta(days=3), "to_at": now + dt.timedelta(seconds=2)}
    Comparison.objects.create(open_slot=1, **span, lease_token="dead", lease_until=later(60))
    assert (compare(), is_due()) == (None, False)
    Comparison.objects.update(lease_until=later(-1))
    assert is_due()
    done = compare()
    assert done is not None
    assert done.is_over


def test_a_dead_gateway_stops_it_and_the_next_run_goes_on(shop: Shop) -> None:
    shop.paid()
    shop.sandbox.faults.add("http_503", path="/payments/status/*", times=5)
    done = compare()
    assert done is not None
    assert (done.is_answered, done.is_over) == (False, False)
    shop.sandbox.faults.clear()
    done = compare()
    assert done is not None
    assert (done.is_over, done.found) == (True, 0)


def test_a_payment_that_cannot_be_settled_does_not_stop_the_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = shop.paid(), shop.order()
    Payment.objects.filter(pk=bad.pk).update(received_amount=12000)
    shop.pay(good)
    sync = comparing.sync_payment

    def poisoned(merchant_uid: str, *args: Any, **options: Any) -> Any:
        if merchant_uid == bad.merchant_uid:
            raise RuntimeError("a fault of ours")
        return sync(merchant_uid, *args, **options)

    monkeypatch.setattr(comparing, "sync_payment", poisoned)
    done = compare()
    good.refresh_from_db()
    assert done is not None
    assert (done.is_over, good.state, breaks()) == (True, "paid", [("unsettled", bad.merchant_uid)])


@pytest.mark.parametrize("prefix", ["t1", "ta"])
def test_a_shop_whose_prefix_begins_like_ours_is_another_shop(shop: Shop, settings: Any, prefix: str) -> None:
    mine = settings.PORTONE
    settings.PORTONE = {**mine, "MERCHANT_UID_PREFIX": prefix}
    payment = shop.paid()
    forget(payment)
    settings.PORTONE = mine
    assert payment.merchant_uid.startswith(mine["MERCHANT_UID_PREFIX"])
    compare()
    assert breaks() == []


def test_another_shops_record_that_cannot_be_read_is_not_our_difference(shop: Shop) -> None:
    payment = shop.paid()
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record |= {"merchant_uid": "other-shop-17", "imp_uid": "imp_900000000001", "amount": 10.5}
    shop.sandbox.payments.save(held, shop.sandbox.now())
    compare()
    assert breaks() == []


def test_what_a_person_found_to_be_none_of_ours_is_no_difference(shop: Shop) -> None:
    from portone_django.flows.decisions import decide

    shop.sandbox.faults.add("http_503", path="/payments/prepare")
    started, imp_uid = shop.pay(shop.order(), amount=100)
    shop.callback(started, imp_uid)
    decide(shop.payment(started), "no_money", reason="a test", by=None)
    compare()
    assert breaks() == []


@pytest.mark.postgresql
def test_many_at_once_are_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "PAGE", 1)
    for _ in range(6):
        shop.paid()
    forget(Payment.objects.first())  # type: ignore[arg-type]
    results: list[Any] = []
    start = threading.Barrier(6)

    def run() -> None:
        try:
            start.wait(60)
            results.append(compare())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len([each for each in results if each and each.is_over]) >= 1
    assert [kind for kind, _ in breaks()] == ["unknown_here"]
    assert not Comparison.objects.filter(open_slot=1).exists()
