"""The sandbox's control API: what happens at PortOne and at the bank, and what goes wrong on the way."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT_SECONDS = 20


class Switchboard:
    """One sandbox, over HTTP."""

    def __init__(self, sandbox_url: str) -> None:
        self._portone, self._base = sandbox_url, f"{sandbox_url}/_sandbox"
        self._session = requests.Session()
        self._session.trust_env = False

    def arm(self, kind: str, **options: Any) -> None:
        """Let the next matching call go wrong: kind and options as in portone_django/sandbox/faults.py."""
        self._post("faults", {"kind": kind, **options})

    def deposit(self, imp_uid: str) -> None:
        """The buyer pays into a virtual account."""
        self._post(f"payments/{imp_uid}/deposit", {})

    def cancel(self, imp_uid: str, amount: int) -> None:
        """Somebody cancels a part in PortOne's console."""
        self._post(f"payments/{imp_uid}/cancel", {"amount": amount})

    def records_of(self, merchant_uid: str) -> list[dict[str, Any]]:
        """PortOne's records of one attempt."""
        address = f"{self._base}/transactions"
        response = self._session.get(address, params={"merchant_uid": merchant_uid}, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        found: list[dict[str, Any]] = response.json()
        return found

    def charges(self) -> list[dict[str, Any]]:
        """Every charge of a card on file that PortOne knows of, oldest first, declined ones too."""
        response = self._session.get(f"{self._base}/transactions", params={"limit": 10_000}, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        return [each for each in response.json()[::-1] if each["customer_uid_usage"] == "payment"]

    def is_on_file(self, customer_uid: str) -> bool:
        """Whether PortOne has a card under that customer_uid, asked as a shop asks."""
        keys = {"imp_key": "sandbox-key", "imp_secret": "sandbox-secret"}
        answer = self._session.post(f"{self._portone}/users/getToken", json=keys, timeout=TIMEOUT_SECONDS).json()
        headers = {"Authorization": answer["response"]["access_token"]}
        address = f"{self._portone}/subscribe/customers/{customer_uid}"
        return bool(self._session.get(address, headers=headers, timeout=TIMEOUT_SECONDS).json()["code"] == 0)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        response = self._session.post(f"{self._base}/{path}", json=body, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
