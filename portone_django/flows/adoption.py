"""A card that a shop has had at PortOne already becomes a customer's card here, if PortOne says that it is ours."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError

from .. import clock
from ..clock import wall
from ..conf import get_config
from ..exceptions import CardNotAdopted
from ..gateway import BillingKeyRecord, NotFound, get_client
from ..models import BillingKey
from .activation import copy_card, take_free_default
from .channels import Expectation, expectation
from .comparison import card_differences
from .dispatch import new_event, record
from .registering import new_key
from .steps import in_one_step

DEADLINE_SECONDS = 10.0


# PortOne lists what is booked for three months at most; a shop that books more than a year ahead is not known.
_WINDOW_SECONDS, _WINDOWS = 90 * 86_400, 5


def adopt(customer: Any, customer_uid: str, *, name: str, source: str, unschedule: bool) -> BillingKey:
    """The customer's card under that customer_uid; again: the same one. Raises CardNotAdopted, PortOneError."""
    if known := _known(customer, customer_uid):
        return known
    try:
        card = get_client().get_billing_key(customer_uid, deadline=DEADLINE_SECONDS)
    except NotFound:
        raise CardNotAdopted("PortOne knows no card under this customer_uid.") from None
    channel, expected = _channel_of(card)
    key = new_key(
        customer,
        channel,
        expected,
        customer_uid=customer_uid,
        source=BillingKey.Source.ADOPTED,
        state=BillingKey.State.ACTIVE,
        name=name,
        registered_at=wall(),
        checked_at=wall(),
    )
    if found := card_differences(key, card):
        raise CardNotAdopted("; ".join(found))
    _end_bookings(customer_uid, unschedule)
    copy_card(key, card)
    try:
        return in_one_step(lambda: _write(key, source))
    except IntegrityError:
        # Adopted by another call, or another card became the default, between our look and our write.
        return _known(customer, customer_uid) or in_one_step(lambda: _write(key, source))


def _end_bookings(customer_uid: str, unschedule: bool) -> None:
    """PortOne's own schedule would charge beside us."""
    booked = _bookings(customer_uid)
    if booked and unschedule:
        get_client().unschedule(customer_uid, booked, deadline=DEADLINE_SECONDS)
        booked = _bookings(customer_uid)  # one that ran at that moment was charged
    if booked:
        raise CardNotAdopted(
            f"payments are booked with it at PortOne ({', '.join(booked[:5])}), and would be taken beside ours. "
            "Revoke them: adopt_key(customer_uid, unschedule=True)."
        )


def _bookings(customer_uid: str) -> list[str]:
    """The merchant_uids that PortOne has booked for the year to come."""
    now = int(clock.now().timestamp())
    windows = [(now + n * _WINDOW_SECONDS, now + (n + 1) * _WINDOW_SECONDS) for n in range(_WINDOWS)]
    found = [
        each.merchant_uid
        for begin, end in windows
        for each in get_client().billing_key_schedules(
            customer_uid, from_=begin, to=end, status="scheduled", deadline=DEADLINE_SECONDS
        )
    ]
    return list(dict.fromkeys(found))


def _write(key: BillingKey, source: str) -> BillingKey:
    key.pk, key.default_slot = None, None
    take_free_default(key)
    key.save(force_insert=True)
    record([new_event("billing_key.adopted", billing_key=key, source=source)])
    return key


def _known(customer: Any, customer_uid: str) -> BillingKey | None:
    key = BillingKey.objects.filter(customer_uid=customer_uid).first()
    if key is None:
        return None
    if key.customer_uid != customer_uid:  # MariaDB compares without regard to case
        raise CardNotAdopted("a card whose customer_uid differs from it in case only is here already.")
    if key.customer_id is None or key.customer_id != customer.pk:
        raise CardNotAdopted("it belongs to another customer here.")
    if not key.is_usable:
        raise CardNotAdopted(f"it is here already, and {key.deletion or key.state}.")
    return key


def _channel_of(card: BillingKeyRecord) -> tuple[str, Expectation]:
    """The configured channel whose MID registered it."""
    for name in get_config().channels:
        try:
            expected = expectation(name)
        except ImproperlyConfigured:
            continue
        if (expected.pg_provider, expected.pg_id) == (card.pg_provider, card.pg_id):
            return name, expected
    raise CardNotAdopted(f"it was registered with {card.pg_provider}.{card.pg_id}, which is none of CHANNELS.")
