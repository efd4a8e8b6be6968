"""A buyer in a browser, over HTTP: fills in the shop's forms, presses a pay button, acts in the payment window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests

from .pages import Page

TIMEOUT_SECONDS = 20
BUYER = {"buyer_name": "김나무", "buyer_tel": "010-1234-5678", "buyer_email": "namu@namu.example"}


class Refused(Exception):
    """The shop or the payment window said no; the message is theirs."""


@dataclass(frozen=True)
class Click:
    """What the shop answered to a press on a pay button."""

    merchant_uid: str
    params: dict[str, Any]
    user_code: str
    sdk_url: str
    complete_url: str
    result_url: str
    csrf_token: str


@dataclass(frozen=True)
class Window:
    """An open payment window."""

    click: Click
    url: str


class Visitor:
    """One browser with its cookies."""

    def __init__(self, shop_url: str, *, language: str = "ko") -> None:
        self.shop_url = shop_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set("django_language", language)

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser remembers."""
        return {name: value or "" for name, value in self._session.cookies.items()}

    def order(self, slug: str, quantity: int = 1) -> str:
        """Fill in the order form; the purchase's code."""
        address = f"{self.shop_url}/products/{slug}/buy/"
        form = self.page(f"{address}?quantity={quantity}").hidden
        fields = {name: form[name] for name in ("csrfmiddlewaretoken", "quantity", "token")}
        response = self._session.post(
            address, data={**fields, **BUYER}, headers={"Referer": address}, timeout=TIMEOUT_SECONDS
        )
        if "/pay/" not in response.url:
            raise Refused(f"the order form answered {response.status_code} at {response.url}")
        return response.url.rstrip("/").rsplit("/", 1)[1]

    def submit(self, address: str, action: str, **fields: str) -> Page:
        """Fill in and send a form of the page at `address`; the page that it leads to. Raises Refused."""
        hidden = self.page(address).hidden
        fields = {"csrfmiddlewaretoken": hidden["csrfmiddlewaretoken"], **fields}
        response = self._session.post(
            urljoin(self.shop_url, action),
            data=fields,
            headers={"Referer": urljoin(self.shop_url, address)},
            timeout=TIMEOUT_SECONDS,
        )
        if response.status_code != 200:
            raise Refused(f"{action} answered {response.status_code}")
        response.encoding = "utf-8"
        return Page(response.text)

    def log_in(self, name: str = "demo") -> None:
        """One click on the login page: the demo's passwords are the names."""
        self.submit("/login/", "/login/", username=name, password=name, next="/orders/")

    def press(self, code: str, button: str) -> Click:
        """Press the pay button of that CSS class on the purchase's payment page."""
        return self.press_on(f"/pay/{code}/", button)

    def press_on(self, address: str, button: str) -> Click:
        """Press a button of portone_django on that page, as checkout.js does."""
        page = self.page(address)
        config = page.data(f"{page.button(button)['id']}-config")
        answer = self._ask(
            config["start_url"], {"token": config["token"], "another": config["another"]}, config["csrf_token"]
        )
        if answer.get("action") != "open":
            raise Refused(f"start answered {answer}")
        return Click(
            merchant_uid=answer["params"]["merchant_uid"],
            params=answer["params"],
            user_code=answer["user_code"],
            sdk_url=config["sdk_url"],
            complete_url=answer["complete_url"],
            result_url=answer["result_url"],
            csrf_token=config["csrf_token"],
        )

    def open_window(self, click: Click, *, device: str = "pc", **edited: Any) -> Window:
        """What IMP.request_pay does; `edited` is what somebody changed in the browser's memory. Raises Refused."""
        address = urljoin(click.sdk_url, "window/open")
        body = {
            "user_code": click.user_code,
            "device": device,
            "legacy": False,
            "origin": self.shop_url,
            "params": {**click.params, **edited},
        }
        answer = self._session.post(address, json=body, timeout=TIMEOUT_SECONDS).json()
        if "token" not in answer:
            refusal = answer.get("refusal") or {}
            raise Refused(refusal.get("error_msg") or answer.get("error") or str(answer))
        return Window(click, urljoin(address, f"./{answer['token']}/"))

    def act(self, window: Window, outcome: str, **form: str) -> dict[str, Any] | None:
        """Press a button of the window; what its callback is told, or None when nobody is told anything."""
        data = {"agree": "1", "outcome": outcome, **form}
        response = self._session.post(window.url, data=data, timeout=TIMEOUT_SECONDS)
        page = Page(response.text)
        if response.status_code != 200:
            raise Refused(f"the window answered {response.status_code}")
        try:
            message = page.data("delivery")["message"]
        except KeyError:
            return None  # another page of the window: an issued account, a form that lacks something
        rsp: dict[str, Any] | None = message["rsp"]
        return rsp

    def report(self, window: Window, rsp: dict[str, Any] | None) -> dict[str, Any]:
        """Pass the window's answer on to the shop, as checkout.js does: {state, url, message}."""
        given = rsp or {}
        hint = {
            "imp_uid": given.get("imp_uid") or "",
            "merchant_uid": given.get("merchant_uid") or "",
            "error_code": given.get("error_code") or "",
            "error_msg": given.get("error_msg") or "",
        }
        return self._ask(window.click.complete_url, hint, window.click.csrf_token)

    def page(self, address: str) -> Page:
        """GET; raises Refused for anything but 200."""
        response = self._session.get(urljoin(self.shop_url, address), timeout=TIMEOUT_SECONDS)
        if response.status_code != 200:
            raise Refused(f"{address} answered {response.status_code}")
        response.encoding = "utf-8"
        return Page(response.text)

    def purchase(self, code: str) -> Page:
        """The shop's page about a purchase; it reads rows and asks PortOne nothing."""
        return self.page(f"/orders/{code}/")

    def _ask(self, path: str, body: dict[str, Any], csrf_token: str) -> dict[str, Any]:
        response = self._session.post(
            urljoin(self.shop_url, path),
            json=body,
            headers={"X-CSRFToken": csrf_token, "Referer": self.shop_url},
            timeout=TIMEOUT_SECONDS,
        )
        answer: dict[str, Any] = response.json()
        if "error" in answer:
            raise Refused(f"{path} answered {response.status_code}: {answer['error'].get('message')}")
        return answer
