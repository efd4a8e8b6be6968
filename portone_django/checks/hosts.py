"""Which hosts we send our keys to, whose script our pages load, and where PortOne and browsers find us."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.http.request import validate_host

from ..addresses import is_loopback, without_login
from .registration import check, readable_config

API_BASE = "https://api.iamport.kr"
SDK_HOSTS = ("cdn.iamport.kr", "service.iamport.kr")


@check("portone.E003")
def check_gateway_hosts() -> Iterator[CheckMessage]:
    """Whoever answers at API_BASE decides which orders are paid, and reads our keys."""
    config = readable_config()
    if config is None:
        return
    if config.api_base.rstrip("/") != API_BASE and not (settings.DEBUG and is_loopback(config.api_base)):
        yield Error(
            f'PORTONE["API_BASE"] is {without_login(config.api_base)}: not PortOne, and not a sandbox on this machine '
            "with DEBUG on.",
            hint=f'Remove it, or write: "API_BASE": "{API_BASE}"',
            id="portone.E003",
        )
    sdk = urlsplit(config.sdk_url)
    if not (sdk.scheme == "https" and sdk.hostname in SDK_HOSTS) and not settings.DEBUG:
        yield Error(
            f'PORTONE["SDK_URL"] is {without_login(config.sdk_url)}: its script runs on the checkout page.',
            hint='Remove it, or write: "SDK_URL": "https://cdn.iamport.kr/v1/iamport.js"',
            id="portone.E003",
        )


@check("portone.E007")
def check_public_address() -> Iterator[CheckMessage]:
    """PortOne's webhooks and the phone's way back go to PUBLIC_BASE_URL."""
    config = readable_config()
    if config is None or is_loopback(config.public_base_url):
        return
    url = urlsplit(config.public_base_url)
    if url.scheme != "https" and not settings.DEBUG:
        yield Error(
            f'PORTONE["PUBLIC_BASE_URL"] is {without_login(config.public_base_url)}: customers would come back over '
            "plain http.",
            hint=f'Write: "PUBLIC_BASE_URL": "https://{url.netloc.rpartition("@")[2]}"',
            id="portone.E007",
        )
    if not settings.DEBUG and not validate_host(url.hostname or "", settings.ALLOWED_HOSTS):
        yield Error(
            f'The host of PORTONE["PUBLIC_BASE_URL"], {url.hostname}, is not in ALLOWED_HOSTS: every webhook would be '
            "answered 400, and PortOne does not repeat those.",
            hint=f'Write: ALLOWED_HOSTS = ["{url.hostname}"]',
            id="portone.E007",
        )


@check("portone.E007", deploy=True)
def check_allowed_hosts() -> Iterator[CheckMessage]:
    """With "*" any client chooses the host of the links in our pages."""
    config = readable_config()
    if "*" in settings.ALLOWED_HOSTS:
        host = urlsplit(config.public_base_url).hostname if config else "shop.example"
        yield Error('ALLOWED_HOSTS contains "*".', hint=f'Write: ALLOWED_HOSTS = ["{host}"]', id="portone.E007")
