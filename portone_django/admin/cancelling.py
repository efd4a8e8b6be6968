"""How an operator ends a subscription: with its paid period or now, and what goes back, in won, before it does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import get_config
from ..exceptions import PaymentError
from ..flows.attempts import UNSENT, undecided
from ..flows.subscribing import end_of_paid, is_on_its_way_out, what_goes_back
from ..models import BillingCycle, Payment, Subscription
from ..subscriptions import cancel
from .deciding import Decision, may_decide, show, to_row
from .display import NOTHING, money
from .fields import ReasonField
from .wording import raise_unless_about_parts, refused, tell

PERMISSION = "portone.manage_subscription"


class CancelForm(forms.Form):
    """One of the possible ends, each with the amount that goes back: what was read is what happens."""

    required_css_class = "required"
    reason = ReasonField()
    is_sure = forms.BooleanField(
        label=gettext_lazy("I am sure. What ends now cannot be taken up again."), required=False
    )

    def __init__(self, choices: list[tuple[str, str]], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["decision"] = forms.ChoiceField(
            label=_("How it ends"),
            choices=choices,
            widget=forms.RadioSelect,
            error_messages={"invalid_choice": _("This has changed meanwhile: choose again.")},
        )
        self.order_fields(["decision"])

    def clean(self) -> None:
        if self.cleaned_data.get("decision", "").startswith("now") and not self.cleaned_data["is_sure"]:
            self.add_error("is_sure", _("Tick the box if you are sure."))


def cancel_page(admin: Any, request: HttpRequest, subscription: Subscription) -> HttpResponse:
    """A GET shows what could happen; a POST carries one of it out. Pressed twice it happens once."""
    is_posted = request.method == "POST"
    if is_posted and not can_be_cancelled(subscription):
        messages.info(request, _over())
        return to_row(admin, subscription)
    form = CancelForm(list(_choices(request, subscription)), request.POST if is_posted else None)
    if form.is_valid() and _cancel(request, subscription, form):
        return to_row(admin, subscription)
    is_over = not can_be_cancelled(subscription)
    return show(
        admin, request, subscription, "question.html",
        title=_("Cancel the subscription"),
        question=_over() if is_over else " ".join(_notes(request, subscription)),
        button="" if is_over else _("Cancel the subscription"),
        form=form,
        facts=subscription_facts(subscription),
    )  # fmt: skip


def can_be_cancelled(subscription: Subscription) -> bool:
    return subscription.state != "ended" and not is_on_its_way_out(subscription)


def subscription_facts(subscription: Subscription) -> list[tuple[str, Any]]:
    """Rows of (name, text), in the order of the questions that are asked of a subscription."""
    bill = open_bill(subscription)
    open_text = f"{money(bill.amount, bill.currency)} · {bill.get_state_display()}" if bill else NOTHING
    until = subscription.period_end and date_format(subscription.period_end - dt.timedelta(days=1))
    due = subscription.next_bill_at
    return [
        (capfirst(_("customer")), subscription.customer or NOTHING),
        (capfirst(_("price")), subscription.price),
        (capfirst(_("state")), subscription.get_state_display()),
        (capfirst(_("card on file")), subscription.billing_key or NOTHING),
        (_("Last day of the period"), until or NOTHING),
        (capfirst(_("next bill at")), due or NOTHING),
        (capfirst(_("open bill")), open_text),
    ]


def open_bill(subscription: Subscription) -> BillingCycle | None:
    """The bill whose money may still come."""
    return BillingCycle.objects.is_open().filter(subscription=subscription).select_related("order").first()


def _choices(request: HttpRequest, subscription: Subscription) -> Iterator[tuple[str, str]]:
    """Their values carry the amounts, so that a page shown before midnight refunds nothing else after it."""
    end = end_of_paid(subscription)
    if end is not None and subscription.cancel_at is None:
        last = date_format(end.astimezone(get_config().zone).date() - dt.timedelta(days=1))
        yield (
            "period_end:none:0",
            _("With its paid period: it can be used until %(day)s. Nothing goes back.") % {"day": last},
        )
    yield "now:none:0", _("Now. Nothing goes back.")
    if not may_decide(request):
        return
    for how, text in (
        ("unused", _("Now. What is not used of the period goes back: %(amount)s of %(paid)s.")),
        ("all", _("Now. All that is left of the period's payment goes back: %(amount)s of %(paid)s.")),
    ):
        found = what_goes_back(subscription, how)
        if found is not None:
            payment, amount = found
            amounts = {
                "amount": money(amount, payment.currency),
                "paid": money(payment.received_amount, payment.currency),
            }
            yield f"now:{how}:{amount}", text % amounts


def _notes(request: HttpRequest, subscription: Subscription) -> Iterator[str]:
    bill = open_bill(subscription)
    charge = undecided(bill.order) if bill is not None and bill.order is not None else None
    if charge is not None and not Payment.objects.filter(UNSENT, pk=charge.pk).exists():
        yield _(
            "A charge of the open bill is not decided yet: the subscription is over as soon as it is, and should it "
            "turn out paid, all of it goes back by itself."
        )
    elif bill is not None:
        yield _("The open bill is voided: nothing more is charged for it.")
    if subscription.is_ending:
        yield _("It is cancelled already and ends with its paid period.")
    if not may_decide(request):
        yield _("To send money back, too, you need the permission to refund.")
    yield _("After this nothing is charged for it any more.")


def _cancel(request: HttpRequest, subscription: Subscription, form: CancelForm) -> bool:
    when, how, _amount = form.cleaned_data["decision"].split(":")
    reason = form.cleaned_data["reason"]
    found = what_goes_back(subscription, how) if how != "none" else None
    try:
        cancel(subscription, when=when, refund=how, by=request.user, source="admin", reason=reason)
    except (PaymentError, ValueError) as error:
        if found is None:
            raise
        raise_unless_about_parts(error)
        form.add_error(None, refused(error, found[0]))
        return False
    messages.add_message(request, *_outcome(subscription))
    if found is not None:
        _tell_refund(request, found[0])
    return True


def _outcome(subscription: Subscription) -> tuple[int, str]:
    if subscription.state == "ended":
        return messages.SUCCESS, _("The subscription is over.")
    if is_on_its_way_out(subscription):
        return messages.WARNING, _(
            "It is cancelled. A charge is not decided yet: the subscription is over as soon as it is, and what it took "
            "goes back by itself."
        )
    return messages.SUCCESS, _(
        "It is cancelled: it ends with its paid period, and until then it can be taken up again."
    )


def _tell_refund(request: HttpRequest, payment: Payment) -> None:
    refund = payment.refunds.order_by("-pk").first()
    if refund is not None:
        tell(request, refund)


def _over() -> str:
    return _("The subscription is over, so there is nothing to cancel.")


CANCEL = Decision(
    "cancel", "cancel", gettext_lazy("Cancel the subscription"), cancel_page, can_be_cancelled, PERMISSION
)
