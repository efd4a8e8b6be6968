"""Whether PortOne answers our keys, agrees on the time, and can reach us."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from ...addresses import is_loopback
from ...conf import get_config
from ...gateway import (
    ChannelSetting,
    Client,
    Misconfigured,
    NotSent,
    PortOneError,
    Unauthorized,
    get_client,
    server_time,
)
from .channels import examine_channels
from .findings import Finding, Level

DEADLINE_SECONDS = 10.0
# The comparison of records forgives 300 s (flows/comparison.py); tokens and ladders forgive less gracefully.
_SKEW_WARNING, _SKEW_FAILURE = 30, 300


def examine_account() -> Iterator[Finding]:
    """Keys, clock, webhook address, channels; what PortOne does not answer is one failure."""
    channels: list[ChannelSetting] | None = None
    try:
        client = get_client()
        channels = client.channels(deadline=DEADLINE_SECONDS)
        yield Finding(
            "portone", Level.OK, _("PortOne at %(host)s knows our keys.") % {"host": _host(get_config().api_base)}
        )
        yield _compare_clocks(client)
    except ImproperlyConfigured as error:
        yield Finding("portone", Level.FAILURE, str(error))
    except PortOneError as error:
        yield _unanswered(error)
    yield from _webhook_address()
    if channels is not None:
        yield from examine_channels(channels)


def _compare_clocks(client: Client) -> Finding:
    before = time.time()
    theirs = server_time(client, deadline=DEADLINE_SECONDS)
    skew = round(theirs - (before + time.time()) / 2)
    if abs(skew) < _SKEW_WARNING:
        return Finding("portone", Level.OK, _("This machine's clock agrees with PortOne's."))
    level = Level.FAILURE if abs(skew) >= _SKEW_FAILURE else Level.WARNING
    text = _("This machine's clock is %(seconds)d s away from PortOne's.") % {"seconds": abs(skew)}
    return Finding("portone", level, text, _("Let the system keep its time (chrony, systemd-timesyncd)."))


def _unanswered(error: PortOneError) -> Finding:
    host = _host(get_config().api_base)
    if isinstance(error, Unauthorized):
        text = _("PortOne at %(host)s does not accept our keys.") % {"host": host}
        hint = _('Compare PORTONE["IMP_KEY"] and PORTONE["IMP_SECRET"] with the console.')
    elif isinstance(error, Misconfigured):
        text = _("%(host)s turned us away (HTTP %(status)s).") % {"host": host, "status": error.http_status}
        hint = _('Compare PORTONE["API_BASE"] and the console\'s list of allowed addresses with this machine.')
    elif isinstance(error, NotSent):
        text = _("%(host)s could not be reached.") % {"host": host}
        hint = _("Look at this machine's network, name resolution and firewall; orders are settled once it answers.")
    else:
        text = _("%(host)s gave no usable answer: %(error)s") % {"host": host, "error": error}
        hint = _("Run this again; orders are settled once PortOne answers.")
    return Finding("portone", Level.FAILURE, text, hint)


def _webhook_address() -> Iterator[Finding]:
    config = get_config()
    try:
        url = config.public_base_url.rstrip("/") + reverse("portone:webhook")
    except NoReverseMatch:
        return  # the settings' section has said so
    text = _("PortOne must send its webhooks to %(url)s") % {"url": url}
    hint = _("Enter it in PortOne's console as the endpoint URL of 결제모듈 V1, for 실연동 and for 테스트.")
    yield Finding("portone", Level.OK, text, hint)
    if is_loopback(url) and not is_loopback(config.api_base):
        text = _("PortOne cannot reach %(url)s: no webhook arrives, and payments are found by the sweep alone.")
        hint = _('While developing, a tunnel helps. Write its address: "PUBLIC_BASE_URL": "https://…"')
        yield Finding("portone", Level.WARNING, text % {"url": url}, hint)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
