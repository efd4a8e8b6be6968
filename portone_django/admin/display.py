"""How values that came from outside are shown: escaped, amounts in won, links only where they are safe to follow."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.admin.utils import display_for_value
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _

from ..money import format_won

NOTHING = "–"


def money(amount: int | None, currency: str = "KRW") -> str:
    """12900 → "12,900원"."""
    if amount is None:
        return NOTHING
    return format_won(amount) if currency == "KRW" else f"{amount:,} {currency}"


def row_link(admin: Any, row: Any, text: str = "") -> str:
    """A link to the row's own page; its text alone where the project's admin has no such page."""
    label = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    shown = text or str(row)
    try:
        url = reverse(label, args=[row.pk], current_app=admin.admin_site.name)
    except NoReverseMatch:
        return shown
    return format_html('<a href="{}">{}</a>', url, shown)


def list_link(admin: Any, model: type[Model], **having: Any) -> str:
    """A link to the list of another model's rows that have these values; "–" where there is no such list."""
    label = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    try:
        url = reverse(label, current_app=admin.admin_site.name)
    except NoReverseMatch:
        return NOTHING
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(having), _("Show"))


def expected_channel(row: Any) -> str:
    """What a payment or a card must be of to be believed: provider, MID, and whether it is a test."""
    kind = _("test payment") if row.expected_sandbox else _("real payment")
    return ", ".join(filter(None, (row.expected_pg_provider, row.expected_pg_id, kind)))


def short(text: str) -> str:
    """A text from outside, for a column of a list."""
    return Truncator(text).chars(60) or NOTHING


def pretty_json(value: Any) -> str:
    """A JSON value, laid out and escaped."""
    if not value:
        return NOTHING
    return format_html("<pre>{}</pre>", json.dumps(value, ensure_ascii=False, indent=2, default=str))


def facts(value: dict[str, Any]) -> str:
    """The data of an event, a fact a line by name (PostgreSQL keeps no order of keys), escaped."""
    rows = [(key, _fact(fact)) for key, fact in sorted(value.items())]
    return format_html_join("", "<div>{}: {}</div>", rows) or NOTHING


def _fact(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, default=str)
    try:
        moment = parse_datetime(value)
        return display_for_value(moment, NOTHING) if moment is not None and is_aware(moment) else value
    except (ValueError, OverflowError):  # looks like one, and is none
        return value


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
