"""Money that went back without PortOne: an operator writes it down, with what finds it there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import clock
from ..exceptions import PaymentError, RefundConflict
from ..models import Payment
from .deciding import Decision, show, to_row
from .display import money
from .facts import payment_facts, refund_rows, taken_twice
from .fields import ReasonField, WonField
from .wording import not_refundable, refused


class ElsewhereForm(forms.Form):
    """A refund that was made outside PortOne; its reference makes a repetition the same one."""

    required_css_class = "required"
    amount = WonField(label=capfirst(gettext_lazy("amount")), min_value=1)
    refunded_on = forms.DateField(
        label=capfirst(gettext_lazy("refunded on")),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "vDateField"}),
    )
    reference = forms.CharField(
        label=capfirst(gettext_lazy("reference")),
        max_length=100,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text=gettext_lazy("What finds it there: the number of the transfer, for example. Each one counts once."),
    )
    reason = ReasonField()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["refunded_on"].widget.attrs["max"] = clock.today().isoformat()

    def clean_refunded_on(self) -> Any:
        day = self.cleaned_data["refunded_on"]
        if day > clock.today():
            raise forms.ValidationError(_("This day is still to come."))
        return day


def elsewhere_page(admin: Any, request: HttpRequest, payment: Payment, imp_uid: str = "") -> HttpResponse:
    """A form, and the row that it becomes; nothing is sent to anybody. With the `imp_uid` of a second record that took
    money under the same merchant_uid, it was that money which went back."""
    if imp_uid and imp_uid not in taken_twice(payment):
        raise Http404
    form = ElsewhereForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _record(request, payment, form, imp_uid):
        return to_row(admin, payment)
    return show(
        admin, request, payment, "elsewhere.html",
        title=_("Record a refund made elsewhere"),
        form=form,
        second=imp_uid,
        why_not=_why_not(payment, imp_uid),
        facts=payment_facts(payment),
        refunds=refund_rows(admin, request, payment),
    )  # fmt: skip


def can_be_recorded(payment: Payment) -> bool:
    return (payment.is_received or payment.state in ("quarantined", "review")) and payment.remaining_amount > 0


def _why_not(payment: Payment, imp_uid: str) -> str:
    if imp_uid:
        return "" if _remaining(payment, imp_uid) > 0 else _("All of it went back already.")
    return "" if can_be_recorded(payment) else not_refundable(payment)


def _remaining(payment: Payment, imp_uid: str) -> int:
    if not imp_uid:
        return payment.remaining_amount
    taken, back = taken_twice(payment)[imp_uid]
    return taken - back


def _record(request: HttpRequest, payment: Payment, form: ElsewhereForm, imp_uid: str) -> bool:
    try:
        done = payment.record_refund(**form.cleaned_data, by=request.user, imp_uid=imp_uid or None)
    except RefundConflict:
        form.add_error("reference", _("Another refund has this reference already."))
    except PaymentError as error:
        form.add_error(None, refused(error, payment))
    except ValueError:
        # The database's word: the form has looked at everything else.
        payment.refresh_from_db()
        most = money(_remaining(payment, imp_uid), payment.currency)
        form.add_error("amount", _("At most %(most)s: so much remains.") % {"most": most})
    else:
        amount = money(done.amount, payment.currency)
        messages.success(request, _("Written down: %(amount)s went back elsewhere.") % {"amount": amount})
        return True
    return False


ELSEWHERE = Decision(
    "refund_elsewhere",
    "refund-elsewhere",
    gettext_lazy("Record a refund made elsewhere"),
    elsewhere_page,
    can_be_recorded,
)
# Its link is beside the record, on the page where a person decides.
ELSEWHERE_SURPLUS = Decision(
    "refund_surplus_elsewhere",
    "resolve/<str:imp_uid>/elsewhere",
    gettext_lazy("Record a refund made elsewhere"),
    elsewhere_page,
    lambda payment: False,
)
