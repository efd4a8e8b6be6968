"""Whether PORTONE_SANDBOX means what it says."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error

from .registration import check


@check("portone.E049")
def check_sandbox() -> Iterator[CheckMessage]:
    """A typing error would give the sandbox another file, another key or no webhooks, and nobody a word."""
    from ..sandbox.options import problems

    for sentence, hint in problems():
        yield Error(sentence, hint=hint, id="portone.E049")
