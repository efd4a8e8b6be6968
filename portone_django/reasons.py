"""Why a payment or a card failed, in the reader's language: PortOne passes on what Korean card companies say."""

from __future__ import annotations

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .gateway.declines import Decline, known

_CUSTOMER_LEFT = "사용자가 결제를 취소"


def failure_reason(text: str) -> str:
    """A `fail_reason` for a customer: as it is for a Korean, and otherwise its class in words; a text of no known class
    stays as it is."""
    if not text or (get_language() or "ko").startswith("ko"):
        return text
    if _CUSTOMER_LEFT in text:
        return _("It was cancelled in the payment window.")
    kind = known(text)
    return in_words(kind) if kind else text


def in_words(decline: str) -> str:
    """A class of declines for a customer; "" for none."""
    words = {
        Decline.SOFT: _("The card company declined it for now, often because of a limit or the balance."),
        Decline.NEEDS_NEW_CARD: _("The card company says that this card can no longer be used."),
        Decline.HARD: _("The card company does not allow this payment with this card."),
    }
    return words.get(decline, "")  # type: ignore[call-overload, no-any-return]
