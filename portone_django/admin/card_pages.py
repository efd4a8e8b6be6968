"""What an operator does with a card on file: makes it the default, asks PortOne about it, deletes it there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ..billing import make_default, recheck, remove
from ..exceptions import CardInUse, CardNotDeleted, CardNotUsable
from ..flows.keys import needed_by
from ..gateway import PortOneError
from ..models import BillingKey, Subscription
from .deciding import Decision, show, to_row
from .display import NOTHING, row_link, short
from .fields import SureField

PERMISSION = "portone.manage_billingkey"
# What flows/keys.py writes down in English, so that it can be translated.
_KNOWN = (gettext_noop("PortOne no longer has this card."),)


class DeleteForm(forms.Form):
    """Only a tick: PortOne forgets the card for good."""

    is_sure = SureField()


def default_page(admin: Any, request: HttpRequest, key: BillingKey) -> HttpResponse:
    """The card to take when the customer chooses no other; again: no change."""
    if request.method == "POST":
        try:
            make_default(key, by=request.user, source="admin")
        except CardNotUsable:
            messages.error(request, _no_default())
        else:
            messages.success(request, _("%(card)s is the customer's default card now.") % {"card": key.label})
        return to_row(admin, key)
    is_possible = can_be_default(key)
    question = _(
        "It is the one to take when the customer chooses no other. Subscriptions keep the cards that they have."
    )
    return show(
        admin, request, key, "question.html",
        title=_("Make it the default card"),
        question=question if is_possible else _("It is the default card.") if key.is_default else _no_default(),
        button=_("Make it the default card") if is_possible else "",
        facts=card_facts(key),
    )  # fmt: skip


def recheck_page(admin: Any, request: HttpRequest, key: BillingKey) -> HttpResponse:
    """Asks PortOne whether it still has the card; any number of times."""
    if request.method == "POST":
        try:
            messages.add_message(request, *_standing(recheck(key, by=request.user, source="admin")))
        except PortOneError as error:
            text = _("PortOne did not tell, so nothing changed. Ask again in a while. (%(why)s)")
            messages.error(request, text % {"why": error})
        return to_row(admin, key)
    is_possible = can_be_asked(key)
    question = _("PortOne is asked whether it has the card. One that is gone there is not charged any more.")
    return show(
        admin, request, key, "question.html",
        title=_("Ask PortOne about the card"),
        question=question if is_possible else _("Nothing about this card is open."),
        button=_("Ask PortOne now") if is_possible else "",
        facts=card_facts(key),
    )  # fmt: skip


def delete_page(admin: Any, request: HttpRequest, key: BillingKey) -> HttpResponse:
    """Deletes it at PortOne; the row stays. What PortOne, or we, say against it is read on this page."""
    form = DeleteForm(request.POST if request.method == "POST" else None)
    if form.is_bound and (key.deletion or key.state == "deleted"):
        # Pressed twice, or gone meanwhile.
        messages.add_message(request, *_standing(key))
        return to_row(admin, key)
    if can_be_deleted(key) and form.is_valid():
        try:
            done = remove(key, by=request.user, source="admin")
        except CardInUse:
            key.refresh_from_db()
        except CardNotDeleted as error:
            key.refresh_from_db()
            form.add_error(None, _refused(error))
        else:
            messages.add_message(request, *_standing(done))
            return to_row(admin, key)
    why_not = _why_not_deleted(admin, key)
    question = _("PortOne forgets the card for good: to use it again the customer registers it anew. Payments stay.")
    return show(
        admin, request, key, "question.html",
        title=_("Delete the card at PortOne"),
        question=why_not or question,
        button="" if why_not else _("Delete the card at PortOne"),
        form=form,
        facts=card_facts(key),
    )  # fmt: skip


def can_be_default(key: BillingKey) -> bool:
    return key.is_usable and not key.is_default and key.customer_id is not None


def can_be_asked(key: BillingKey) -> bool:
    return key.deletion != "" or key.state in ("pending", "failed", "active", "failing", "unusable")


def can_be_deleted(key: BillingKey) -> bool:
    return key.deletion == "" and key.state in ("active", "failing", "unusable", "superseded")


def health(key: BillingKey) -> str:
    """Why it cannot be charged, or what the last charge said; "–" for a card that simply works."""
    if key.deletion:
        return str(key.get_deletion_display())
    if key.quarantine_reason:
        return _("Not believed: %(why)s") % {"why": key.quarantine_reason}
    return _(key.fail_reason) if key.fail_reason in _KNOWN else key.fail_reason or NOTHING


def masked(key: BillingKey) -> str:
    """The company and the number as PortOne masks it; its id while there is neither."""
    return " ".join(filter(None, (key.card_name, key.card_number))) or key.public_id


def card_facts(key: BillingKey) -> list[tuple[str, Any]]:
    """Rows of (name, text): whose card, and how it stands."""
    state = " · ".join(filter(None, (key.get_state_display(), _("default card") if key.is_default else "")))
    return [
        (_("Card"), " · ".join(filter(None, (key.name, masked(key))))),
        (capfirst(_("customer")), key.customer or NOTHING),
        (capfirst(_("state")), state),
        (capfirst(_("health")), health(key)),
        (capfirst(_("last asked PortOne")), key.checked_at or NOTHING),
    ]


def _no_default() -> str:
    return _("Only a card that can be charged, of a customer who is still here, can be the default.")


def _standing(key: BillingKey) -> tuple[int, str]:
    """How the card stands after it was asked about or deleted, as the level and text of a message."""
    if key.state == "deleted":
        return messages.SUCCESS, _("PortOne has deleted the card.")
    if key.deletion:
        return messages.WARNING, _(
            "PortOne has not answered yet. Nobody can charge the card any more, and it is asked again by itself until "
            "the card is gone."
        )
    if key.quarantine_reason:
        why = short(key.quarantine_reason)
        return messages.ERROR, _("PortOne shows another card than was asked for: %(why)s") % {"why": why}
    if key.is_usable:
        return messages.SUCCESS, _("PortOne has the card: it can be charged.")
    text = _("The card is “%(state)s”. %(why)s") % {"state": key.get_state_display(), "why": health(key)}
    return messages.WARNING, text


def _why_not_deleted(admin: Any, key: BillingKey) -> str:
    if key.state == "deleted":
        return _("PortOne has deleted the card.")
    if not can_be_deleted(key):
        return _("It is being deleted already.") if key.deletion else _("It was never registered.")
    needs = needed_by(key)
    if needs is None:
        return ""
    if isinstance(needs, Subscription):
        text = _(
            "Subscription {} pays with it. Cancel the subscription first, or wait until its customer uses another card."
        )
        return format_html(text, row_link(admin, needs, needs.public_id))
    text = _("Charge {} is not decided yet. Wait until it is.")
    return format_html(text, row_link(admin, needs, needs.merchant_uid))


def _refused(error: CardNotDeleted) -> str:
    return _("PortOne did not delete the card: %(why)s The card stays as it was.") % {"why": error.message}


DEFAULT = Decision(
    "default", "default", gettext_lazy("Make it the default card"), default_page, can_be_default, PERMISSION
)
RECHECK = Decision("recheck", "recheck", gettext_lazy("Ask PortOne now"), recheck_page, can_be_asked, PERMISSION)
DELETE = Decision(
    "remove", "remove", gettext_lazy("Delete the card at PortOne"), delete_page, can_be_deleted, PERMISSION
)
