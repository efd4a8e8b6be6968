"""Orders: what a project creates, changes and cancels."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import IntegrityError, models, transaction
from django.views.decorators.debug import sensitive_variables

from . import clock
from .exceptions import OrderConflict, OrderNotOpen, PaymentPending
from .flows.dispatch import new_event, record
from .flows.expiry import close_order
from .lifecycles import ORDER_MOVES, check_move
from .links import check_return_url
from .models import Event, Order, Payment
from .money import require_won
from .storable import is_storable
from .window.buyer import NAME_LENGTH, cut

__all__ = ["cancel_order", "change_order", "create_order"]

_TERMS = ("name", "amount", "currency", "tax_free_amount", "vat_amount")
_LIMITS = {field.name: getattr(field, "max_length", None) or 0 for field in Order._meta.concrete_fields}
_BUYER = ("buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode")


@sensitive_variables(*_BUYER)
def create_order(
    *,
    name: str,
    amount: int,
    currency: str = "KRW",
    reference: str | None = None,
    customer: Any = None,
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    buyer_name: str = "",
    buyer_email: str = "",
    buyer_tel: str = "",
    buyer_addr: str = "",
    buyer_postcode: str = "",
    expires_at: dt.datetime | None = None,
    return_url: str = "",
    target: models.Model | None = None,
    metadata: dict[str, Any] | None = None,
) -> Order:
    """Write down one sale; with a `reference`, any number of calls make one order.

    Amounts are won. `customer` is a user or None; `target` is the project's own object (a cart, a booking);
    `expires_at` (aware) is when an unpaid order lapses; `return_url` is the page of this site that the customer goes
    on to; an order of 0 won is paid at once, without PortOne.
    KG Inicis refuses to open its window without `buyer_tel`.
    Raises TypeError or ValueError for bad terms, OrderConflict when the reference exists with other terms.
    """
    order = draft_order(
        name=name, amount=amount, currency=currency, reference=reference, customer=customer,
        tax_free_amount=tax_free_amount, vat_amount=vat_amount,
        buyer_name=buyer_name, buyer_email=buyer_email, buyer_tel=buyer_tel,
        buyer_addr=buyer_addr, buyer_postcode=buyer_postcode,
        expires_at=expires_at, return_url=return_url, target=target, metadata=metadata,
    )  # fmt: skip
    if reference is not None and (known := Order.objects.filter(reference=reference).first()):
        return _same_or_conflict(known, order)
    try:
        with transaction.atomic():
            _write(order)
    except IntegrityError:
        known = Order.objects.filter(reference=reference).first() if reference is not None else None
        if known is None:
            raise
        return _same_or_conflict(known, order)
    return order


@sensitive_variables("texts")
def draft_order(
    *,
    name: str,
    amount: int,
    currency: str = "KRW",
    customer: Any = None,
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    expires_at: dt.datetime | None = None,
    target: models.Model | None = None,
    metadata: dict[str, Any] | None = None,
    **texts: Any,
) -> Order:
    """The checked order, not written; arguments and errors as create_order's."""
    terms = _check_terms(name, amount, currency, tax_free_amount, vat_amount)
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError("expires_at must be aware. Write: expires_at=timezone.now() + timedelta(hours=1)")
    if customer is not None and not hasattr(customer, "is_authenticated"):
        raise TypeError(f"customer must be a user or None, not {customer!r}. Write: customer=request.user")
    if customer is not None and not customer.is_authenticated:
        customer = None
    order = Order(**terms, customer=customer, expires_at=expires_at, metadata=metadata or {}, **texts)
    for field in ("reference", "return_url", *_BUYER):
        _check_length(field, getattr(order, field) or "")
    check_return_url(order.return_url)
    if not is_storable(order.metadata):
        raise ValueError("metadata contains NUL or half a surrogate pair, which no database stores")
    if order.reference == "":
        raise ValueError(
            'reference is empty. Leave it out, or write what makes this sale one: reference=f"cart-{cart.pk}"'
        )
    if target is not None:
        order.target = target
    return order


def change_order(order: Order, *, amount: int | None = None, **terms: Any) -> Order:
    """Change what an open order sells. An attempt whose window is open keeps the old terms and is closed, after
    asking PortOne, at the next click; should it be paid all the same, its money is held for an operator.

    Raises OrderNotOpen, and PaymentPending while an attempt is undecided or waits for a deposit.
    """
    unknown = set(terms) - set(_TERMS)
    if unknown:
        raise TypeError(f"order.change() takes {', '.join(_TERMS)}; not {', '.join(sorted(unknown))}")
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        if locked.state != Order.State.OPEN or locked.kind != Order.Kind.SALE:
            raise OrderNotOpen(_why_closed(locked), "change the order")
        undecided = Payment.objects.filter(open_slot=locked.pk, state__in=("unknown", "awaiting_deposit")).first()
        if undecided:
            raise PaymentPending(undecided.merchant_uid, undecided.state, "change the order")
        new = {field: getattr(locked, field) for field in _TERMS} | terms
        new["amount"] = locked.amount if amount is None else amount
        checked = _check_terms(**new)
        old = {field: getattr(locked, field) for field in _TERMS}
        if checked != old:
            for field, value in checked.items():
                setattr(locked, field, value)
            locked.save(update_fields=[*_TERMS, "updated_at"])
            changes = {field: [old[field], checked[field]] for field in _TERMS if old[field] != checked[field]}
            events = [new_event("order.changed", order=locked, source="app", data=changes)]
            if locked.amount == 0:
                events.append(_settle_free(locked))
                locked.save(update_fields=["state", "paid_at", "updated_at"])
            record(events)
    order.refresh_from_db()
    return order


def cancel_order(order: Order, *, reason: str = "") -> Order:
    """Give up an open order. Money that arrives for it later follows LATE_PAYMENT. Raises OrderNotOpen."""
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        if locked.state == Order.State.CANCELLED:
            return locked
        if not locked.is_open or locked.kind == Order.Kind.CYCLE:
            raise OrderNotOpen(_why_closed(locked), "cancel the order")
        close_order(locked, Order.State.CANCELLED, {"reason": reason[:200]})
    order.refresh_from_db()
    return order


def _why_closed(order: Order) -> str:
    if order.kind == Order.Kind.SALE:
        return order.state
    return {"cycle": "the bill of a subscription", "charge": "a charge of a card on file"}[order.kind]


def _write(order: Order) -> None:
    order.save(force_insert=True)
    events = [new_event("order.created", order=order, source="app")]
    if order.amount == 0:
        events.append(_settle_free(order))
        order.save(update_fields=["state", "paid_at", "updated_at"])
    record(events)


def _settle_free(order: Order) -> Event:
    """Nothing to pay: settled without PortOne."""
    check_move("Order", ORDER_MOVES, order.state, Order.State.PAID)
    order.state, order.paid_at = Order.State.PAID, clock.now()
    return new_event("order.paid", order=order, effect=f"order.paid:{order.pk}", source="app")


def _same_or_conflict(known: Order, asked: Order) -> Order:
    """The order that is there, if it sells the same."""
    pairs = {field: (getattr(known, field), getattr(asked, field)) for field in _TERMS}
    pairs["customer_id"] = (known.customer_id, asked.customer_id)
    # MariaDB compares without regard to case and trailing spaces: two references must not become one sale.
    pairs["reference"] = (known.reference, asked.reference)
    differences = {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}
    if differences:
        raise OrderConflict(str(known.reference), differences)
    return known


def _check_terms(
    name: str, amount: int, currency: str, tax_free_amount: int | None, vat_amount: int | None
) -> dict[str, Any]:
    _check_length("name", name)
    if not cut(name, NAME_LENGTH):
        raise ValueError('name is empty. Write: create_order(name="Americano", …)')
    require_won(amount, "amount")
    if not 0 <= amount < 10**12:
        raise ValueError(f"amount must be between 0 and 999,999,999,999 won, not {amount}")
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise ValueError(f'currency must be an ISO code in capitals, not {currency!r}. Write: currency="KRW"')
    if tax_free_amount is not None and not 0 <= require_won(tax_free_amount, "tax_free_amount") <= amount:
        raise ValueError(f"tax_free_amount must be between 0 and amount ({amount}), not {tax_free_amount}")
    taxed = amount - (tax_free_amount or 0)
    if vat_amount is not None and not 0 <= require_won(vat_amount, "vat_amount") <= taxed:
        raise ValueError(f"vat_amount must be between 0 and amount − tax_free_amount ({taxed}), not {vat_amount}")
    return dict(zip(_TERMS, (name, amount, currency, tax_free_amount, vat_amount), strict=True))


@sensitive_variables("value")
def _check_length(field: str, value: Any) -> None:
    limit = _LIMITS[field]
    if not isinstance(value, str):
        raise TypeError(f"{field} must be a str, not {type(value).__name__}")
    if not is_storable(value):
        raise ValueError(f"{field} contains NUL or half a surrogate pair, which no database stores")
    if len(value) > limit:
        raise ValueError(f"{field} has {len(value)} characters; {limit} are kept")
