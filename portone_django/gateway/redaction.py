"""Decides what must be gone from a text before it may reach a log, an exception or a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Request fields whose values PortOne's messages must not carry back to us.
_CARD = {"card_number", "expiry", "birth", "pwd_2digit", "cvc"}
_KEYS = {"imp_key", "imp_secret", "access_token", "pg_api_key"}
_REFUND = {"refund_holder", "refund_bank", "refund_account", "refund_tel"}
_PERSON = {f"{who}_{what}" for who in ("buyer", "customer") for what in ("name", "email", "tel", "addr", "postcode")}
SENSITIVE_FIELDS = frozenset(_CARD | _KEYS | _REFUND | _PERSON | {"identifier"})
# Objects about a person: every text in them is that person's.
SENSITIVE_OBJECTS = frozenset({"sender", "receiver"})
LONGEST_MESSAGE = 500
# Shorter values (a two-digit password) occur in any text by chance: they are blotted out beside their name only.
SHORTEST_SECRET = 4
# A Korean name, most often of three letters; two of them by chance are better lost than one person's told.
SHORTEST_NAME = 2
_SHORTEST_NUMBER = 8

_LONG_NUMBER = re.compile(r"(?<![0-9])(?:[0-9][ .\-]?){12,18}[0-9](?![0-9])")
_SHORT_SECRET = re.compile(r"(?i)((?:pwd_?2digit|cvc)\W{1,8})[0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def mask_numbers(text: str) -> str:
    """The text with every number as long as a card's (13 to 19 digits) reduced to its last four."""
    return _LONG_NUMBER.sub(lambda found: "******" + found.group()[-4:], text)


def safe_message(message: object, secrets: Iterable[str]) -> str:
    """PortOne's message in one line without the secrets of its call and without card numbers; "" when not a text."""
    if not isinstance(message, str):
        return ""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= (SHORTEST_SECRET if secret.isascii() else SHORTEST_NAME):
            message = _blotted(message, secret)
    message = _SHORT_SECRET.sub(r"\1***", _CONTROL.sub(" ", message))
    return mask_numbers(message).strip()[:LONGEST_MESSAGE]


def secrets_of(value: Any, *, is_about_a_person: bool = False) -> list[str]:
    """Every value under a sensitive name in a request body or query, at any depth, with and without separators."""
    if isinstance(value, Mapping):
        found: list[str] = []
        for name, inner in value.items():
            is_secret = is_about_a_person or name in SENSITIVE_FIELDS
            if is_secret and isinstance(inner, str):
                found += [inner, inner.replace("-", "")]
            else:
                found += secrets_of(inner, is_about_a_person=name in SENSITIVE_OBJECTS)
        return found
    if isinstance(value, list | tuple):
        return [secret for inner in value for secret in secrets_of(inner)]
    return []


def _blotted(message: str, secret: str) -> str:
    """Without the secret; a long number also where it comes back with separators, as telephones do."""
    if secret.isascii() and secret.isdigit() and len(secret) >= _SHORTEST_NUMBER:
        return re.sub(r"[ .\-]?".join(secret), "***", message)
    return message.replace(secret, "***")
