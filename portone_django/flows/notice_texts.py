"""What a mail about an event says, whether that is still so, and to whom it goes; its words are in portone/mail/."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ..adapter import get_adapter
from ..conf import get_config
from ..models import BillingCycle, BillingKey, Event, Payment, Subscription
from ..money import format_won
from ..reasons import in_words

Row = tuple[str, str]


def compose(event: Event, notice: str) -> EmailMultiAlternatives | None:
    """The mail, not sent yet; None where there is nothing to say any more, or nobody to say it to.

    Raises whatever the project's adapter and templates raise.
    """
    facts = Facts(event, notice)
    adapter = get_adapter()
    if facts.customer is None or not _IS_CURRENT[notice](facts):
        return None
    recipient = adapter.recipient(event).strip()
    if not _is_address(recipient):
        return None
    with translation.override(adapter.language(facts.customer)), timezone.override(get_config().zone):
        context = {**facts.context(), **adapter.mail_context(event)}
        # A name may hold a line break, which would begin another header.
        subject = " ".join(render_to_string(f"portone/mail/{notice}.subject.txt", context).split())
        context["subject"] = subject
        text = render_to_string(f"portone/mail/{notice}.txt", context).strip() + "\n"
        html = render_to_string(f"portone/mail/{notice}.html", context)
    mail = EmailMultiAlternatives(subject, text, to=[recipient], headers={"Auto-Submitted": "auto-generated"})
    mail.attach_alternative(html, "text/html")
    return mail


class Facts:
    """What is known about an event when its mail is written, which can be later than the event."""

    def __init__(self, event: Event, notice: str) -> None:
        self.event, self.notice, self.data = event, notice, event.data
        self.customer = event.customer
        self.subscription: Subscription | None = event.subscription
        self.cycle: BillingCycle | None = getattr(event.order, "cycle", None) if event.order else None
        kept = self.subscription.billing_key if self.subscription else None
        self.card: BillingKey | None = event.billing_key or self._charged_card() or kept

    def _charged_card(self) -> BillingKey | None:
        """The card that the bill was tried with: since then the subscription may have got another."""
        tried = Payment.objects.select_related("billing_key").exclude(billing_key=None)
        last = tried.filter(order=self.event.order_id or 0).order_by("-attempt_no").first()
        return last.billing_key if last else None

    @property
    def decline(self) -> str:
        """soft, needs_new_card, hard, refused, or "" where nothing was declined."""
        return str(self.data.get("kind") or getattr(self.cycle, "decline_kind", ""))

    @property
    def next_step_at(self) -> dt.datetime | None:
        text = self.data.get("next_step_at")
        return dt.datetime.fromisoformat(text) if text else None

    def context(self) -> dict[str, Any]:
        """The names that templates can use; `mail_context` of the adapter adds to them."""
        rows = [row(self) for row in _ROWS[self.notice]]
        return {
            "event": self.event,
            "customer": self.customer,
            "subscription": self.subscription,
            "plan": self.subscription.price.plan if self.subscription else None,
            "order": self.event.order,
            "cycle": self.cycle,
            "card": self.card,
            "rows": [row for row in rows if row is not None],
            "reason": in_words(self.decline),
            "next_step_at": self.next_step_at,
            "then": self.data.get("then", ""),
            "manage_url": "",
            "support": get_config().support,
            "language": translation.get_language(),
        }


# Whether it is still so -------------------------------------------------------------------------------------------


def _is_card_usable(facts: Facts) -> bool:
    return facts.card is not None and facts.card.is_usable


def _is_bill_paid(facts: Facts) -> bool:
    return facts.cycle is not None and facts.cycle.is_paid and facts.cycle.amount > 0


def _is_bill_failed(facts: Facts) -> bool:
    """Not where it was PortOne's refusal or ours, nor where another mail says more about the same decline."""
    if facts.cycle is None or not facts.cycle.is_open or facts.decline == Payment.Decline.REFUSED:
        return False
    is_told = facts.decline != Payment.Decline.SOFT and get_config().notices.get("card_needed", True)
    return facts.next_step_at is not None or not is_told


def _is_bill_given_up(facts: Facts) -> bool:
    return facts.cycle is not None and _was_given_up(facts.cycle)


def _is_subscription_over(facts: Facts) -> bool:
    """Not one that never began, nor where the mail about its last bill says so."""
    if facts.subscription is None or facts.subscription.end_reason == Subscription.End.INCOMPLETE:
        return False
    if facts.subscription.end_reason != Subscription.End.UNPAID or not get_config().notices.get("bill_given_up", True):
        return True
    last = BillingCycle.objects.filter(subscription=facts.subscription).order_by("-number").first()
    return last is None or not _was_given_up(last)


def _is_card_needed(facts: Facts) -> bool:
    if facts.cycle is not None:
        return facts.cycle.is_open
    return facts.subscription is not None and facts.subscription.is_live


def _was_given_up(cycle: BillingCycle) -> bool:
    return cycle.state == BillingCycle.State.UNCOLLECTIBLE and cycle.decline_kind != Payment.Decline.REFUSED


_IS_CURRENT: dict[str, Callable[[Facts], bool]] = {
    "card_registered": _is_card_usable,
    "bill_paid": _is_bill_paid,
    "bill_failed": _is_bill_failed,
    "bill_given_up": _is_bill_given_up,
    "subscription_ended": _is_subscription_over,
    "card_needed": _is_card_needed,
}


# Rows: a label and a value, both for people; None where there is no such fact ---------------------------------------


def _amount(facts: Facts) -> Row | None:
    if facts.cycle is None:
        return None
    return _("Amount"), format_won(facts.cycle.amount)


def _period(facts: Facts) -> Row | None:
    if facts.cycle is None:
        return None
    return _("Period"), f"{_day(facts.cycle.period_start)} – {_day(facts.cycle.last_day)}"


def _card(facts: Facts) -> Row | None:
    return (_("Card on file"), facts.card.label) if facts.card else None


def _registered_at(facts: Facts) -> Row | None:
    return _moment_row(_("Registered at"), facts.card.registered_at if facts.card else None)


def _paid_at(facts: Facts) -> Row | None:
    return _moment_row(_("Paid at"), facts.cycle.paid_at if facts.cycle else None)


def _next_bill_at(facts: Facts) -> Row | None:
    return _day_row(_("Next payment"), facts.subscription.next_bill_at if facts.subscription else None)


def _attempt(facts: Facts) -> Row | None:
    return (_("Attempt"), str(facts.data["attempt"])) if facts.data.get("attempt") else None


def _next_attempt(facts: Facts) -> Row | None:
    return _day_row(_("Next attempt"), facts.next_step_at)


def _usable_until(facts: Facts) -> Row | None:
    until = facts.subscription.grace_until if facts.subscription and facts.subscription.has_access else None
    return _moment_row(_("Can be used until"), until)


def _ended_at(facts: Facts) -> Row | None:
    return _moment_row(_("Ended at"), facts.subscription.ended_at if facts.subscription else None)


_ROWS: dict[str, tuple[Callable[[Facts], Row | None], ...]] = {
    "card_registered": (_card, _registered_at),
    "bill_paid": (_amount, _period, _card, _paid_at, _next_bill_at),
    "bill_failed": (_amount, _period, _card, _attempt, _next_attempt, _usable_until),
    "bill_given_up": (_amount, _period, _card),
    "subscription_ended": (_ended_at,),
    "card_needed": (_amount, _period, _card, _usable_until),
}


def _day_row(label: str, moment: dt.datetime | None) -> Row | None:
    return (label, _day(moment.astimezone(get_config().zone))) if moment else None


def _moment_row(label: str, moment: dt.datetime | None) -> Row | None:
    if moment is None:
        return None
    return label, date_format(moment.astimezone(get_config().zone), pgettext("date format", "D, j M Y, H:i"))


def _day(day: dt.date) -> str:
    return date_format(day, pgettext("date format", "j M Y"))


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
