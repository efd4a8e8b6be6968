"""The few methods that a project overrides: PORTONE = {"ADAPTER": "shop.payments.Adapter"}."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from .conf import get_config

if TYPE_CHECKING:
    from .models import Order, Payment

__all__ = ["Adapter", "get_adapter"]


class Adapter:
    """What the app asks of its project; every method has a safe default."""

    def foreign_webhook(self, hint: Mapping[str, Any]) -> None:
        """A webhook whose merchant_uid does not carry our prefix: another application of the same account.

        `hint` holds imp_uid, merchant_uid, status and cancellation_id as received: unsigned, so believe nothing.
        """

    def refuse_confirm(self, payment: Payment) -> str | None:
        """A reason, shown to the buyer, to stop this payment right before its approval (stock gone); None lets it pass.

        Called by PortOne's confirm process, unauthenticated: answer in under 3 seconds and change nothing for good.
        """
        return None

    def result_url(self, order: Order) -> str:
        """Where the result pages lead on to; the order's own return_url unless overridden.

        A path, or a full http or https address of any site; anything else is not linked.
        """
        return order.return_url


def get_adapter() -> Adapter:
    """The project's adapter."""
    return _load(get_config().adapter)


@lru_cache(maxsize=8)
def _load(path: str) -> Adapter:
    adapter: Adapter = import_string(path)()
    return adapter
