"""In the window and at the bank: paid, declined, given up, confirmed by the shop, deposited."""

import json
import threading
from typing import Any

import pytest

from portone_django.sandbox import magic
from portone_django.sandbox.ledger import Refused, Sandbox
from portone_django.sandbox.posting import Delivery
from portone_django.sandbox.records import kst_deadline
from tests.sandbox.door import opened, paid, registered, statuses, waiting_account


def test_a_card_payment_shows_issuer_instalments_and_a_masked_number(sandbox: Sandbox) -> None:
    imp_uid = opened(sandbox, amount=60_000)
    record = sandbox.approve(imp_uid, card_code="367", card_quota=3, card_number="5594-1012-3456-7890")
    assert (record["status"], record["card_name"], record["card_quota"]) == ("paid", "현대카드", 3)
    assert record["card_number"] == "559410*********0"
    assert (record["card_type"], len(record["apply_num"])) == (0, 8)
    assert record["pg_tid"].startswith("StdpayCARDINIpayTest")
    assert record["pg_tid"] in record["receipt_url"]


@pytest.mark.parametrize("code", sorted(magic.DECLINES))
def test_a_card_that_ends_in_a_code_declines_with_it(sandbox: Sandbox, code: str) -> None:
    record = sandbox.approve(opened(sandbox), card_number=f"559410123456{code}")
    assert (record["status"], record["fail_reason"]) == ("failed", f"[{code}] {magic.DECLINES[code]}")
    assert (record["paid_at"], record["apply_num"], record["receipt_url"]) == (0, None, None)


def test_an_amount_of_90000_plus_a_code_declines_with_it(sandbox: Sandbox) -> None:
    assert sandbox.approve(opened(sandbox, amount=91_216))["fail_reason"] == "[1216] 월 사용한도 초과"
    assert sandbox.approve(opened(sandbox, "other", 91_215))["status"] == "paid"


def test_instalments_below_50000_won_are_declined(sandbox: Sandbox) -> None:
    assert sandbox.approve(opened(sandbox, amount=49_999), card_quota=2)["status"] == "failed"
    assert sandbox.approve(opened(sandbox, "b", amount=50_000), card_quota=2)["status"] == "paid"


def test_giving_up_is_failed_with_the_users_reason(sandbox: Sandbox) -> None:
    record = sandbox.fail(opened(sandbox))
    assert (record["status"], record["fail_reason"]) == ("failed", "사용자가 결제를 취소하셨습니다")


def test_what_is_decided_stays_decided_in_the_window(sandbox: Sandbox) -> None:
    imp_uid = paid(sandbox)
    before = sandbox.payment(imp_uid)
    assert sandbox.fail(imp_uid) == before
    assert sandbox.approve(imp_uid) == before
    assert sandbox.issue_vbank(imp_uid, bank_code="088") == before


def test_easy_pay_keeps_the_provider_and_names_the_wallet(sandbox: Sandbox) -> None:
    record = sandbox.approve(opened(sandbox), pay_method="kakaopay", emb_pg_provider="kakaopay")
    assert (record["pay_method"], record["pg_provider"], record["emb_pg_provider"]) == (
        "kakaopay",
        "html5_inicis",
        "kakaopay",
    )


def test_an_account_transfer_names_the_bank(sandbox: Sandbox) -> None:
    record = sandbox.approve(opened(sandbox, pay_method="trans"), bank_code="04")
    assert (record["bank_code"], record["bank_name"], record["card_code"]) == ("004", "KB국민은행", None)


def test_an_issued_account_is_ready_with_number_and_deadline(sandbox: Sandbox) -> None:
    record = sandbox.payment(waiting_account(sandbox, vbank_due="2099-08-09"))
    assert (record["status"], record["vbank_code"], record["vbank_name"]) == ("ready", "088", "신한은행")
    assert record["vbank_num"].isdigit()
    assert record["vbank_date"] == kst_deadline("2099-08-09 23:59:59")


@pytest.mark.parametrize(
    ("vbank_due", "seconds"),
    [
        ("2026-12-23 14:05:59", 1_798_002_359),
        ("20261223140559", 1_798_002_359),
        ("2026-12-23 14:05", 1_798_002_300),
        ("202612231405", 1_798_002_300),
        ("2026-12-23", 1_798_037_999),
        ("20261223", 1_798_037_999),
    ],
)
def test_a_deadline_is_read_in_korean_time_in_each_spelling(vbank_due: str, seconds: int) -> None:
    assert kst_deadline(vbank_due) == seconds


@pytest.mark.parametrize("vbank_due", ["", "soon", "2026-13-01", "20261301", "2026/12/23", "٢٠٢٦١٢٢٣", "1798002359"])
def test_what_is_no_deadline_is_none(vbank_due: str) -> None:
    assert kst_deadline(vbank_due) is None


def test_without_vbank_due_the_account_waits_30_days(sandbox: Sandbox) -> None:
    record = sandbox.payment(waiting_account(sandbox))
    assert record["vbank_date"] - record["vbank_issued_at"] == 30 * 86_400


def test_a_deposit_pays_even_after_the_deadline_and_once(sandbox: Sandbox) -> None:
    imp_uid = waiting_account(sandbox)
    sandbox.advance(60 * 86_400)
    first = sandbox.deposit(imp_uid)
    assert (first["status"], first["imp_uid"]) == ("paid", imp_uid)
    assert sandbox.deposit(imp_uid) == first


def test_nothing_can_be_deposited_without_a_waiting_account(sandbox: Sandbox) -> None:
    with pytest.raises(Refused):
        sandbox.deposit(opened(sandbox))
    with pytest.raises(Refused):
        sandbox.deposit("imp_000000000000")


def test_two_windows_of_one_number_are_paid_once(sandbox: Sandbox) -> None:
    first, second = opened(sandbox), opened(sandbox)
    sandbox.approve(first)
    assert sandbox.approve(second)["fail_reason"] == "[500619] 상점주문번호 중복 오류"


def test_without_refusals_two_windows_are_paid_twice(sandbox: Sandbox) -> None:
    sandbox.settings.set(duplicate_mode="none")
    first, second = opened(sandbox), opened(sandbox)
    sandbox.approve(first)
    sandbox.approve(second)
    assert statuses(sandbox, "order1") == ["paid", "paid"]


def test_many_threads_pay_one_window_once(sandbox: Sandbox) -> None:
    imp_uid = opened(sandbox, notice_url="http://127.0.0.1:9/")
    barrier = threading.Barrier(8)
    seen: list[str] = []

    def pay() -> None:
        barrier.wait()
        seen.append(sandbox.approve(imp_uid)["apply_num"])

    threads = [threading.Thread(target=pay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert len(sandbox.webhooks.log()) == 1


class Shop:
    """A confirm_url that answers what it is told."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        self.answer = Delivery(status, body, None)
        self.asked: list[Any] = []

    def __call__(self, url: str, body: bytes, content_type: str) -> Delivery:
        self.asked.append((url, json.loads(body), content_type))
        return self.answer


def test_the_shop_confirms_before_the_approval(sandbox: Sandbox) -> None:
    sandbox.settings.set(confirm_enabled=True)
    shop = sandbox.webhooks.deliver = Shop(200)
    imp_uid = opened(sandbox, confirm_url="https://shop.example/confirm")
    assert sandbox.approve(imp_uid)["status"] == "paid"
    body = {"imp_uid": imp_uid, "merchant_uid": "order1", "amount": 10_000}
    assert shop.asked == [("https://shop.example/confirm", body, "application/json")]


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [(500, b'{"reason": "\xec\x9e\xac\xea\xb3\xa0 \xeb\xb6\x80\xec\xa1\xb1"}', "재고 부족"), (404, b"", "알 수 없음")],
)
def test_a_shop_that_does_not_confirm_fails_the_payment(
    sandbox: Sandbox, status: int, body: bytes, detail: str
) -> None:
    sandbox.settings.set(confirm_enabled=True)
    sandbox.webhooks.deliver = Shop(status, body)
    record = sandbox.approve(opened(sandbox, confirm_url="https://shop.example/confirm"))
    assert record["status"] == "failed"
    assert record["fail_reason"] == f"고객사 요청에 의해 결제를 중단합니다. (상세사유 : {detail})"


def test_confirm_url_has_no_effect_while_portone_has_not_enabled_it(sandbox: Sandbox) -> None:
    shop = sandbox.webhooks.deliver = Shop(500)
    assert sandbox.approve(opened(sandbox, confirm_url="https://shop.example/confirm"))["status"] == "paid"
    assert shop.asked == []


def test_the_confirm_process_never_leaves_this_machine(sandbox: Sandbox) -> None:
    sandbox.settings.set(confirm_enabled=True)
    assert sandbox.approve(opened(sandbox, confirm_url="https://shop.example/confirm"))["status"] == "failed"


def test_registering_a_card_leaves_an_issue_record_and_a_key_but_no_receipt(sandbox: Sandbox) -> None:
    registered(sandbox, card_number="5594101234567890")
    record = sandbox.payments_of("issue-card1")[0]
    assert (record["status"], record["customer_uid"], record["customer_uid_usage"]) == ("paid", "card1", "issue")
    assert (record["receipt_url"], record["apply_num"], record["card_type"]) == (None, None, None)
    key = sandbox.keys.get("card1")
    assert key is not None
    assert key.record["card_number"] == "559410*********0"


def test_a_card_that_cannot_be_registered_leaves_no_key(sandbox: Sandbox) -> None:
    imp_uid = opened(
        sandbox, amount=0, channelKey="channel-key-11111111-1111-1111-1111-111111111111", customer_uid="card1"
    )
    sandbox.approve(imp_uid, card_number="5594100000001214")
    assert sandbox.keys.get("card1") is None
