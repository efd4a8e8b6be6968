"""Whether cards are typed into this site, which somebody must have meant."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Warning

from .registration import check, readable_config


@check("portone.W010")
def check_key_in() -> Iterator[CheckMessage]:
    """Card numbers pass through this server: said at every start, until it is switched off or silenced."""
    config = readable_config()
    if config and config.key_in:
        yield Warning(
            'PORTONE["KEY_IN"] is on: card numbers pass through this server (PCI DSS SAQ D), and KG Inicis allows it '
            "by contract only.",
            hint="Use {% portone_register_card %} and remove the key; or, if it is meant, write: "
            'SILENCED_SYSTEM_CHECKS = ["portone.W010"]',
            id="portone.W010",
        )
