"""The sandbox's only way out: one POST to this machine, no redirects, no proxies, and never to any other host."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from .refusals import Refused


@dataclass(frozen=True)
class Delivery:
    """`status` is 0 when there was no answer, as PortOne records it; `error` then says why."""

    status: int
    body: bytes
    error: str | None


def is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            return False
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def post(url: str, body: bytes, content_type: str, *, connect_seconds: float, read_seconds: float) -> Delivery:
    """Refused when `url` leaves this machine."""
    if not is_loopback(url):
        raise Refused(-1, f"the sandbox posts to this machine only, not to {urlsplit(url).hostname}")
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                url,
                data=body,
                headers={"Content-Type": content_type},
                timeout=(connect_seconds, read_seconds),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return Delivery(0, b"", type(error).__name__)
    return Delivery(answer.status_code, answer.content, None)
