"""PortOne's ledger of a chaos run: the sandbox's file, opened by whoever seeds it, serves it or judges by it."""

from __future__ import annotations

from typing import Any

GOOD, NO_FUNDS = "5594100000000000", "5594100000001254"


def open_ledger(path: str) -> Any:
    """The simulated PortOne over that file, with the keys of the settings."""
    from portone_django.conf import get_config
    from portone_django.sandbox.ledger import Sandbox

    config = get_config()
    return Sandbox(path, imp_key=config.imp_key, imp_secret=config.imp_secret, user_code=config.user_code)


def register(sandbox: Any, cards: dict[str, str]) -> None:
    """Card numbers by customer_uid, as PortOne would have them after the customers' windows."""
    from portone_django.sandbox.catalogue import BILLING_CHANNEL
    from portone_django.sandbox.keys import card_key

    channel, now = sandbox.channel(BILLING_CHANNEL, None, billing=True), sandbox.now()
    with sandbox.store.write():
        for uid, number in cards.items():
            sandbox.keys.put(
                card_key(customer_uid=uid, channel=channel, card_number=number, card_code=None, now=now, owner={})
            )
