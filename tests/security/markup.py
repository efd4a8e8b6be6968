"""What a browser makes of a page: html5lib's tree, reduced to what hostile text must never change."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import html5lib

_RANDOM_ID = re.compile(r"portone-[0-9a-f]{8}")

# (tag, names of its attributes), in document order
Skeleton = list[tuple[str, tuple[str, ...]]]


class Page:
    """One HTML document or fragment as html5lib reads it."""

    def __init__(self, html: str) -> None:
        self.html = html
        with warnings.catch_warnings():
            # html5lib says so of names that XML would not allow; the tree keeps them, escaped.
            warnings.simplefilter("ignore")
            tree = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)
        self._elements = [each for each in tree.iter() if isinstance(each.tag, str)]

    @property
    def skeleton(self) -> Skeleton:
        return [(each.tag, tuple(sorted(map(str, each.attrib)))) for each in self._elements]

    @property
    def text(self) -> str:
        """All that is shown or read by a script."""
        return "".join(text for each in self._elements for text in (each.text or "", each.tail or ""))

    def all(self, tag: str) -> list[Any]:
        return [each for each in self._elements if each.tag == tag]

    def values(self, name: str) -> list[str]:
        """The attribute's value on every element that has it."""
        return [each.attrib[name] for each in self._elements if name in each.attrib]

    @property
    def links(self) -> list[str]:
        """Every address that the page loads, opens or posts to."""
        return [value for name in ("href", "src", "action", "formaction", "srcdoc") for value in self.values(name)]

    @property
    def configs(self) -> list[dict[str, Any]]:
        """What the page hands to its scripts as JSON."""
        data = [each for each in self.all("script") if each.attrib.get("type") == "application/json"]
        return [json.loads(each.text or "") for each in data]

    @property
    def code(self) -> list[Any]:
        """The scripts that would run."""
        return [each for each in self.all("script") if each.attrib.get("type") != "application/json"]


def plain(html: str) -> str:
    """The text with its random ids made equal, to compare two renderings without parsing them."""
    return _RANDOM_ID.sub("portone-id", html)
