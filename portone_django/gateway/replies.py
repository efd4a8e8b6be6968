"""Decides what we believe of PortOne's payment record: its fields, typed and frozen, and no others.

Reprs show ids, state and amounts only; buyer data, accounts and cards are there to be used, not to be logged.
Source of the fields: PortOne V1 OpenAPI file, PaymentAnnotation and PaymentCancelAnnotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .parsing import Fields, Unreadable, as_list, clean

KRW = "KRW"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cancellation:
    """One entry of `cancel_history`. `cancellation_id` is None in records older than 2024: use `pg_tid` then."""

    cancellation_id: str | None
    pg_tid: str | None
    amount: int
    cancelled_at: int | None
    reason: str | None
    receipt_url: str | None

    @classmethod
    def parse(cls, value: Any) -> Cancellation:
        fields = Fields(value, "cancellation")
        return cls(
            cancellation_id=fields.word("cancellation_id"),
            pg_tid=fields.word("pg_tid"),
            amount=fields.won("amount"),
            cancelled_at=fields.moment("cancelled_at"),
            reason=fields.remark("reason"),
            receipt_url=fields.contact("receipt_url"),
        )

    def __repr__(self) -> str:
        return f"<Cancellation {self.cancellation_id or self.pg_tid} {self.amount}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Deposit:
    """One entry of `deposit_history`; only accounts that are fixed for a customer have any."""

    pg_tid: str | None
    amount: int
    depositor_name: str | None
    deposited_at: int | None

    @classmethod
    def parse(cls, value: Any) -> Deposit:
        fields = Fields(value, "deposit")
        return cls(
            pg_tid=fields.word("pg_tid"),
            amount=fields.won("amount"),
            depositor_name=fields.contact("depositor_name"),
            deposited_at=fields.moment("deposited_at"),
        )

    def __repr__(self) -> str:
        return f"<Deposit {self.amount}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PaymentRecord:
    """One payment as PortOne has it. Amounts are whole units of `currency` (won); times seconds since 1970, UTC.

    `status` is ready, paid, failed or cancelled, or a word that PortOne adds later. After a partial cancel it may stay
    `paid` or become `cancelled`: what is refunded is `cancel_amount` alone, and `amount` never shrinks.
    `sandbox` is None where the answer does not say (records before 2026). `customer_uid_usage` "issue" means that a
    billing key was registered and no money moved, whatever `amount` and `status` say.
    """

    imp_uid: str
    merchant_uid: str
    status: str
    amount: int
    cancel_amount: int
    currency: str
    sandbox: bool | None
    pg_provider: str | None
    pg_id: str | None
    pg_tid: str | None
    emb_pg_provider: str | None
    pay_method: str | None
    channel: str | None
    customer_uid: str | None
    customer_uid_usage: str | None
    started_at: int | None
    paid_at: int | None
    failed_at: int | None
    cancelled_at: int | None
    cancel_history: tuple[Cancellation, ...]
    name: str | None
    fail_reason: str | None
    cancel_reason: str | None
    receipt_url: str | None
    cancel_receipt_urls: tuple[str, ...]
    cash_receipt_issued: bool | None
    escrow: bool | None
    apply_num: str | None
    bank_code: str | None
    bank_name: str | None
    card_code: str | None
    card_name: str | None
    card_issuer_code: str | None
    card_issuer_name: str | None
    card_publisher_code: str | None
    card_publisher_name: str | None
    card_quota: int | None
    card_number: str | None
    card_type: int | None
    vbank_code: str | None
    vbank_name: str | None
    vbank_num: str | None
    vbank_holder: str | None
    vbank_date: int | None
    vbank_issued_at: int | None
    deposit_history: tuple[Deposit, ...]
    promotion_id: str | None
    promotion_discount: int | None
    buyer_name: str | None
    buyer_email: str | None
    buyer_tel: str | None
    buyer_addr: str | None
    buyer_postcode: str | None
    custom_data: str | None
    user_agent: str | None

    @property
    def remaining_amount(self) -> int:
        """What is not cancelled yet; the checksum of the next cancel."""
        return self.amount - self.cancel_amount

    @property
    def is_account_issued(self) -> bool:
        """A virtual account exists for it (a `ready` record without one is only a window that was opened)."""
        return bool(self.vbank_num)

    @property
    def is_key_registration(self) -> bool:
        """The record of a billing key being registered: no money moved."""
        return self.customer_uid_usage == "issue"

    @classmethod
    def parse(cls, value: Any) -> PaymentRecord:
        """Raises Unreadable when a field that decides is missing or of the wrong type."""
        fields = Fields(value, "payment")
        promotion = fields.object("promotion") if fields.has("promotion") else None
        if fields.won("cancel_amount") > fields.won("amount"):
            raise Unreadable("payment.cancel_amount is more than payment.amount")
        return cls(
            imp_uid=fields.identifier("imp_uid"),
            merchant_uid=fields.identifier("merchant_uid"),
            status=fields.identifier("status"),
            amount=fields.won("amount"),
            cancel_amount=fields.won("cancel_amount"),
            currency=fields.identifier("currency"),
            sandbox=fields.strict_flag("sandbox"),
            cancel_history=fields.items("cancel_history", Cancellation.parse),
            deposit_history=fields.items("deposit_history", Deposit.parse),
            cancel_receipt_urls=fields.texts("cancel_receipt_urls"),
            promotion_id=promotion.text("id") if promotion else None,
            promotion_discount=promotion.won_or_none("discount") if promotion else None,
            custom_data=fields.json_text("custom_data"),
            **fields.each(fields.word, _DECIDING),
            **fields.each(fields.moment, _MOMENTS),
            **fields.each(fields.text, _SHOWN),
            **fields.each(fields.remark, "fail_reason cancel_reason card_number"),
            **fields.each(fields.contact, _CONTACTS),
            **fields.each(fields.number, "card_quota card_type"),
            **fields.each(fields.flag, "escrow cash_receipt_issued"),
        )

    def __repr__(self) -> str:
        amounts = f"{self.amount}-{self.cancel_amount} {self.currency}"
        return f"<PaymentRecord {self.imp_uid} {self.merchant_uid} {self.status} {amounts}>"


_DECIDING = "pg_provider pg_id pg_tid emb_pg_provider pay_method channel customer_uid customer_uid_usage"
_MOMENTS = "started_at paid_at failed_at cancelled_at vbank_date vbank_issued_at"
_SHOWN = (
    "name apply_num bank_code bank_name card_code card_name card_issuer_code "
    "card_issuer_name card_publisher_code card_publisher_name vbank_code vbank_name"
)
_CONTACTS = "vbank_num vbank_holder buyer_name buyer_email buyer_tel buyer_addr buyer_postcode user_agent receipt_url"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PaymentPage:
    """One page of a list of payments; iterates over `payments`.

    `unreadable` and `unreadable_uids` hold the imp_uids and the merchant_uids ("" where missing) of such: one odd
    record, of another currency for instance, must not stop a reconciliation.
    """

    payments: tuple[PaymentRecord, ...]
    total: int
    page: int
    next_page: int | None
    unreadable: tuple[str, ...] = ()
    unreadable_uids: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[PaymentRecord]:
        return iter(self.payments)

    def __len__(self) -> int:
        return len(self.payments)

    def __repr__(self) -> str:
        return f"<PaymentPage {self.page}: {len(self.payments)} of {self.total}>"

    @classmethod
    def parse(cls, value: Any, page: int) -> PaymentPage:
        """Strict: one unreadable record makes the page unreadable. For look-ups that must not miss a payment."""
        parsed = cls.parse_tolerant(value, page)
        if parsed.unreadable:
            raise Unreadable("the list holds a payment that cannot be read")
        return parsed

    @classmethod
    def parse_tolerant(cls, value: Any, page: int) -> PaymentPage:
        """Keeps what can be read and counts the rest in `unreadable`."""
        fields = Fields(value, "page")
        payments: list[PaymentRecord] = []
        unreadable: list[tuple[str, str]] = []
        for item in fields.raw_items("list"):
            try:
                payments.append(PaymentRecord.parse(item))
            except Unreadable:
                unreadable.append((_name(item, "imp_uid"), _name(item, "merchant_uid")))
        return cls(
            payments=tuple(payments),
            total=fields.number("total") or 0,
            page=page,
            next_page=next_page(fields, page),
            unreadable=tuple(imp_uid for imp_uid, _ in unreadable),
            unreadable_uids=tuple(merchant_uid for _, merchant_uid in unreadable),
        )


def _name(item: Any, key: str) -> str:
    """What names a record that cannot be believed; "" where even that is no text."""
    value = item.get(key) if isinstance(item, dict) else None
    return clean(value) if isinstance(value, str) else ""


def next_page(fields: Fields, page: int) -> int | None:
    """The number of the next page, None on the last; Unreadable when it does not lead forward."""
    following = fields.number("next")
    if not following:
        return None
    if following <= page:
        raise Unreadable("page.next does not lead forward")
    return following


def read_payment_page(value: Any, page: int) -> tuple[list[PaymentRecord], int | None]:
    """One page that must be readable to its end, and the number of the next."""
    parsed = PaymentPage.parse(value, page)
    return list(parsed.payments), parsed.next_page


def each_once(records: Iterable[PaymentRecord]) -> list[PaymentRecord]:
    """Each imp_uid once, as it was first seen: a record may move to a later page while the pages are read."""
    found: dict[str, PaymentRecord] = {}
    for record in records:
        found.setdefault(record.imp_uid, record)
    return list(found.values())


def read_payments(value: Any) -> list[PaymentRecord]:
    """An array of payments."""
    return [PaymentRecord.parse(item) for item in as_list(value, "payments")]
