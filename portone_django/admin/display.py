"""How values that came from outside are shown: escaped, amounts in won, links only where they are safe to follow."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from ..money import format_won

NOTHING = "–"


def money(amount: int | None, currency: str = "KRW") -> str:
    """12900 → "12,900원"."""
    if amount is None:
        return NOTHING
    return format_won(amount, get_language() or "ko") if currency == "KRW" else f"{amount:,} {currency}"


def pretty_json(value: Any) -> str:
    """A JSON value, laid out and escaped."""
    if not value:
        return NOTHING
    return format_html("<pre>{}</pre>", json.dumps(value, ensure_ascii=False, indent=2, default=str))


def external_link(url: str) -> str:
    """A link named by its host if the URL is plain https, else the text itself; PortOne's word is not trusted here."""
    if not url:
        return NOTHING
    if not _is_plain_https(url):
        return url
    return _link(url)


def _link(url: str) -> SafeString:
    host = urlsplit(url).hostname
    return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>', url, host)


def _is_plain_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # A name before an @ is there to look like another host; browsers drop control characters, we do not guess.
        has_plain_host = bool(parts.hostname) and "@" not in parts.netloc
        return url.startswith("https://") and has_plain_host and url.isprintable()
    except ValueError:
        return False
