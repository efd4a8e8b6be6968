"""Reads what a browser would act on from a page: hidden inputs, buttons, data in scripts, marks on elements."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """One parsed page; `text` is what is to be read on it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.buttons: list[dict[str, str]] = []
        self.marks: dict[str, str] = {}
        self.events: list[tuple[str, str]] = []
        self.bills: list[dict[str, str]] = []
        self.links: list[str] = []
        self.messages: list[str] = []
        self.errors: list[str] = []
        self.text = ""
        self._scripts: dict[str, str] = {}
        self._inside: str | None = None
        self._told: list[str] | None = None
        self._lists: list[str] = []
        self.feed(html)

    def data(self, element_id: str) -> Any:
        """The JSON of <script type="application/json" id=…>. Raises KeyError."""
        return json.loads(self._scripts[element_id])

    def button(self, css_class: str) -> dict[str, str]:
        """The attributes of the first button of that class. Raises LookupError."""
        for button in self.buttons:
            if css_class in button.get("class", "").split():
                return button
        raise LookupError(f"no button .{css_class} on the page")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[found.get("name", "")] = found.get("value", "")
        elif tag == "button":
            self.buttons.append(found)
        elif tag == "a":
            self.links.append(found.get("href", ""))
        elif tag in ("script", "style"):
            self._inside = found.get("id", "")
        if "data-kind" in found and "data-source" in found:
            self.events.append((found["data-kind"], found["data-source"]))
        if "data-bill" in found:
            self.bills.append({name.removeprefix("data-"): value for name, value in found.items()})
        self.marks |= {name: value for name, value in found.items() if name in ("data-state", "data-delivered")}

        if tag in ("ul", "p"):
            self._lists.append(found.get("class", ""))
        if tag == "li" and "messagelist" in self._lists:
            self._told = self.messages
            self.messages.append("")
        elif (tag == "li" and "errorlist" in " ".join(self._lists)) or "errornote" in found.get("class", ""):
            self._told = self.errors
            self.errors.append("")

    @property
    def kinds(self) -> list[str]:
        """The events of the order, as often as they were written down."""
        return [kind for kind, _ in self.events]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("ul", "p") and self._lists:
            self._lists.pop()
        if tag in ("li", "p"):
            self._told = None
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.text += data
            if self._told is not None:
                self._told[-1] = f"{self._told[-1]}{data}".strip()
        elif self._inside:
            self._scripts[self._inside] = self._scripts.get(self._inside, "") + data
