"""Signed tokens: proof that a browser was given an order or an attempt by us; they need no session and no row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core import signing

_CHECKOUT_SALT = "portone_django.checkout"
_ATTEMPT_SALT = "portone_django.attempt"
CHECKOUT_LIFE_SECONDS = 24 * 3600


class BadToken(ValueError):
    """The token was not made by us, or is too old."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a button may start: one order, on one channel, with these window options."""

    order_id: int
    channel: str
    options: dict[str, Any]


def sign_checkout(checkout: Checkout) -> str:
    """The token a button carries: its options cannot be edited in the browser."""
    return signing.dumps([checkout.order_id, checkout.channel, checkout.options], salt=_CHECKOUT_SALT, compress=True)


def read_checkout(token: str) -> Checkout:
    """Raises BadToken."""
    try:
        order_id, channel, options = signing.loads(token, salt=_CHECKOUT_SALT, max_age=CHECKOUT_LIFE_SECONDS)
        return Checkout(int(order_id), str(channel), dict(options))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadToken("checkout") from error


def sign_attempt(merchant_uid: str) -> str:
    """The token in the URLs of one attempt's pages."""
    return _attempt_signer().sign(merchant_uid)


def read_attempt(token: str) -> str:
    """The merchant_uid of the token. Raises BadToken."""
    try:
        return _attempt_signer().unsign(token)
    except signing.BadSignature as error:
        raise BadToken("attempt") from error


def _attempt_signer() -> signing.Signer:
    return signing.Signer(salt=_ATTEMPT_SALT, sep=".")
