"""What an operator reads after a decision: what happened, or why it could not, in plain words and their language."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from ..exceptions import CannotDecide, NotRefundable, PaymentError, RefundConflict, RefundPending
from ..flows.decisions import possible
from ..flows.refusals import explain
from ..models import Payment, Refund
from .display import money
from .fields import blamed

# What the flows say in English (flows/decisions.py), so that it can be translated.
_KNOWN = (
    gettext_noop("PortOne does not answer now, so nobody can tell whether the money is there."),
    gettext_noop("PortOne shows no money for it."),
    gettext_noop("a refund of it is on its way."),
)


def tell(request: HttpRequest, refund: Refund) -> None:
    """The message after a refund was sent or asked about."""
    messages.add_message(request, *outcome(refund))


def outcome(refund: Refund) -> tuple[int, str]:
    """How a refund stands, as the level and text of a message."""
    amount = money(refund.amount, refund.payment.currency)
    if refund.state == "succeeded":
        return messages.SUCCESS, _("%(amount)s went back.") % {"amount": amount}
    if refund.state in ("failed", "rejected"):
        why = explain(refund, get_language() or "ko")
        return messages.ERROR, _("%(amount)s did not go back. %(why)s") % {"amount": amount, "why": why}
    if refund.state == "requested":
        return messages.WARNING, _("%(amount)s waits for approval.") % {"amount": amount}
    if refund.state == "review":
        text = _(
            "Nobody can tell yet whether %(amount)s went back. Look at it in KG Inicis' console, then decide on the "
            "refund's page. Do not refund again."
        )
    else:
        text = _(
            "PortOne has not answered yet about %(amount)s. It is asked again by itself until it is known: do not "
            "refund again."
        )
    return messages.WARNING, text % {"amount": amount}


def refused(error: Exception, payment: Payment) -> str:
    """Why a refund or a decision was not even begun."""
    if isinstance(error, RefundPending):
        return pending(Refund.objects.get(pk=error.refund_id))
    if isinstance(error, RefundConflict):
        return _("This page was used for another refund already. Open the form anew for a new one.")
    if isinstance(error, NotRefundable):
        return not_refundable(payment)
    if isinstance(error, CannotDecide):
        return _cannot_decide(error, payment)
    if _is_about_parts(error):
        return _(
            "A part of it was cancelled in PortOne's console, so the tax-free and VAT parts of the rest are not known. "
            "Cancel the rest in PortOne's console: it is taken over by itself."
        )
    return _("This is not possible: %(why)s") % {"why": str(error)}


def raise_unless_about_parts(error: Exception) -> None:
    """A ValueError that an operator can do something about is one about the parts; any other is a fault of ours."""
    if not isinstance(error, PaymentError) and not _is_about_parts(error):
        raise error


def _is_about_parts(error: Exception) -> bool:
    return blamed(error) in ("tax_free_amount", "vat_amount")


def pending(refund: Refund) -> str:
    """What is said while another refund of the payment is undecided."""
    return _(
        "A refund of %(amount)s is not decided yet (%(state)s): a second one could send the money back twice. Wait "
        "until it is decided, or ask PortOne on its page."
    ) % {"amount": money(refund.amount), "state": refund.get_state_display()}


def not_refundable(payment: Payment) -> str:
    """Why nothing of the payment can go back now."""
    if payment.state in ("quarantined", "review"):
        return _("Decide first what this payment is: use “Decide” on its page.")
    if payment.is_received and payment.remaining_amount < 1:
        return _("All of it went back already.")
    if payment.is_received and payment.pay_method == "vbank":
        return _("A virtual account's money goes to a bank account: type it.")
    state = payment.get_state_display()
    if payment.state == "unknown":
        return _("PortOne does not say yet whether money of this payment came: it is asked again by itself.")
    return _("No money of this payment is here (%(state)s), so none can go back.") % {"state": state}


def _cannot_decide(error: CannotDecide, payment: Payment) -> str:
    if error.decision not in possible(payment):
        return _("Meanwhile the payment is “%(payment)s” and its order “%(order)s”, so this is no longer possible.") % {
            "payment": payment.get_state_display(),
            "order": payment.order.get_state_display(),
        }
    why = str(error).partition(": ")[2]
    return _("This is not possible: %(why)s") % {"why": _(why) if why in _KNOWN else why}
