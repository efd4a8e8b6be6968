"""Every public method of the client once, with values that must not be seen anywhere afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portone_django.gateway import CardData, Client, PostalAddress, ScheduleEntry

from .records import billing_key, delivery, external_receipt, page, payment, receipt, schedule

# Not secrets: long, odd values that would be found if they leaked.
CARD_NUMBER = "4902201234567894"
CARD = {"number": CARD_NUMBER, "expiry": "2031-07", "birth": "9104175583", "pwd_2digit": "73", "cvc": "5093"}
BUYER = {
    "buyer_name": "canary-name-01",
    "buyer_email": "canary@mail.example",
    "buyer_tel": "canary-tel-02",
    "buyer_addr": "canary-addr-03",
    "buyer_postcode": "canaryp4",
}
CUSTOMER = {name.replace("buyer", "customer"): value for name, value in BUYER.items()}
REFUND = {
    "refund_holder": "canary-holder-05",
    "refund_bank": "canary-bank-06",
    "refund_account": "canary-account-07",
    "refund_tel": "canary-reftel-08",
}
PG_API_KEY = "canary-pg-api-key-09"
IDENTIFIER = "01097531086"
ADDRESS = {
    "name": "canary-sender-10",
    "tel": "canary-tel-11",
    "addr": "canary-street-12",
    "postcode": "canary13",
}

# Short digits occur by chance in any address: they are looked for beside their names.
CARD_CANARIES = [CARD_NUMBER, "4902-2012-3456-7894", CARD["expiry"], CARD["birth"], "pwd_2digit': '73", "cvc': '5093"]
PERSON_CANARIES = [*BUYER.values(), *CUSTOMER.values(), *REFUND.values(), PG_API_KEY, IDENTIFIER, *ADDRESS.values()]


def card() -> CardData:
    return CardData(**CARD)


def address() -> PostalAddress:
    return PostalAddress(**ADDRESS)


def entry() -> ScheduleEntry:
    return ScheduleEntry(merchant_uid="t2", schedule_at=1788663600, amount=8900, name="이용권", **BUYER)  # type: ignore[arg-type]


# name → (the call, PortOne's `response` that it can read)
EVERY_CALL: dict[str, tuple[Callable[[Client], Any], Any]] = {
    "get_payment": (lambda c: c.get_payment("imp_123456789012", include_sandbox=True), payment()),
    "get_payments": (lambda c: c.get_payments(["imp_1"], ["t1"]), [payment()]),
    "find_payment": (lambda c: c.find_payment("t1", "paid", "-paid"), payment()),
    "find_all_payments": (lambda c: c.find_all_payments("t1", status="paid"), page([payment()])),
    "list_payments": (lambda c: list(c.list_payments("all", from_=1, to=2)), page([payment()])),
    "get_balance": (lambda c: c.get_balance("imp_1"), None),
    "cancel_payment": (
        lambda c: c.cancel_payment(imp_uid="imp_1", amount=1000, checksum=9900, reason="환불", **REFUND),
        payment(cancel_amount=1000),
    ),
    "prepare": (lambda c: c.prepare("t1", 100), {"merchant_uid": "t1", "amount": 100}),
    "change_prepared": (lambda c: c.change_prepared("t1", 100), {"merchant_uid": "t1", "amount": 100}),
    "get_prepared": (lambda c: c.get_prepared("t1"), {"merchant_uid": "t1", "amount": 100}),
    "revoke_vbank": (lambda c: c.revoke_vbank("imp_1", PG_API_KEY), payment(status="failed")),
    "issue_billing_key": (
        lambda c: c.issue_billing_key("key-1", card(), channel_key="channel-key-0", **CUSTOMER),
        billing_key(),
    ),
    "get_billing_key": (lambda c: c.get_billing_key("key-1"), billing_key()),
    "get_billing_keys": (lambda c: c.get_billing_keys(["key-1"]), [billing_key()]),
    "delete_billing_key": (lambda c: c.delete_billing_key("key-1", reason="r", requester="admin"), billing_key()),
    "billing_key_payments": (lambda c: c.billing_key_payments("key-1"), page([payment()])),
    "billing_key_schedules": (lambda c: c.billing_key_schedules("key-1", from_=1, to=2), page([schedule()])),
    "onetime": (
        lambda c: c.onetime(card=card(), merchant_uid="t1", amount=9900, name="키인", customer_uid="key-1", **BUYER),
        payment(),
    ),
    "again": (
        lambda c: c.again(customer_uid="key-1", merchant_uid="t1", amount=9900, name="이용권", **BUYER),
        payment(),
    ),
    "schedule": (lambda c: c.schedule("key-1", [entry()], card=card()), [schedule()]),
    "unschedule": (lambda c: c.unschedule("key-1", ["t1"]), [schedule()]),
    "get_schedule": (lambda c: c.get_schedule("t1"), schedule()),
    "move": (lambda c: c.move("t1", 1788663600), schedule()),
    "reschedule": (lambda c: c.reschedule("t1", 1788663600), schedule()),
    "retry": (lambda c: c.retry("t1"), payment()),
    "list_schedules": (lambda c: c.list_schedules(from_=1, to=2, status="executed"), [schedule()]),
    "issue_receipt": (
        lambda c: c.issue_receipt("imp_123456789012", identifier=IDENTIFIER, buyer_name=BUYER["buyer_name"]),
        receipt(),
    ),
    "get_receipt": (lambda c: c.get_receipt("imp_123456789012"), receipt()),
    "cancel_receipt": (lambda c: c.cancel_receipt("imp_123456789012"), receipt(cancelled_at=1785985999)),
    "issue_external_receipt": (
        lambda c: c.issue_external_receipt(
            "shop-1", channel_key="channel-key-0", name="원두", amount=10000, identifier=IDENTIFIER, kind="company"
        ),
        external_receipt(),
    ),
    "get_external_receipt": (lambda c: c.get_external_receipt("shop-1"), external_receipt()),
    "cancel_external_receipt": (lambda c: c.cancel_external_receipt("shop-1"), external_receipt()),
    "register_delivery": (
        lambda c: c.register_delivery(
            "imp_1", sender=address(), receiver=address(), company="CJGLS", invoice="123456789012", sent_at=1785985200
        ),
        delivery(),
    ),
    "change_delivery": (
        lambda c: c.change_delivery(
            "imp_1", sender=address(), receiver=address(), company="CJGLS", invoice="123456789012", sent_at=1785985200
        ),
        delivery(),
    ),
    "get_delivery": (lambda c: c.get_delivery("imp_1"), delivery()),
    "channels": (lambda c: c.channels(), []),
    "cards": (lambda c: c.cards(), [{"code": "366", "name": "신한카드"}]),
    "card": (lambda c: c.card("366"), {"code": "366", "name": "신한카드"}),
    "banks": (lambda c: c.banks(), []),
    "bank": (lambda c: c.bank("088"), {"code": "088", "name": "신한은행"}),
}
_PART = {"tax_free": 0, "supply": 9000, "vat": 900, "service": 0}
EVERY_CALL["get_balance"] = (
    EVERY_CALL["get_balance"][0],
    {"amount": 9900, **dict.fromkeys(("cash_receipt", "primary", "secondary", "discount"), _PART)},
)
