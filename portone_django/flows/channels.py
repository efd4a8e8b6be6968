"""What a channel's payments must look like: from the settings, or from what GET /users/pg said of it once."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

from ..conf import Channel, get_config
from ..gateway import ChannelSetting, get_client
from ..models import ChannelFacts

DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """Frozen on every payment of the channel, compared with every record."""

    pg_provider: str
    pg_id: str
    sandbox: bool


def expectation(name: str) -> Expectation:
    """What payments of the configured channel must say; asks PortOne once per channel when nobody knows.

    Raises ImproperlyConfigured when PortOne does not know the channel, PortOneError when it does not answer.
    """
    channel = get_config().channel(name)
    if channel.pg_provider is not None and channel.pg_id is not None and channel.sandbox is not None:
        return Expectation(channel.pg_provider, channel.pg_id, channel.sandbox)
    facts = ChannelFacts.objects.filter(route=route(channel)).first() or learn(
        channel, get_client().channels(deadline=DEADLINE_SECONDS)
    )
    return Expectation(facts.pg_provider, facts.pg_id, facts.sandbox)


def learn(channel: Channel, settings: list[ChannelSetting]) -> ChannelFacts:
    """Remember what PortOne's list says of the channel. Raises ImproperlyConfigured when it is not in it."""
    found = match(channel, settings)
    if found is None:
        known = ", ".join(sorted(f"{each.channel_key} ({each.pg_provider}, {each.pg_id})" for each in settings))
        raise ImproperlyConfigured(
            f'PORTONE["CHANNELS"]["{channel.name}"] ({route(channel)}) is not a channel of this PortOne account. '
            f"It has: {known or 'none'}."
        )
    if found.sandbox is None:
        raise ImproperlyConfigured(
            f"PortOne does not say whether {route(channel)} is a test channel. "
            f'Write: PORTONE["CHANNELS"]["{channel.name}"] = {{…, "sandbox": False}}'
        )
    facts, _ = ChannelFacts.objects.update_or_create(
        route=route(channel),
        defaults={"pg_provider": found.pg_provider, "pg_id": found.pg_id, "sandbox": found.sandbox},
    )
    return facts


def match(channel: Channel, settings: list[ChannelSetting]) -> ChannelSetting | None:
    """The entry of GET /users/pg that this configured channel means."""
    for each in settings:
        if channel.channel_key and each.channel_key == channel.channel_key:
            return each
        if channel.pg and f"{each.pg_provider}.{each.pg_id}" == channel.pg:
            return each
    return None


def route(channel: Channel) -> str:
    """How the channel is named at PortOne."""
    return channel.channel_key or channel.pg
