"""What a record of PortOne's becomes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django.gateway import BillingKeyRecord, ChannelSetting, PaymentRecord, ScheduleRecord
from portone_django.gateway.account_replies import PaymentBalance, PreparedAmount
from portone_django.gateway.billing_replies import read_schedule_page
from portone_django.gateway.parsing import Unreadable
from portone_django.gateway.replies import PaymentPage

from .records import billing_key, page, payment, schedule


def test_a_payment_record_is_typed_and_frozen() -> None:
    record = PaymentRecord.parse(payment(vbank_date=0, custom_data='{"a":1}', escrow=False, card_quota=3))
    assert (record.imp_uid, record.amount, record.sandbox) == ("imp_123456789012", 9900, True)
    assert (record.started_at, record.failed_at, record.vbank_date) == (1785985200, None, None)
    assert (record.card_quota, record.escrow, record.custom_data) == (3, False, '{"a":1}')
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.amount = 1  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        record.other = 1  # type: ignore[attr-defined]


def test_unknown_fields_and_an_unknown_status_are_tolerated() -> None:
    record = PaymentRecord.parse(payment(status="partially_paid", brand_new={"x": [1]}))
    assert record.status == "partially_paid"


def test_an_old_record_without_sandbox_says_none() -> None:
    old = payment()
    del old["sandbox"]
    assert PaymentRecord.parse(old).sandbox is None


@pytest.mark.parametrize("name", ["imp_uid", "merchant_uid", "status", "amount", "cancel_amount", "currency"])
@pytest.mark.parametrize("value", [None, True, [], {}, ""])
def test_a_field_that_decides_must_be_there_with_its_type(name: str, value: Any) -> None:
    with pytest.raises(Unreadable, match=f"payment.{name}"):
        PaymentRecord.parse(payment(**{name: value}))


@pytest.mark.parametrize("name", ["pg_provider", "pg_id", "customer_uid", "customer_uid_usage", "sandbox", "paid_at"])
@pytest.mark.parametrize("value", [["x"], {}])
def test_a_field_that_is_compared_may_be_null_but_not_another_type(name: str, value: Any) -> None:
    PaymentRecord.parse(payment(**{name: None}))
    with pytest.raises(Unreadable, match=f"payment.{name}"):
        PaymentRecord.parse(payment(**{name: value}))


@pytest.mark.parametrize(
    "name", ["name", "card_name", "buyer_name", "user_agent", "escrow", "card_quota", "receipt_url"]
)
def test_a_strange_value_of_a_field_that_is_only_shown_does_not_hide_the_payment(name: str) -> None:
    assert getattr(PaymentRecord.parse(payment(**{name: [{}]})), name) is None


@pytest.mark.parametrize("value", [None, "a payment", [], 5])
def test_what_is_no_object_is_no_payment(value: Any) -> None:
    with pytest.raises(Unreadable):
        PaymentRecord.parse(value)


def test_cancellations_keep_their_order_and_amounts() -> None:
    first = {"pg_tid": "a", "amount": 1000, "cancelled_at": 5, "reason": "r", "cancellation_id": "A"}
    old = {"pg_tid": "b", "amount": Decimal("900.0"), "cancelled_at": 6, "reason": None}
    record = PaymentRecord.parse(payment(cancel_amount=1900, cancel_history=[first, old]))
    assert [(c.cancellation_id, c.pg_tid, c.amount) for c in record.cancel_history] == [
        ("A", "a", 1000),
        (None, "b", 900),
    ]
    assert record.remaining_amount == 8000


@pytest.mark.parametrize("history", [{}, "x", [5], [{"pg_tid": "a", "amount": "1000"}], [{"pg_tid": "a"}]])
def test_a_cancellation_without_a_believable_amount_makes_the_record_unreadable(history: Any) -> None:
    with pytest.raises(Unreadable):
        PaymentRecord.parse(payment(cancel_history=history))


def test_a_ready_record_is_an_account_only_with_an_account_number() -> None:
    assert PaymentRecord.parse(payment(status="ready", vbank_num="79012345678901")).is_account_issued
    assert not PaymentRecord.parse(payment(status="ready", vbank_num="")).is_account_issued
    assert not PaymentRecord.parse(payment(status="ready")).is_account_issued


def test_a_paid_record_of_a_key_registration_is_recognisable() -> None:
    assert PaymentRecord.parse(payment(customer_uid_usage="issue")).is_key_registration
    assert not PaymentRecord.parse(payment(customer_uid_usage="payment")).is_key_registration


def test_a_promotion_is_read() -> None:
    record = PaymentRecord.parse(payment(promotion={"id": "P1", "discount": 500}))
    assert (record.promotion_id, record.promotion_discount) == ("P1", 500)


def test_records_survive_pickling_and_copying() -> None:
    record = PaymentRecord.parse(payment(cancel_history=[{"pg_tid": "a", "amount": 1}]))
    assert pickle.loads(pickle.dumps(record)) == record == copy.deepcopy(record)


def test_the_fields_of_the_record_are_those_of_portones_schema() -> None:
    """Each optional field given as null must still parse: PortOne's answers are null wherever nothing is known."""
    names = {field.name for field in dataclasses.fields(PaymentRecord)}
    required = {"imp_uid", "merchant_uid", "status", "amount", "cancel_amount", "currency"}
    nulls: dict[str, Any] = dict.fromkeys(names - required)
    record = PaymentRecord.parse(payment(**nulls))
    assert {getattr(record, name) for name in names - required} == {None, ()}


def test_a_strict_page_with_one_unreadable_payment_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        PaymentPage.parse(page([payment(), payment(amount=10.5)]), 1)


def test_a_tolerant_page_names_what_it_could_not_read() -> None:
    dollars = payment(imp_uid="imp_9", currency="USD", amount=10.5)
    parsed = PaymentPage.parse_tolerant(page([dollars, payment(), 5], total=3), 1)
    assert (len(parsed), parsed.unreadable, parsed.total) == (1, ("imp_9", ""), 3)
    assert [record.imp_uid for record in parsed] == ["imp_123456789012"]


@pytest.mark.parametrize("following", [1, 2])
def test_a_page_that_leads_back_is_unreadable(following: int) -> None:
    with pytest.raises(Unreadable, match="forward"):
        PaymentPage.parse(page([], following=following), 2)


def test_a_billing_key_is_read() -> None:
    record = BillingKeyRecord.parse(billing_key())
    assert (record.customer_uid, record.card_type, record.inserted_at) == ("key-1", None, 1785985200)


def test_a_key_of_a_smart_routing_group_is_read() -> None:
    record = BillingKeyRecord.parse({"customer_uid": "key-1", "channelGroupId": "group", "succeededChannels": []})
    assert (record.channel_group_id, record.pg_provider) == ("group", None)


def test_a_schedule_is_read_before_and_after_it_ran() -> None:
    booked = ScheduleRecord.parse(schedule())
    assert (booked.imp_uid, booked.executed_at, booked.payment_status) == (None, None, None)
    ran = ScheduleRecord.parse(schedule(imp_uid="imps_1", executed_at=1788663603, payment_status="failed"))
    assert (ran.imp_uid, ran.executed_at, ran.payment_status) == ("imps_1", 1788663603, "failed")


def test_schedules_come_as_an_array_or_as_pages() -> None:
    assert read_schedule_page([schedule()], 1) == ([ScheduleRecord.parse(schedule())], None)
    assert read_schedule_page(page([schedule()], following=2), 1) == ([ScheduleRecord.parse(schedule())], 2)
    with pytest.raises(Unreadable):
        read_schedule_page("nothing", 1)


def test_the_test_flag_of_a_channel_is_strict() -> None:
    channel = {"pg_provider": "html5_inicis", "pg_id": "INIpayTest", "type": "payment", "sandbox": True}
    assert ChannelSetting.parse(channel).sandbox is True
    with pytest.raises(Unreadable):
        ChannelSetting.parse(channel | {"sandbox": "true"})


def test_a_prepared_amount_is_an_amount() -> None:
    assert PreparedAmount.parse({"merchant_uid": "t1", "amount": 100, "currency": None}).currency is None
    with pytest.raises(Unreadable):
        PreparedAmount.parse({"merchant_uid": "t1", "amount": "100"})


def test_a_balance_is_read_with_its_history() -> None:
    part = {"tax_free": 0, "supply": 9000, "vat": 900, "service": 0}
    parts = dict.fromkeys(("cash_receipt", "primary", "secondary", "discount"), part)
    balance = PaymentBalance.parse({"amount": 9900, "histories": [parts | {"created": 5}], **parts})
    assert (balance.amount, balance.primary.vat) == (9900, 900)
    assert (balance.histories[0].amount, balance.histories[0].created_at) == (None, 5)


SECRETS = [
    "홍길동",
    "buyer@example.com",
    "01012345678",
    "서울시",
    "06236",
    "79012345678901",
    "Mozilla",
    "559410",
    "memo",
]


def test_reprs_show_ids_states_and_amounts_and_nobody() -> None:
    person = {
        "buyer_name": SECRETS[0],
        "buyer_email": SECRETS[1],
        "buyer_tel": SECRETS[2],
        "buyer_addr": SECRETS[3],
        "buyer_postcode": SECRETS[4],
        "vbank_num": SECRETS[5],
        "vbank_holder": SECRETS[0],
        "user_agent": SECRETS[6],
        "card_number": "559410*********4",
        "custom_data": SECRETS[8],
        "cancel_history": [{"pg_tid": "a", "amount": 1, "reason": SECRETS[0], "cancellation_id": "C1"}],
        "deposit_history": [{"pg_tid": "a", "amount": 1, "depositor_name": SECRETS[0], "deposited_at": 1}],
    }
    customer = {f"customer_{name[6:]}": value for name, value in person.items() if name.startswith("buyer_")}
    record = PaymentRecord.parse(payment(**person))
    shown = [record, *record.cancel_history, *record.deposit_history, BillingKeyRecord.parse(billing_key(**customer))]
    shown += [ScheduleRecord.parse(schedule(**person)), PaymentPage.parse(page([payment(**person)]), 1)]
    text = " ".join(repr(each) + str(each) + f"{each}" for each in shown)
    assert "imp_123456789012" in text
    assert [secret for secret in SECRETS if secret in text] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({field.name for field in dataclasses.fields(PaymentRecord)} | {"promotion"})


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_any_json_is_a_record_or_unreadable_and_money_is_never_anything_but_whole_won(changes: dict[str, Any]) -> None:
    try:
        record = PaymentRecord.parse(payment(**changes))
    except Unreadable:
        return
    amounts = [record.amount, record.cancel_amount, *(each.amount for each in record.cancel_history)]
    assert all(type(amount) is int and amount >= 0 for amount in amounts)
    assert record.sandbox in (True, False, None)
    assert record.imp_uid
    assert record.merchant_uid
