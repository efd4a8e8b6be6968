"""Every sample body of PortOne's is read by the client as what it says it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portone_django.gateway import (
    BillingKeyRecord,
    ChannelSetting,
    DeliveryRecord,
    NotFound,
    PaymentRecord,
    Refused,
    ScheduleRecord,
    ServerTrouble,
    StandardCode,
    Unauthorized,
)
from portone_django.gateway.account_replies import PreparedAmount, read_channels
from portone_django.gateway.answers import Answer, Call, content
from portone_django.gateway.billing_replies import read_billing_keys, read_schedule_page, read_schedules
from portone_django.gateway.parsing import as_list, loads
from portone_django.gateway.receipt_replies import receipt_of
from portone_django.gateway.replies import PaymentPage, read_payments
from portone_django.gateway.tokens import Token

EXAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "portone" / "examples"
REQUIRED = os.environ.get("PORTONE_REQUIRE_SHARED") == "1"

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(
        not EXAMPLES.is_dir() and not REQUIRED, reason="no ../shared/portone/examples beside the checkout"
    ),
]

READERS: dict[str, Callable[[Any], Any]] = {
    "AuthAnnotation": Token.parse,
    "PaymentAnnotation": PaymentRecord.parse,
    "array<PaymentAnnotation>": read_payments,
    "PagedPaymentAnnotation": lambda value: PaymentPage.parse(value, 1),
    "PaymentPrepareAnnotation": PreparedAmount.parse,
    "CustomerAnnotation": BillingKeyRecord.parse,
    "array<CustomerAnnotation>": read_billing_keys,
    "ScheduleResultAnnotation": ScheduleRecord.parse,
    "array<ScheduleResultAnnotation>": read_schedules,
    "{total,previous,next,list<ScheduleResultAnnotation>}": lambda value: read_schedule_page(value, 1),
    "array<PgSettingAnnotation>": read_channels,
    "StandardCodeAnnotation": StandardCode.parse,
    "ReceiptAnnotation": lambda value: receipt_of("imp_778899001122", value),
    "EscrowLogisAnnotation": DeliveryRecord.parse,
}
# Calls that the client does not have: only their envelope is read.
NOT_CALLED = {"CertificationAnnotation"}
# Records that PortOne wrote before it had the field; it is asked for all the same.
WITHOUT_SANDBOX = {
    "payment_paid_card_observed_2024_without_sandbox.json",
    "payment_paid_vbank_observed_2020_without_sandbox.json",
}


def manifest() -> list[dict[str, Any]]:
    if not EXAMPLES.is_dir():
        return []
    rows: list[dict[str, Any]] = json.loads((EXAMPLES / "manifest.json").read_text(encoding="utf-8"))
    return rows


def answers(*, with_schema: bool) -> list[Any]:
    rows = [row for row in manifest() if row["kind"] == "http_response" and ("response_schema" in row) is with_schema]
    return [pytest.param(row, id=row["file"]) for row in rows]


def answer_of(row: dict[str, Any]) -> Any:
    answer = Answer(row["http_status"], {}, (EXAMPLES / row["file"]).read_bytes())
    is_key = row["path"].startswith("/subscribe/customers")
    return content(Call("example", "GET", "/", is_lookup_by_text=is_key), answer, [])


def test_the_examples_are_there() -> None:
    names = {row["file"] for row in manifest()}
    assert len(names) > 90
    assert names == {path.name for path in EXAMPLES.iterdir()} - {"README.md", "manifest.json"}


@pytest.mark.parametrize("row", answers(with_schema=True))
def test_an_answer_with_a_schema_is_read(row: dict[str, Any]) -> None:
    response = answer_of(row)
    if row["response_schema"] in NOT_CALLED:
        assert isinstance(response, dict)
        return
    parsed = READERS[row["response_schema"]](response)
    if isinstance(parsed, PaymentRecord):
        assert_same_values(parsed, response)
        assert (parsed.sandbox is None) == (row["file"] in WITHOUT_SANDBOX)


def assert_same_values(record: PaymentRecord, response: dict[str, Any]) -> None:
    """Nothing of the sample is lost or changed on the way but the zeros that mean "did not happen"."""
    times = {"started_at", "paid_at", "failed_at", "cancelled_at", "vbank_date", "vbank_issued_at"}
    for name, value in response.items():
        if name in ("cancel_history", "cancel_receipt_urls", "deposit_history"):
            assert len(getattr(record, name)) == len(value or ())
        else:
            assert getattr(record, name) == (value or None if name in times else value), name


ERRORS = {
    "token_response_401.json": Unauthorized,
    "any_response_401_expired_token.json": Unauthorized,
    "payment_response_404.json": NotFound,
    "any_response_500.json": ServerTrouble,
    "any_response_502_gateway.html": ServerTrouble,
    "billing_key_get_404.json": NotFound,
    "billing_key_get_200_code1_not_found.json": NotFound,
}


@pytest.mark.parametrize("row", answers(with_schema=False))
def test_an_answer_without_a_schema_is_the_error_it_stands_for(row: dict[str, Any]) -> None:
    expected = ERRORS.get(row["file"], Refused)
    with pytest.raises(expected) as caught:
        answer_of(row)
    assert type(caught.value) is expected
    if isinstance(caught.value, Refused):
        assert caught.value.message == json.loads((EXAMPLES / row["file"]).read_bytes())["message"]


def record_of(name: str) -> PaymentRecord:
    return PaymentRecord.parse(loads((EXAMPLES / name).read_bytes())["response"])


def test_a_partial_refund_is_seen_whatever_the_status_says() -> None:
    for name in ("payment_partially_cancelled_status_paid.json", "payment_partially_cancelled_status_cancelled.json"):
        record = record_of(name)
        assert 0 < record.remaining_amount < record.amount
        assert sum(each.amount for each in record.cancel_history) == record.cancel_amount
    assert record_of("payment_cancelled_full.json").remaining_amount == 0


def test_code_zero_covers_paid_and_declined() -> None:
    assert record_of("again_response_200_paid.json").status == "paid"
    assert record_of("again_response_200_code0_status_failed.json").status == "failed"


def test_only_an_issued_account_is_a_virtual_account() -> None:
    assert record_of("payment_ready_vbank_issued.json").is_account_issued
    assert not record_of("payment_ready_window_left.json").is_account_issued


def test_the_record_of_a_key_registration_is_no_revenue() -> None:
    assert record_of("payment_billing_key_issue_record.json").is_key_registration


def test_schedules_are_the_same_in_both_shapes() -> None:
    bodies = [
        loads((EXAMPLES / f"schedule_list_{shape}.json").read_bytes())["response"] for shape in ("paged", "array")
    ]
    paged, array = (read_schedule_page(body, 1)[0] for body in bodies)
    assert paged == array
    assert as_list(bodies[1], "schedules")


def test_the_channels_are_known_by_provider_and_mid() -> None:
    body = loads((EXAMPLES / "users_pg_response_200.json").read_bytes())["response"]
    assert [(each.pg_id, each.sandbox) for each in map(ChannelSetting.parse, body)] == [
        ("INIpayTest", True),
        ("INIBillTst", True),
    ]
