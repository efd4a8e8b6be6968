"""A click on "register a card": its uids are minted here and written down before any window knows of them."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import clock
from ..clock import later
from ..conf import get_config
from ..exceptions import SubscriptionEnded, TooManyRegistrations
from ..models import BillingKey, Subscription
from .channels import Expectation, expectation
from .checkout import new_merchant_uid
from .dispatch import new_event, record
from .steps import in_one_step

# Windows that one customer may open within an hour without a card coming of it.
MOST_AN_HOUR = 20
FIRST_LOOK_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationTerms:
    """How a card is to be registered; `replaces` and `subscription` are keys of rows, and count only if they are the
    customer's. `options` are WindowOptions.as_dict()."""

    channel: str
    options: Mapping[str, Any]
    replaces: int | None = None
    subscription: int | None = None
    return_url: str = ""


def start_registration(customer: Any, terms: RegistrationTerms, *, source: str = "checkout") -> BillingKey:
    """A new row for every click: no customer_uid is ever used for a second registration.

    PortOne would replace the card behind a customer_uid that it knows, and not revoke the old one.
    Raises TooManyRegistrations, SubscriptionEnded, PortOneError or ImproperlyConfigured (nobody knows the channel).
    """
    expected = expectation(terms.channel)
    return in_one_step(lambda: _write(customer, terms, expected, source))


def new_customer_uid() -> str:
    """The environment's prefix and 160 random bits in [a-z0-9], 40 characters at most: unguessable, never used
    twice."""
    return get_config().merchant_uid_prefix + base64.b32encode(secrets.token_bytes(20)).decode().lower()


def new_key(customer: Any, channel: str, expected: Expectation, **values: Any) -> BillingKey:
    """An unsaved registration; what PortOne must say of the card is frozen on it."""
    return BillingKey(
        customer=customer,
        channel=channel,
        expected_pg_provider=expected.pg_provider,
        expected_pg_id=expected.pg_id,
        expected_sandbox=expected.sandbox,
        expires_at=clock.now() + dt.timedelta(seconds=get_config().attempt_lifetime),
        **{"customer_uid": new_customer_uid(), **values},
    )


def refuse_too_many(customer: Any) -> None:
    """Raise TooManyRegistrations when so many were begun within the hour and none of them succeeded."""
    begun = BillingKey.objects.filter(customer=customer, state__in=("pending", "failed"), created_at__gte=later(-3600))
    if begun.count() >= MOST_AN_HOUR:
        raise TooManyRegistrations(MOST_AN_HOUR)


def _write(customer: Any, terms: RegistrationTerms, expected: Expectation, source: str) -> BillingKey:
    refuse_too_many(customer)
    key = new_key(
        customer,
        terms.channel,
        expected,
        issue_uid=new_merchant_uid(),
        options=dict(terms.options),
        return_url=terms.return_url,
        replaces=replaced_card(customer, terms.replaces),
        subscription=waiting_subscription(customer, terms.subscription),
        next_check_at=later(FIRST_LOOK_SECONDS),
    )
    key.save(force_insert=True)
    record([new_event("billing_key.created", billing_key=key, source=source)])
    return key


def replaced_card(customer: Any, pk: int | None) -> BillingKey | None:
    """The customer's own card that the new one takes the place of; one that is gone meanwhile needs no replacing."""
    return BillingKey.objects.filter(pk=pk, customer=customer).first() if pk is not None else None


def waiting_subscription(customer: Any, pk: int | None) -> Subscription | None:
    """The customer's own subscription that the card is for. Raises SubscriptionEnded."""
    if pk is None:
        return None
    subscription = Subscription.objects.filter(pk=pk, customer=customer).first()
    if subscription is None or subscription.state == "ended":
        raise SubscriptionEnded("ended", "register a card for it")
    return subscription
