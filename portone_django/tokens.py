"""Signed tokens: proof that a browser was given an order or an attempt by us; they need no session and no row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.core import signing

_CHECKOUT_SALT = "portone_django.checkout"
_ATTEMPT_SALT = "portone_django.attempt"
_CARD_BUTTON_SALT = "portone_django.card_button"
_REGISTRATION_SALT = "portone_django.registration"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CardButton:
    """What a button may register: a card of this user and no other, on one channel, with these window options."""

    user: str
    channel: str
    options: dict[str, Any]
    buyer: dict[str, str]
    amount: int = 0
    replaces: int | None = None
    subscription: int | None = None
    return_url: str = ""


def sign_card_button(button: CardButton) -> str:
    """The token of a button that registers a card: nothing of it can be edited in the browser."""
    return signing.dumps(asdict(button), salt=_CARD_BUTTON_SALT, compress=True)


def read_card_button(token: str) -> CardButton:
    """Raises BadToken."""
    try:
        return CardButton(**signing.loads(token, salt=_CARD_BUTTON_SALT, max_age=CHECKOUT_LIFE_SECONDS))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadToken("card button") from error


def sign_registration(issue_uid: str) -> str:
    """The token in the URLs of one registration's pages."""
    return signing.Signer(salt=_REGISTRATION_SALT, sep=".").sign(issue_uid)


def read_registration(token: str) -> str:
    """The merchant_uid of the registration. Raises BadToken."""
    try:
        return signing.Signer(salt=_REGISTRATION_SALT, sep=".").unsign(token)
    except signing.BadSignature as error:
        raise BadToken("registration") from error


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
