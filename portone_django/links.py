"""Which addresses our pages may lead to: the shop's own by what an order says, any https page by the adapter's word.

An address is taken as it is or not at all: what a browser would repair (tabs, backslashes, missing slashes) is
refused, because two readers of one text may disagree about its host.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from .adapter import get_adapter
from .conf import get_config

if TYPE_CHECKING:
    from .models import Order

__all__ = ["check_return_url", "is_receipt", "onward_url", "safe_url"]

_FULL = re.compile(r"(https?)://([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)(?::[0-9]{1,5})?(?:[/?#].*)?")
_NEVER = set("\\\"'<>`{}|^ ")
_LONGEST_RECEIPT = 500
_OF_THIS_MACHINE = [".localhost", "127.0.0.1"]  # what Django allows with DEBUG and no ALLOWED_HOSTS


def check_return_url(url: str) -> None:
    """Raise ValueError unless it is "", a path of this site, or a full address on one of the project's hosts.

    Those are PUBLIC_BASE_URL's and ALLOWED_HOSTS (but "*"): a `next` parameter handed through must not lead astray.
    http is for projects whose PUBLIC_BASE_URL is http.
    """
    if url and not (_is_path(url) or _is_of_the_project(url)):
        raise ValueError(
            f"return_url must be a path of this site, or a full address on a host of ALLOWED_HOSTS; not {url!r}. "
            'Write: return_url="/orders/7/" (to lead to another site, override Adapter.result_url)'
        )


def onward_url(order: Order) -> str:
    """Where the adapter leads the customer on to, if a browser can go there safely; else ""."""
    url: Any = get_adapter().result_url(order)
    return url if isinstance(url, str) and (_is_path(url) or _host(url)) else ""


def safe_url(url: str) -> str:
    """The address if a browser can go there safely; else ""."""
    return url if _is_path(url) or _host(url) else ""


def is_receipt(url: str) -> bool:
    """Whether PortOne's receipt_url is plain https, on a named host, and fits our column."""
    return len(url) <= _LONGEST_RECEIPT and url.isascii() and url.startswith("https://") and "." in _host(url)


def _is_path(url: str) -> bool:
    return url.startswith("/") and not url.startswith("//") and _is_clean(url)


def _is_of_the_project(url: str) -> bool:
    base = urlsplit(get_config().public_base_url)
    if url.startswith("http://") and base.scheme != "http":
        return False
    hosts = [host for host in settings.ALLOWED_HOSTS if host != "*"] or (_OF_THIS_MACHINE if settings.DEBUG else [])
    return bool(_host(url)) and validate_host(_host(url).lower(), [*hosts, base.hostname or ""])


def _host(url: str) -> str:
    """The host of a full http or https address; "" for anything else."""
    found = _FULL.fullmatch(url) if _is_clean(url) else None
    return found[2] if found else ""


def _is_clean(url: str) -> bool:
    return url.isprintable() and not _NEVER & set(url)
