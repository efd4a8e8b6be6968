"""A refund is decided before it is sent: written under the payment's lock, on the balance we believe in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError

from ..clock import later
from ..conf import LEASE_SECONDS
from ..exceptions import NotRefundable, RefundConflict, RefundPending
from ..models import Payment, Refund
from ..money import Parts, part_of
from ..storable import is_storable
from .dispatch import new_event, record
from .steps import in_one_step


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants back. `amount` None is all that remains; `reference` makes repeats one refund.

    `of_held` is an operator's decision about money that is quarantined; `imp_uid` names a second record that took
    money under the same merchant_uid.
    """

    amount: int | None
    tax_free_amount: int | None
    vat_amount: int | None
    reason: str
    source: str
    reference: str | None = None
    by: Any = None
    imp_uid: str | None = None
    of_held: bool = False
    has_account: bool = False


def reserve(payment: Payment, ask: Ask) -> tuple[Refund, bool]:
    """The refund, and whether it is new; in one transaction, or in the caller's.

    Raises NotRefundable, RefundPending, RefundConflict, and TypeError or ValueError for amounts.
    """
    check_text("reason", ask.reason, 200)
    if ask.reference is not None:
        check_text("reference", ask.reference, 100)
    try:
        return in_one_step(lambda: _reserve(payment.pk, ask))
    except IntegrityError:
        # Where rows are not locked (SQLite), another may take the slot or the reference between our look and insert.
        return in_one_step(lambda: _reserve(payment.pk, ask))


def rest_of(payment: Payment) -> tuple[Parts, bool]:
    """What remains of a payment with its parts (won), and whether the parts are exact: cancels in PortOne's console
    and refunds made elsewhere do not say theirs."""
    done = Refund.objects.filter(payment=payment, imp_uid=payment.imp_uid or "", state="succeeded")
    amounts = list(done.values_list("tax_free_amount", "vat_amount", "source"))
    rest = Parts(
        payment.remaining_amount,
        _minus(payment.tax_free_amount, [tax_free for tax_free, _, _ in amounts]),
        _minus(payment.vat_amount, [vat for _, vat, _ in amounts]),
    )
    is_exact = all(source not in ("console", "external") for _, _, source in amounts)
    return rest, is_exact and payment.received_amount == payment.amount


def made_elsewhere(payment: Payment, imp_uid: str) -> int:
    """Won of one record that went back outside PortOne, which goes on showing them."""
    rows = Refund.objects.filter(payment=payment, imp_uid=imp_uid, source="external").is_succeeded()
    return sum(rows.values_list("amount", flat=True))


def _reserve(payment_id: int, ask: Ask) -> tuple[Refund, bool]:
    payment = Payment.objects.select_for_update().select_related("order").get(pk=payment_id)
    if ask.reference is not None and (known := Refund.objects.filter(reference=ask.reference).first()):
        is_same = known.payment_id == payment.pk and ask.amount in (None, known.amount)
        if not is_same or known.reference != ask.reference:
            raise RefundConflict(ask.reference)
        return known, False
    imp_uid, balance = _balance(payment, ask)
    _refuse_second(imp_uid)
    parts = _parts(payment, ask, balance)
    is_account_needed = _method(payment, imp_uid) == "vbank"
    if is_account_needed and not ask.has_account:
        raise NotRefundable(
            payment.state,
            "a virtual account's money goes to a bank account. "
            'Write: account=RefundAccount(bank="088", number="…", holder="…")',
        )
    if ask.has_account and not is_account_needed:
        raise ValueError("account is for virtual accounts only: this payment's money goes back the way it came")
    refund = Refund.objects.create(
        payment=payment,
        imp_uid=imp_uid,
        reference=ask.reference,
        source=ask.source,
        state="reserved",
        open_slot=imp_uid,
        amount=parts.amount,
        tax_free_amount=parts.tax_free_amount,
        vat_amount=parts.vat_amount,
        checksum=balance,
        reason=ask.reason,
        requested_by=user_of(ask.by),
        needs_account=is_account_needed,
        # Whoever reserved it sends it; the sweep does when nobody has after the lease.
        next_check_at=later(LEASE_SECONDS),
    )
    data = {"amount": refund.amount, "reason": refund.reason, "user": refund.requested_by_id}
    record(
        [
            new_event(
                "refund.reserved", order=payment.order, payment=payment, refund=refund, source=ask.source, data=data
            )
        ]
    )
    return refund, True


def _balance(payment: Payment, ask: Ask) -> tuple[str, int]:
    """The record to cancel and what PortOne still holds of it, by our ledger: the checksum of the cancel."""
    if ask.imp_uid is not None and ask.imp_uid != payment.imp_uid:
        if ask.imp_uid not in payment.surplus:
            raise NotRefundable(payment.state, f"{ask.imp_uid} is not a record of this payment that took money.")
        amount, back, _ = payment.surplus[ask.imp_uid]
        if amount - back < 1:
            raise NotRefundable(payment.state, "all of it went back already.")
        return ask.imp_uid, amount - back + made_elsewhere(payment, ask.imp_uid)
    allowed = ("paid", "partially_refunded", *(("quarantined", "review") if ask.of_held else ()))
    if payment.state not in allowed or not payment.imp_uid or payment.received_amount is None:
        raise NotRefundable(payment.state, _why_not(payment))
    if payment.remaining_amount < 1:
        raise NotRefundable(payment.state, "all of it went back already.")
    return payment.imp_uid, payment.received_amount - payment.cancel_amount


def _method(payment: Payment, imp_uid: str) -> str:
    return payment.pay_method if imp_uid == payment.imp_uid else str(payment.surplus[imp_uid][2])


def _why_not(payment: Payment) -> str:
    if payment.state == "refunded":
        return "all of it went back already."
    if payment.state in ("quarantined", "review"):
        return f"the payment is {payment.state}. An operator decides about it first, in the admin (Decide)."
    return f"the payment is {payment.state}, so no money of it is here. payment.sync() asks PortOne."


def _refuse_second(imp_uid: str) -> None:
    if other := Refund.objects.filter(open_slot=imp_uid).first():
        raise RefundPending(other.pk, other.state, other.amount)


def _parts(payment: Payment, ask: Ask, balance: int) -> Parts:
    if ask.imp_uid is not None and ask.imp_uid != payment.imp_uid:
        amount, back, _ = payment.surplus[ask.imp_uid]
        is_exact = (amount - back, balance) == (payment.amount, payment.amount)
        rest = Parts(amount - back, payment.tax_free_amount, payment.vat_amount)
    else:
        rest, is_exact = rest_of(payment)
        if ask.of_held and ask.amount is None and payment.received_amount != payment.amount:
            return Parts(rest.amount)  # of an edited window nobody knows the parts
    return part_of(
        rest,
        amount=rest.amount if ask.amount is None else ask.amount,
        tax_free_amount=ask.tax_free_amount,
        vat_amount=ask.vat_amount,
        is_exact=is_exact,
    )


def _minus(stated: int | None, refunded: list[int | None]) -> int | None:
    return None if stated is None else max(stated - sum(each or 0 for each in refunded), 0)


def user_of(by: Any) -> Any:
    """The user who decided, for a row that keeps who did; None for anybody else."""
    return by if getattr(by, "is_authenticated", False) else None


def check_text(name: str, value: Any, limit: int) -> None:
    """Raise unless the value is a text that says something and fits."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f'{name} is empty. Write: {name}="…"')
    if len(value) > limit or not is_storable(value):
        raise ValueError(f"{name} must be at most {limit} characters, without NUL")
