"""Whether each configured channel exists at PortOne, is of the right kind, and is what the settings say."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from ...conf import Channel, get_config
from ...gateway import ChannelSetting
from ..channels import learn, match, route
from .findings import Finding, Level

# Inicis' public test shops (general knowledge, confirmed by PortOne's samples).
TEST_MIDS = frozenset({"INIpayTest", "INIBillTst"})

_AREA = "channels"


def examine_channels(account: Sequence[ChannelSetting]) -> Iterator[Finding]:
    """Compare the settings with GET /users/pg, and remember what it says of each channel."""
    for channel in get_config().channels.values():
        found = match(channel, list(account))
        if found is None:
            yield _missing(channel, account)
        else:
            yield from _examine(channel, found)


def _examine(channel: Channel, found: ChannelSetting) -> Iterator[Finding]:
    yield from _kind_faults(channel, found)
    if found.sandbox is None:
        text = _('"%(name)s": PortOne does not say whether this is a test channel.') % {"name": channel.name}
        yield Finding(_AREA, Level.FAILURE, text, _line(channel, found))
        return
    learn(channel, [found])
    if differing := _differences(channel, found):
        text = _('"%(name)s" is not what the settings say (%(differences)s): its payments would be held.') % {
            "name": channel.name,
            "differences": ", ".join(differing),
        }
        yield Finding(_AREA, Level.FAILURE, text, _line(channel, found))
        return
    yield from _test_faults(channel, found)
    is_complete = None not in (channel.pg_provider, channel.pg_id, channel.sandbox)
    text = _('"%(name)s" is %(provider)s, MID %(mid)s (%(kind)s), called "%(title)s" in the console.') % {
        "name": channel.name,
        "provider": found.pg_provider,
        "mid": found.pg_id,
        "kind": _("test") if found.sandbox else _("live"),
        "title": found.channel_name or "",
    }
    yield Finding(_AREA, Level.OK, text, "" if is_complete else _line(channel, found))


def _differences(channel: Channel, found: ChannelSetting) -> list[str]:
    pairs = {
        "pg_provider": (channel.pg_provider, found.pg_provider),
        "pg_id": (channel.pg_id, found.pg_id),
        "sandbox": (channel.sandbox, found.sandbox),
    }
    return [f"{name}: {ours} → {theirs}" for name, (ours, theirs) in pairs.items() if ours not in (None, theirs)]


def _kind_faults(channel: Channel, found: ChannelSetting) -> Iterator[Finding]:
    if found.type not in (None, "payment"):
        text = _('"%(name)s" is a channel for %(type)s: the payment window does not open with it.') % {
            "name": channel.name,
            "type": found.type,
        }
        yield Finding(_AREA, Level.FAILURE, text, _("Take the key of a channel for 결제창 일반/정기결제."))


def _test_faults(channel: Channel, found: ChannelSetting) -> Iterator[Finding]:
    if not found.sandbox and found.pg_id not in TEST_MIDS:
        return
    if not get_config().accept_test_payments:
        text = _('"%(name)s" is a test channel and ACCEPT_TEST_PAYMENTS is off: every payment would be held.')
        hint = _('Take the live channel\'s key, or (not in production) write: "ACCEPT_TEST_PAYMENTS": True')
        yield Finding(_AREA, Level.FAILURE, text % {"name": channel.name}, hint)
    elif not settings.DEBUG:
        text = _('"%(name)s" is a test channel: orders are paid without money.')
        yield Finding(_AREA, Level.WARNING, text % {"name": channel.name}, _("Before going live, take the live key."))


def _missing(channel: Channel, account: Sequence[ChannelSetting]) -> Finding:
    known = {route(_named_like(each, channel)): each for each in account}
    near = difflib.get_close_matches(route(channel), [name for name in known if name], n=1, cutoff=0)
    text = _('"%(name)s" (%(route)s) is not a channel of this PortOne account.') % {
        "name": channel.name,
        "route": route(channel),
    }
    hint = _("The account has no channels: make one in the console.")
    if near:
        nearest = known[near[0]]
        hint = _("The nearest is %(line)s") % {"line": _line(channel, nearest)}
    return Finding(_AREA, Level.FAILURE, text, hint)


def _named_like(setting: ChannelSetting, like: Channel) -> Channel:
    """The account's channel, named in the way the configured one is."""
    if like.channel_key:
        return Channel(name=like.name, channel_key=setting.channel_key or "")
    return Channel(name=like.name, pg=f"{setting.pg_provider}.{setting.pg_id}")


def _line(channel: Channel, found: ChannelSetting) -> str:
    """The line for PORTONE["CHANNELS"]."""
    named = _named_like(found, channel)
    key, value = ("channel_key", named.channel_key) if named.channel_key else ("pg", named.pg)
    return (
        f'"{channel.name}": {{"{key}": "{value}", "pg_provider": "{found.pg_provider}", '
        f'"pg_id": "{found.pg_id}", "sandbox": {found.sandbox}}}'
    )
