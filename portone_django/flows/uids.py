"""The merchant_uids of charges: worked out, not drawn, so that a lost commit or a restore finds the same one again."""

from __future__ import annotations

import base64
import hashlib
import hmac

from ..conf import get_config
from .verification import UID_TAIL_LENGTH


def bill_uid(token: str, number: int, attempt: int) -> str:
    """The uid of one attempt at one bill of the subscription with that token."""
    return _worked_out(f"v1|bill|{token}|{number}|{attempt}")


def charge_uid(customer_uid: str, reference: str, attempt: int) -> str:
    """The uid of one attempt at a charge that the project named."""
    return _worked_out(f"v1|charge|{customer_uid}|{reference}|{attempt}")


def _worked_out(message: str) -> str:
    config = get_config()
    digest = hmac.digest(config.uid_key.encode(), message.encode(), hashlib.sha256)
    return config.merchant_uid_prefix + base64.b32encode(digest).decode().lower()[:UID_TAIL_LENGTH]
