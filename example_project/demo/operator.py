"""An operator in the admin, over HTTP: finds a payment, fills in the refund form, looks at the totals, sends."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import requests

from .pages import Page
from .visitor import Refused

# The admin waits 20 s for PortOne and looks again before it answers.
TIMEOUT_SECONDS = 60


class Operator:
    """Logged in with the demo's own name and password."""

    def __init__(self, shop_url: str, *, name: str = "operator", password: str = "operator") -> None:  # noqa: S107 - the demo's
        self._admin = f"{shop_url}/admin/"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set("django_language", "en")
        self._name, self._password = name, password

    def refund(self, merchant_uid: str, amount: int | None, reason: str) -> str:
        """Refund a part, or with None all that remains; the message that the admin shows. Raises Refused."""
        page = self._get(f"{self._payment(merchant_uid)}refund/")
        how = {"amount": "", "everything": "1"} if amount is None else {"amount": str(amount), "look": "1"}
        totals = self._post({**page.hidden, **how, "reason": reason})
        if "seen" not in totals.hidden:
            raise Refused(f"the refund form said: {' '.join(totals.errors) or totals.text[:200]}")
        done = self._post({**totals.hidden, "send": "1"})
        if not done.messages:
            raise Refused(f"the admin said nothing: {' '.join(done.errors) or done.text[:200]}")
        return " ".join(done.messages)

    def _payment(self, merchant_uid: str) -> str:
        """The address of the payment's page, found as an operator finds it: by searching."""
        listing = self._get(f"{self._admin}portone/payment/?q={merchant_uid}")
        for link in listing.links:
            if re.search(r"/payment/\d+/change/", link):
                return urljoin(self._admin, link).partition("change/")[0]
        raise Refused(f"the admin does not find {merchant_uid}")

    def _get(self, address: str) -> Page:
        if not self._session.cookies.get("shop_session"):
            self._log_in()
        return self._read(self._session.get(address, timeout=TIMEOUT_SECONDS))

    def _log_in(self) -> None:
        page = self._read(self._session.get(f"{self._admin}login/?next=/admin/", timeout=TIMEOUT_SECONDS))
        self._post({**page.hidden, "username": self._name, "password": self._password})

    def _post(self, form: dict[str, str]) -> Page:
        headers = {"Referer": self._at}
        return self._read(self._session.post(self._at, data=form, headers=headers, timeout=TIMEOUT_SECONDS))

    def _read(self, response: requests.Response) -> Page:
        if response.status_code != 200:
            raise Refused(f"{response.url} answered {response.status_code}")
        self._at = response.url
        response.encoding = "utf-8"
        return Page(response.text)
