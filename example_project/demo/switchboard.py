"""The sandbox's control API: what happens at PortOne and at the bank, and what goes wrong on the way."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT_SECONDS = 20


class Switchboard:
    """One sandbox, over HTTP."""

    def __init__(self, sandbox_url: str) -> None:
        self._base = f"{sandbox_url}/_sandbox"
        self._session = requests.Session()
        self._session.trust_env = False

    def arm(self, kind: str, **options: Any) -> None:
        """Let the next matching call go wrong: kind and options as in portone_django/sandbox/faults.py."""
        self._post("faults", {"kind": kind, **options})

    def deposit(self, imp_uid: str) -> None:
        """The buyer pays into a virtual account."""
        self._post(f"payments/{imp_uid}/deposit", {})

    def records_of(self, merchant_uid: str) -> list[dict[str, Any]]:
        """PortOne's records of one attempt."""
        address = f"{self._base}/transactions"
        response = self._session.get(address, params={"merchant_uid": merchant_uid}, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        found: list[dict[str, Any]] = response.json()
        return found

    def _post(self, path: str, body: dict[str, Any]) -> None:
        response = self._session.post(f"{self._base}/{path}", json=body, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
