"""What an operator does so that a subscription is paid: tries its open bill again now, or takes it up again.

A button carries the number of the attempt that it stands for, so that pressed twice it charges once.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import clock
from ..exceptions import BillPending, CardNotUsable, SubscriptionEnded
from ..flows.attempts import UNSENT, next_attempt_no, undecided
from ..models import BillingCycle, Payment, Subscription
from ..subscriptions import resume, retry_now
from .cancelling import PERMISSION, open_bill, subscription_facts
from .deciding import Decision, show, to_row
from .display import money, row_link


class RetryForm(forms.Form):
    """Which attempt at which bill the button stands for."""

    bill = forms.IntegerField(widget=forms.HiddenInput)
    attempt = forms.IntegerField(widget=forms.HiddenInput)


class ResumeForm(forms.Form):
    """The newest period that the page knew of."""

    newest = forms.IntegerField(widget=forms.HiddenInput)


def retry_page(admin: Any, request: HttpRequest, subscription: Subscription) -> HttpResponse:
    """Charges the open bill to its card now, or says why it cannot."""
    bill = open_bill(subscription)
    form = RetryForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        asked = BillingCycle.objects.filter(subscription=subscription, pk=form.cleaned_data["bill"]).first()
        if asked is not None:
            _retry(request, subscription, bill, asked, form.cleaned_data["attempt"])
            return to_row(admin, subscription)
    why_not = _why_not_retried(admin, subscription, bill)
    if bill is not None and bill.order is not None and not why_not:
        form = RetryForm(initial={"bill": bill.pk, "attempt": next_attempt_no(bill.order)})
    amount = money(bill.amount, bill.currency) if bill else ""
    question = _("%(amount)s are charged to %(card)s now. A decline counts like any other.")
    return show(
        admin, request, subscription, "question.html",
        title=_("Try the bill again now"),
        question=why_not or question % {"amount": amount, "card": subscription.billing_key},
        button="" if why_not else _("Charge %(amount)s now") % {"amount": amount},
        form=form,
        facts=subscription_facts(subscription),
    )  # fmt: skip


def resume_page(admin: Any, request: HttpRequest, subscription: Subscription) -> HttpResponse:
    """Takes a cancellation back; after a pause a new period begins and is charged."""
    form = ResumeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if form.cleaned_data["newest"] == subscription.cycle_no and can_be_resumed(subscription):
            _resume(request, subscription)
        else:
            messages.info(request, _("Nothing was done: the subscription has changed since the page was shown."))
        return to_row(admin, subscription)
    is_possible, is_paused = can_be_resumed(subscription), subscription.state == "paused"
    why_not = _why_not_charged(admin, subscription) if is_paused else ""
    if not is_possible:
        question = _("It is neither cancelled nor paused, or it is over: there is nothing to take up again.")
    elif is_paused:
        question = _("A new period begins, and %(amount)s are charged to its card now.") % {
            "amount": money(subscription.price.amount, subscription.price.currency)
        }
    else:
        question = _("The cancellation is taken back: it goes on, and its next bill is charged when it is due.")
    return show(
        admin, request, subscription, "question.html",
        title=_("Take it up again"),
        question=why_not or question,
        button=_("Take it up again") if is_possible and not why_not else "",
        form=ResumeForm(initial={"newest": subscription.cycle_no}),
        facts=subscription_facts(subscription),
    )  # fmt: skip


def can_be_retried(subscription: Subscription) -> bool:
    """Whether the button is shown; its page says what is in the way, if anything is."""
    return open_bill(subscription) is not None


def can_be_resumed(subscription: Subscription) -> bool:
    if subscription.state == "paused":
        return True
    return subscription.is_ending and subscription.cancel_at is not None and subscription.cancel_at > clock.now()


def _retry(
    request: HttpRequest, subscription: Subscription, bill: BillingCycle | None, asked: BillingCycle, attempt: int
) -> None:
    if bill is not None and bill.pk == asked.pk:
        try:
            retry_now(subscription, by=request.user, source="admin", attempt=attempt)
        except CardNotUsable:
            messages.error(request, _("Nothing was charged: the card cannot be charged any more."))
            return
        except BillPending:
            text = _("Nothing was charged: the last charge may still be on its way. Try again in ten minutes.")
            messages.warning(request, text)
            return
        except SubscriptionEnded:
            pass  # somebody was faster, and the bill tells how it went
    asked.refresh_from_db()
    messages.add_message(request, *bill_outcome(asked))


def _resume(request: HttpRequest, subscription: Subscription) -> None:
    is_paused = subscription.state == "paused"
    try:
        resume(subscription, by=request.user, source="admin")
    except CardNotUsable:
        messages.error(request, _("Nothing was charged: the card cannot be charged any more."))
    except SubscriptionEnded:
        messages.error(request, _("Nothing was done: the subscription is over."))
    else:
        newest = BillingCycle.objects.filter(subscription=subscription).order_by("-number").first()
        if is_paused and newest is not None:
            messages.add_message(request, *bill_outcome(newest))
        else:
            messages.success(request, _("The subscription goes on."))


def bill_outcome(bill: BillingCycle) -> tuple[int, str]:
    """How the bill stands after it was tried, as the level and text of a message."""
    amount = money(bill.amount, bill.currency)
    if bill.is_paid:
        return messages.SUCCESS, _("%(amount)s are paid.") % {"amount": amount}
    payment = Payment.objects.filter(order=bill.order_id or 0).order_by("-attempt_no").first()
    if payment is None or (payment.state == "failed" and not bill.is_open):
        state = bill.get_state_display()
        return messages.ERROR, _("The bill is not paid (%(state)s).") % {"state": state}
    if payment.state != "failed":
        return messages.WARNING, _(
            "It is not known yet whether %(amount)s are paid. PortOne is asked again by itself until it is: do not "
            "charge it elsewhere."
        ) % {"amount": amount}
    if payment.decline_kind == Payment.Decline.REFUSED:
        why = payment.refusal or payment.fail_reason
        return messages.ERROR, _("PortOne refused the charge of %(amount)s: %(why)s") % {"amount": amount, "why": why}
    return messages.ERROR, _("The card was declined for %(amount)s: %(why)s") % {
        "amount": amount,
        "why": payment.fail_reason,
    }


def _why_not_retried(admin: Any, subscription: Subscription, bill: BillingCycle | None) -> str:
    if bill is None or bill.order is None:
        return _("No bill is open, so there is nothing to try again.")
    payment = undecided(bill.order)
    if payment is not None and not Payment.objects.filter(UNSENT, pk=payment.pk).exists():
        text = _("Charge {} of it is not decided yet ({}): another one could take the money twice.")
        return format_html(text, row_link(admin, payment, payment.merchant_uid), payment.get_state_display())
    return _why_not_charged(admin, subscription)


def _why_not_charged(admin: Any, subscription: Subscription) -> str:
    key = subscription.billing_key
    if key is None:
        return _("It has no card: its customer has to register one.")
    if not key.is_usable or key.customer_id != subscription.customer_id:
        state = key.get_deletion_display() if key.deletion else key.get_state_display()
        text = _("Its card {} cannot be charged ({}): its customer has to use another one.")
        return format_html(text, row_link(admin, key), state)
    return ""


RETRY = Decision("retry", "retry", gettext_lazy("Try the bill again now"), retry_page, can_be_retried, PERMISSION)
RESUME = Decision("resume", "resume", gettext_lazy("Take it up again"), resume_page, can_be_resumed, PERMISSION)
