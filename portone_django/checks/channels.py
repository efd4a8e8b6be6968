"""Whether the configured channels take real money, and whether we know what their payments must look like."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db.backends.base.base import BaseDatabaseWrapper

from ..conf import Channel
from ..models import ChannelFacts
from .registration import check, database_check, readable_config


@check("portone.E004", deploy=True)
def check_test_payments() -> Iterator[CheckMessage]:
    """A test payment moves no money: in production it must not settle an order."""
    from ..flows.diagnosis.channels import TEST_MIDS

    config = readable_config()
    if config is None or settings.DEBUG:
        return
    if config.accept_test_payments:
        yield Error(
            'PORTONE["ACCEPT_TEST_PAYMENTS"] is on with DEBUG off: orders can be paid without money.',
            hint='Remove it, or write: "ACCEPT_TEST_PAYMENTS": False',
            id="portone.E004",
        )
    for channel in config.channels.values():
        if _mid(channel) in TEST_MIDS or channel.sandbox:
            yield Error(
                f'PORTONE["CHANNELS"]["{channel.name}"] is a test channel (MID {_mid(channel) or "unknown"}): no money '
                "arrives through it.",
                hint=f'Write the live channel\'s key: "{channel.name}": {{"channel_key": "channel-key-…"}}',
                id="portone.E004",
            )


@database_check("portone.E006")
def check_channel_facts(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Without facts the first customer's click has to wait for GET /users/pg, and fails when that fails."""
    from ..flows.channels import route

    config = readable_config()
    if config is None or ChannelFacts._meta.db_table not in connection.introspection.table_names():
        return
    learnt = set(ChannelFacts.objects.using(connection.alias).values_list("route", flat=True))
    for channel in config.channels.values():
        if None in (channel.pg_provider, channel.pg_id, channel.sandbox) and route(channel) not in learnt:
            yield Warning(
                f'Nobody knows yet what payments of PORTONE["CHANNELS"]["{channel.name}"] look like (pg_provider, '
                "pg_id, sandbox).",
                hint="Run manage.py portone_doctor: it asks PortOne, remembers the answer and shows the line to write.",
                id="portone.E006",
            )


def _mid(channel: Channel) -> str:
    return str(channel.pg_id or channel.pg.partition(".")[2])
