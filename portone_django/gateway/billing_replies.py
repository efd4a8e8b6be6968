"""Decides what we believe of PortOne's billing keys and booked payments, typed and frozen.

Source of the fields: PortOne V1 OpenAPI file, CustomerAnnotation, SuperBillingKeyAnnotation, ScheduleResultAnnotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .parsing import Fields, as_list
from .replies import next_page


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BillingKeyRecord:
    """One card on file. PortOne never shows the key itself; `card_number` is masked, `card_type` None for Inicis.

    A key of a smart-routing group has `channel_group_id` and no channel or card of its own.
    """

    customer_uid: str
    pg_provider: str | None
    pg_id: str | None
    sandbox: bool | None
    channel_group_id: str | None
    customer_id: str | None
    card_name: str | None
    card_code: str | None
    card_number: str | None
    card_type: int | None
    customer_name: str | None
    customer_tel: str | None
    customer_email: str | None
    customer_addr: str | None
    customer_postcode: str | None
    inserted_at: int | None
    updated_at: int | None

    @classmethod
    def parse(cls, value: Any) -> BillingKeyRecord:
        fields = Fields(value, "billing key")
        return cls(
            customer_uid=fields.identifier("customer_uid"),
            pg_provider=fields.word("pg_provider"),
            pg_id=fields.word("pg_id"),
            sandbox=fields.strict_flag("sandbox"),
            channel_group_id=fields.word("channelGroupId"),
            card_type=fields.number("card_type"),
            inserted_at=fields.moment("inserted"),
            updated_at=fields.moment("updated"),
            **fields.each(fields.text, "customer_id card_name card_code"),
            card_number=fields.remark("card_number"),
            **fields.each(fields.contact, _CONTACTS),
        )

    def __repr__(self) -> str:
        return f"<BillingKeyRecord {self.customer_uid} {self.pg_provider}.{self.pg_id}>"


_CONTACTS = "customer_name customer_tel customer_email customer_addr customer_postcode"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ScheduleRecord:
    """One payment booked at PortOne. `executed` says only that it was attempted, `payment_status` with what result.

    `imp_uid` is None until it was executed. Times are seconds since 1970, UTC; None = did not happen.
    """

    customer_uid: str | None
    merchant_uid: str
    imp_uid: str | None
    schedule_status: str | None
    payment_status: str | None
    amount: int
    currency: str | None
    schedule_at: int | None
    executed_at: int | None
    revoked_at: int | None
    pg_provider: str | None
    pg_id: str | None
    customer_id: str | None
    name: str | None
    fail_reason: str | None
    buyer_name: str | None
    buyer_email: str | None
    buyer_tel: str | None
    buyer_addr: str | None
    buyer_postcode: str | None
    custom_data: str | None
    promotion_id: str | None

    @classmethod
    def parse(cls, value: Any) -> ScheduleRecord:
        fields = Fields(value, "schedule")
        return cls(
            merchant_uid=fields.identifier("merchant_uid"),
            amount=fields.won("amount"),
            custom_data=fields.json_text("custom_data"),
            **fields.each(fields.word, _SCHEDULE_WORDS),
            **fields.each(fields.moment, "schedule_at executed_at revoked_at"),
            **fields.each(fields.text, "customer_id name promotion_id"),
            fail_reason=fields.remark("fail_reason"),
            **fields.each(fields.contact, _BUYER),
        )

    def __repr__(self) -> str:
        state = f"{self.schedule_status}/{self.payment_status}"
        return f"<ScheduleRecord {self.merchant_uid} {state} {self.amount} {self.currency}>"


_SCHEDULE_WORDS = "customer_uid imp_uid schedule_status payment_status currency pg_provider pg_id"
_BUYER = "buyer_name buyer_email buyer_tel buyer_addr buyer_postcode"


def read_billing_keys(value: Any) -> list[BillingKeyRecord]:
    """An array of billing keys."""
    return [BillingKeyRecord.parse(item) for item in as_list(value, "billing keys")]


def read_schedules(value: Any) -> list[ScheduleRecord]:
    """An array of booked payments."""
    return [ScheduleRecord.parse(item) for item in as_list(value, "schedules")]


def read_schedule_page(value: Any, page: int) -> tuple[list[ScheduleRecord], int | None]:
    """One page and the number of the next. The schema says array, clients parse the paged object (facts A11): both."""
    if isinstance(value, list):
        return read_schedules(value), None
    fields = Fields(value, "page")
    return [ScheduleRecord.parse(item) for item in fields.raw_items("list")], next_page(fields, page)
