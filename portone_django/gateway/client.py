"""Decides which calls a client of PortOne V1 has, and that a process has one client for its settings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from .account import AccountCalls
from .billing_keys import BillingKeyCalls
from .charges import ChargeCalls
from .discretion import discreet
from .escrow import EscrowCalls
from .payments import PaymentCalls
from .receipts import ReceiptCalls
from .schedules import ScheduleCalls
from .transport import Transport

SEND_DEADLINE_SECONDS = 45.0


class Client(PaymentCalls, BillingKeyCalls, ChargeCalls, ScheduleCalls, ReceiptCalls, EscrowCalls, AccountCalls):
    """Speaks to one PortOne with one key pair; safe to share between threads, not between processes.

    `api_base` is https:// (http:// only on this machine). `deadline` is in seconds, for calls that give none.
    A `session` of your own brings its own adapters and must not repeat requests. Raises ImproperlyConfigured.
    """

    @discreet
    def __init__(
        self,
        *,
        api_base: str,
        imp_key: str,
        imp_secret: str,
        session: requests.Session | None = None,
        deadline: float = SEND_DEADLINE_SECONDS,
    ) -> None:
        self._transport = Transport(
            api_base=api_base, imp_key=imp_key, imp_secret=imp_secret, session=session, deadline=deadline
        )

    def __repr__(self) -> str:
        return f"<Client {self._transport.api_base}>"

    @property
    def refused_keys(self) -> int:
        """How many calls of this client PortOne has refused for their keys: more than before means that it does now."""
        return self._transport.refused_keys


@discreet
def get_client() -> Client:
    """The process's client for PORTONE's settings; the one of override_client while that is in force."""
    from portone_django.conf import get_config

    global _cached
    if _overrides:
        return _overrides[-1]
    config = get_config()
    wanted = (config.api_base, config.imp_key, config.imp_secret)
    with _lock:
        if _cached is None or _cached[0] != wanted:
            client = Client(api_base=config.api_base, imp_key=config.imp_key, imp_secret=config.imp_secret)
            _cached = (wanted, client)
        return _cached[1]


@contextmanager
def override_client(client: Client) -> Iterator[Client]:
    """For tests: get_client() returns this one inside the block, in every thread of the process."""
    _overrides.append(client)
    try:
        yield client
    finally:
        _overrides.remove(client)


_lock = threading.Lock()
_cached: tuple[tuple[str, str, str], Client] | None = None
_overrides: list[Client] = []


def _forget_after_fork() -> None:
    """A child must not share its parent's sockets, nor a lock that a thread of the parent held."""
    global _cached, _lock
    _cached, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
