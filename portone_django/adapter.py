"""The few methods that a project overrides: PORTONE = {"ADAPTER": "shop.payments.Adapter"}."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from .conf import get_config
from .gateway.declines import classify

if TYPE_CHECKING:
    from .models import Event, Order, Payment

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

    def classify_decline(self, reason: str) -> str:
        """What a declined charge allows next, from PortOne's free text: "soft", "needs_new_card" or "hard".

        Extend it by what your card companies say; a text that nothing is known of is "soft", and is tried again.
        """
        return classify(reason)

    def buyer(self, customer: Any) -> dict[str, str]:
        """buyer_name, buyer_email, buyer_tel of a bill that is charged without its customer being there."""
        # A user model need have neither a name nor an address.
        name = customer.get_full_name() if hasattr(customer, "get_full_name") else ""
        return {"buyer_name": str(name or ""), "buyer_email": _email(customer)}

    def recipient(self, event: Event) -> str:
        """The address that the mail about the event goes to, "" for none; the customer's own unless overridden.

        Not asked for a customer who is gone or was forgotten: they get no mail.
        """
        customer = event.customer
        return _email(customer) if customer is not None else ""

    def language(self, user: Any) -> str:
        """The language of mails to the customer, such as "ko" or "en"; LANGUAGE_CODE unless overridden."""
        return settings.LANGUAGE_CODE

    def mail_context(self, event: Event) -> dict[str, Any]:
        """More names for the templates in portone/mail/. `manage_url` (a full URL) becomes the button of every mail."""
        return {}


def _email(customer: Any) -> str:
    return str(getattr(customer, customer.get_email_field_name(), "") or "")


def get_adapter() -> Adapter:
    """The project's adapter."""
    return _load(get_config().adapter)


@lru_cache(maxsize=8)
def _load(path: str) -> Adapter:
    adapter: Adapter = import_string(path)()
    return adapter
