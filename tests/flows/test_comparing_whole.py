"""A comparison leaves nothing out: not where lists change while they are read, nor after stops, silences and gaps."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portone_django.flows import comparing
from portone_django.flows.breaker import MAX_UNREACHABLE_IN_A_ROW
from portone_django.flows.comparing import compare
from portone_django.flows.comparison_runs import is_due
from portone_django.models import Comparison, Payment, ReconciliationBreak
from tests.shop import Shop

from .test_comparing import at_once, breaks, forget  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process ends here."""


def killed(progress: Any) -> None:
    raise Killed


def test_what_leaves_the_list_between_two_pages_hides_no_neighbour(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = [shop.paid() for _ in range(4)]
    monkeypatch.setattr(comparing, "PAGE", 2)
    uid = payments[2].merchant_uid
    forget(payments[2])
    with pytest.raises(Killed):
        compare(progress=killed)
    shop.sandbox.console_cancel(payments[0].imp_uid)
    done = compare()
    assert (done and done.is_over, breaks()) == (True, [("unknown_here", uid)])


def test_a_page_that_is_no_longer_there_ends_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = [shop.paid() for _ in range(5)]
    monkeypatch.setattr(comparing, "PAGE", 1)
    with pytest.raises(Killed):
        compare(progress=killed)
    for payment in payments[:3]:
        payment.refund(reason="x")
    done = compare()
    assert done is not None
    assert (done.is_over, done.is_answered, done.found) == (True, True, 0)


def test_a_list_that_grew_shorter_before_its_last_page_was_asked_for_is_read_to_its_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = [shop.paid() for _ in range(3)]
    monkeypatch.setattr(comparing, "PAGE", 1)
    page = comparing._Run._page

    def shrinking(self: Any, status: str, number: int) -> Any:
        found = page(self, status, number)
        if number == 1 and status == "paid" and len(payments) == 3:
            shop.sandbox.console_cancel(payments.pop().imp_uid)
        return found

    monkeypatch.setattr(comparing._Run, "_page", shrinking)
    done = compare()
    assert done is not None
    assert (done.is_over, done.is_answered) == (True, True)


@pytest.mark.parametrize(("ago", "expected"), [(1, 3), (6, 6), (200, 89)])
def test_no_day_is_left_out_after_the_server_was_off(shop: Shop, ago: int, expected: int) -> None:
    shop.paid()
    compare()
    end = dt.datetime.now(dt.UTC) - dt.timedelta(days=ago)
    Comparison.objects.update(from_at=end - dt.timedelta(days=3), to_at=end, ended_at=dt.datetime.now(dt.UTC))
    assert is_due(), "what counts is the end of what was compared, not when that was done"
    compare()
    run = Comparison.objects.latest("pk")
    assert round((run.to_at - run.from_at) / dt.timedelta(days=1)) == expected


def test_a_difference_that_cannot_be_asked_about_is_one_until_it_can(shop: Shop) -> None:
    payment = shop.paid()
    Payment.objects.update(received_amount=12000)
    shop.sandbox.faults.add("http_503", path="/payments/findAll/*", times=50)
    done = compare()
    assert (done and done.found, breaks()) == (1, [("unsettled", payment.merchant_uid)])
    shop.sandbox.faults.clear()
    done = compare()
    assert (done and done.found, breaks()[1:]) == (1, [("amount", payment.merchant_uid)])
    assert ReconciliationBreak.objects.all().is_unexplained().get().kind == "amount"
    Payment.objects.update(received_amount=12900)
    done = compare()
    assert (done and done.found, ReconciliationBreak.objects.all().is_unexplained().count()) == (0, 0)


def test_a_portone_that_falls_silent_stops_it_where_it_is(shop: Shop) -> None:
    for _ in range(MAX_UNREACHABLE_IN_A_ROW + 1):
        shop.paid()
    Payment.objects.update(received_amount=12000)
    shop.sandbox.faults.add("http_503", path="/payments/findAll/*", times=500)
    done = compare()
    assert done is not None
    assert (done.is_over, done.is_answered, done.phase) == (False, False, "paid")
    shop.sandbox.faults.clear()
    Payment.objects.update(received_amount=12900)
    done = compare()
    assert done is not None
    assert (done.is_over, done.found) == (True, 0)


def test_a_difference_that_was_written_before_the_process_ended_is_counted_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.paid()
    Payment.objects.update(received_amount=12000)
    with monkeypatch.context() as patch:
        patch.setattr(comparing._Run, "_advance", lambda self, *rest: killed(None))
        with pytest.raises(Killed):
            compare()
    Comparison.objects.update(lease_until=None)
    done = compare()
    assert (done and done.is_over, done and done.found) == (True, 1)


def test_what_a_person_explained_is_no_longer_counted(shop: Shop) -> None:
    shop.paid()
    Payment.objects.update(received_amount=12000)
    compare()
    ReconciliationBreak.objects.update(explained_at=dt.datetime.now(dt.UTC), explanation="known")
    done = compare()
    assert (done and done.found) == 0


def test_a_difference_that_heals_after_its_days_were_compared_is_gone_by_itself(shop: Shop) -> None:
    payment = shop.paid()
    Payment.objects.update(received_amount=12000)
    compare()
    old = dt.timedelta(days=10)
    ReconciliationBreak.objects.update(last_seen_at=dt.datetime.now(dt.UTC) - old)
    Payment.objects.update(paid_at=payment.paid_at - old)
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["paid_at"] -= int(old.total_seconds())
    shop.sandbox.payments.save(held, shop.sandbox.now())
    done = compare()
    assert (done and done.found, breaks()) == (1, [("amount", payment.merchant_uid)])
    Payment.objects.update(received_amount=12900)
    compare()
    assert not ReconciliationBreak.objects.get().is_unexplained


def test_the_only_row_that_is_lost_is_found_without_being_asked_for(shop: Shop) -> None:
    payment = shop.paid()
    assert is_due()
    compare()
    forget(payment)
    Comparison.objects.update(to_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
    assert is_due()


# A PortOne that answers slowly -----------------------------------------------------------------------------------


def slow(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every question takes the whole time that one run has; whom they were about."""
    asked: list[str] = []
    sync = comparing.sync_payment

    def counting(merchant_uid: str, *args: Any, **options: Any) -> Any:
        asked.append(merchant_uid)
        return sync(merchant_uid, *args, **options)

    class Time:
        """A minute later after each question."""

        @staticmethod
        def monotonic() -> float:
            return 60.0 * len(asked)

    monkeypatch.setattr(comparing, "sync_payment", counting)
    monkeypatch.setattr(comparing, "time", Time)
    return asked


def runs_until_over(most: int) -> int:
    for number in range(1, most + 1):
        done = compare(seconds=1)
        if done and done.is_over:
            return number
    raise AssertionError(f"not over after {most} runs")


def test_a_page_of_differences_that_takes_longer_than_one_run_is_asked_about_once_and_ends(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = [shop.paid().merchant_uid for _ in range(4)]
    Payment.objects.update(received_amount=12000)
    asked = slow(monkeypatch)
    runs_until_over(12)
    assert sorted(asked) == sorted(uids)
    assert sorted(breaks()) == sorted(("amount", uid) for uid in uids)


def test_a_batch_that_cannot_be_read_goes_on_behind_what_was_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = [shop.paid() for _ in range(4)]
    held = shop.sandbox.payments.get(payments[3].imp_uid)
    held.record["cancel_amount"] = 99999999
    shop.sandbox.payments.save(held, shop.sandbox.now())
    asked = slow(monkeypatch)
    runs_until_over(12)
    assert len(asked) <= 5, "each of the batch once, and the one that the page could not read"
    assert breaks() == [("unreadable", payments[3].merchant_uid)]


def test_old_differences_that_a_person_explained_are_not_asked_about(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = [shop.paid() for _ in range(3)]
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=10)
    for payment in payments:
        ReconciliationBreak.objects.create(
            kind="amount", merchant_uid=payment.merchant_uid, imp_uid="x", payment=payment
        )
    ReconciliationBreak.objects.update(last_seen_at=long_ago, explained_at=long_ago)
    asked = slow(monkeypatch)
    assert runs_until_over(12) < 12
    assert asked == []


def test_a_process_whose_lease_is_gone_asks_nothing_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        shop.paid()
    Payment.objects.update(received_amount=12000)
    sync, asked = comparing.sync_payment, []

    def and_lose(merchant_uid: str, *args: Any, **options: Any) -> Any:
        asked.append(merchant_uid)
        Comparison.objects.update(lease_token="somebody else")
        return sync(merchant_uid, *args, **options)

    monkeypatch.setattr(comparing, "sync_payment", and_lose)
    done = compare()
    assert (done and done.is_over, len(asked)) == (False, 1)


@pytest.mark.parametrize("position", [0, 1])
def test_a_position_in_front_of_the_first_page_begins_the_list(shop: Shop, position: int) -> None:
    shop.paid()
    now = dt.datetime.now(dt.UTC)
    span = {"from_at": now - dt.timedelta(days=3), "to_at": now + dt.timedelta(seconds=2)}
    Comparison.objects.create(open_slot=1, position=position, **span)
    done = compare()
    assert (done and done.is_over, done and done.compared) == (True, 2)


def test_a_record_that_became_readable_after_its_days_is_gone_by_itself(shop: Shop) -> None:
    payment = shop.paid()
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cancel_amount"] = 99999999
    shop.sandbox.payments.save(held, shop.sandbox.now())
    compare()
    held.record["cancel_amount"] = 0
    held.record["paid_at"] -= 10 * 24 * 3600
    shop.sandbox.payments.save(held, shop.sandbox.now())
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=10)
    Payment.objects.update(paid_at=old)
    ReconciliationBreak.objects.update(last_seen_at=old)
    compare()
    assert not ReconciliationBreak.objects.all().is_unexplained().exists()
