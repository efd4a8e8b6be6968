"""An operator at the admin's decision pages: opens one, fills its form in as a browser would, presses a button."""

from __future__ import annotations

import html
import re
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from portone_django.models import Payment

ALL = (
    "refund_payment", "manage_billingkey", "manage_subscription", "view_payment", "view_refund",
    "view_reconciliationbreak", "view_event", "view_billingkey", "view_subscription",
)  # fmt: skip
ACCOUNT = {"bank": "088", "number": "562-1110-5948400", "holder": "홍길동", "tel": ""}


class Operator:
    """One user in one browser; `page` is the HTML that it looks at now."""

    def __init__(self, *codenames: str, username: str = "operator", **flags: bool) -> None:
        self.user = get_user_model().objects.create_user(username, **{"is_staff": True, **flags})
        found = Permission.objects.filter(content_type__app_label="portone", codename__in=codenames)
        assert found.count() == len(codenames)
        self.user.user_permissions.set(found)
        self.browser = Client(headers={"accept-language": "en"})
        self.browser.force_login(self.user)
        self.url = self.page = ""
        self.response: Any = None

    def open(self, name: str, *args: Any) -> Operator:
        return self._note(self.browser.get(reverse(f"admin:portone_{name}", args=args), follow=True))

    def press(self, button: str = "", **typed: Any) -> Operator:
        """Press a button of the page's form; what was rendered into it goes along, as in a browser."""
        fields = {**self.fields(), **typed, **({button: "1"} if button else {})}
        return self._note(self.browser.post(self.url, fields, follow=True))

    def fields(self) -> dict[str, str]:
        """What the page's own form would send, buttons left out."""
        form = self.page.partition('id="content-start"')[2]
        found = {}
        for tag in re.findall(r"<input\b[^>]*>", form):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            kind = attributes.get("type", "text")
            is_on = kind not in ("radio", "checkbox") or " checked" in tag
            if "name" in attributes and kind != "submit" and is_on:
                found[attributes["name"]] = html.unescape(attributes.get("value", ""))
        found.pop("csrfmiddlewaretoken", None)
        return found

    @property
    def text(self) -> str:
        """What the page says, without its markup."""
        shown = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]+>", " ", self.page)
        return re.sub(r"\s+", " ", html.unescape(shown))

    def refund(self, payment: Payment, **typed: Any) -> Operator:
        """The whole way: form, look, send."""
        account = {name: typed.pop(name) for name in ACCOUNT if name in typed}
        self.open("payment_refund", payment.pk).press("look", **{"reason": "변심", **typed})
        return self.press("send", **account)

    def _note(self, response: Any) -> Operator:
        self.response, self.page = response, response.content.decode()
        self.url = response.redirect_chain[-1][0] if response.redirect_chain else response.request["PATH_INFO"]
        if response.request["QUERY_STRING"] and "?" not in self.url:
            self.url += "?" + response.request["QUERY_STRING"]
        return self


def decisions(page: str) -> list[str]:
    """The addresses of the decision buttons on a row's page."""
    return re.findall(r'<a href="([^"]+)" class="portone-decision"', page)
