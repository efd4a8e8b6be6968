"""What an operator decides about money that settled nothing, with what was asked beside what PortOne recorded."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from ..exceptions import PaymentError
from ..flows.decisions import ACCEPT, NO_MONEY, REFUND, decide, possible, refund_surplus
from ..flows.refund_account import RefundAccount
from ..models import Payment, Refund
from .deciding import Decision, show, to_row, url_of
from .display import money
from .facts import beside, payment_facts, refund_rows, taken_twice, waiting_refund
from .fields import AccountForm, ReasonField, SureField, SureForm
from .wording import raise_unless_about_parts, refused, tell


class ResolveForm(forms.Form):
    """One of the possible decisions, with its reason."""

    required_css_class = "required"
    reason = ReasonField()
    is_sure = SureField()

    def __init__(self, payment: Payment, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        labels = _labels(payment)
        choices = [(each, labels[each]) for each in possible(payment)]
        self.fields["decision"] = forms.ChoiceField(
            label=_("Decision"),
            choices=choices,
            widget=forms.RadioSelect,
            error_messages={"invalid_choice": _("This is no longer possible.")},
        )
        self.order_fields(["decision"])


@sensitive_variables("account_form", "account")
def resolve_page(admin: Any, request: HttpRequest, payment: Payment) -> HttpResponse:
    """Shows both sides; a POST carries one of the possible decisions out."""
    choices = possible(payment)
    is_posted = request.method == "POST"
    form = ResolveForm(payment, request.POST if is_posted else None)
    account_form = None
    if payment.pay_method == "vbank" and REFUND in choices:
        is_typed = is_posted and request.POST.get("decision") == REFUND
        account_form = AccountForm(request.POST if is_typed else None)
    if is_posted and form.is_valid() and (account_form is None or not account_form.is_bound or account_form.is_valid()):
        account = account_form.account if account_form else None
        if _decide(request, payment, form, account):
            return to_row(admin, payment)
    return show(
        admin, request, payment, "resolve.html",
        title=_("Decide about this payment"),
        form=form if choices or is_posted else None,
        account_form=account_form,
        facts=payment_facts(payment),
        refunds=refund_rows(admin, request, payment),
        comparison=beside(_sides(payment), payment.currency),
        surplus=_surplus(admin, payment),
        **waiting_refund(admin, request, payment),
    )  # fmt: skip


@sensitive_variables("account_form", "account")
def surplus_page(admin: Any, request: HttpRequest, payment: Payment, imp_uid: str) -> HttpResponse:
    """Sends back what a second record took under the same merchant_uid."""
    if imp_uid not in taken_twice(payment):
        raise Http404
    taken, back = taken_twice(payment)[imp_uid]
    data = request.POST if request.method == "POST" else None
    form = SureForm(data)
    account_form = AccountForm(data) if payment.surplus[imp_uid][2] == "vbank" else None
    if form.is_valid() and (account_form is None or account_form.is_valid()):
        account = account_form.account if account_form else None
        try:
            done = refund_surplus(
                payment, imp_uid, reason=form.cleaned_data["reason"], by=request.user, account=account
            )
        except (PaymentError, ValueError) as error:
            raise_unless_about_parts(error)
            payment.refresh_from_db()
            taken, back = taken_twice(payment)[imp_uid]
            form.add_error(None, refused(error, payment) if taken > back else _("All of it went back already."))
        else:
            tell(request, done)
            return to_row(admin, payment)
    remaining = money(taken - back, payment.currency)
    return show(
        admin, request, payment, "question.html",
        title=_("Refund what was taken twice"),
        question=_("%(amount)s goes back, all that PortOne holds of %(imp_uid)s.")
        % {"amount": remaining, "imp_uid": imp_uid},
        button=_("Refund %(amount)s") % {"amount": remaining} if taken > back else "",
        form=form,
        account_form=account_form,
        facts=payment_facts(payment),
    )  # fmt: skip


def can_be_resolved(payment: Payment) -> bool:
    return bool(possible(payment)) or any(taken > back for taken, back in taken_twice(payment).values())


@sensitive_variables("account")
def _decide(request: HttpRequest, payment: Payment, form: ResolveForm, account: RefundAccount | None) -> bool:
    asked = form.cleaned_data
    try:
        done = decide(payment, asked["decision"], reason=asked["reason"], by=request.user, account=account)
    except (PaymentError, ValueError) as error:
        raise_unless_about_parts(error)
        payment.refresh_from_db()
        form.add_error(None, refused(error, payment))
        return False
    if isinstance(done, Refund):
        tell(request, done)
    elif asked["decision"] == ACCEPT:
        messages.success(request, _("The payment counts: its order is paid."))
    else:
        messages.success(request, _("The payment is closed as failed: PortOne's record is none of ours."))
    return True


def _labels(payment: Payment) -> dict[str, str]:
    return {
        ACCEPT: _("It counts: this payment settles its order."),
        REFUND: _("It goes back: all that PortOne holds of it (%(amount)s).")
        % {"amount": money(payment.remaining_amount, payment.currency)},
        NO_MONEY: _("It is none of ours: no money for this order came, and PortOne's record is left alone."),
    }


def _sides(payment: Payment) -> list[tuple[str, Any, Any]]:
    return [
        (capfirst(_("amount")), payment.amount, payment.received_amount),
        (_("Provider"), payment.expected_pg_provider, payment.pg_provider),
        ("MID", payment.expected_pg_id, payment.pg_id),
        (capfirst(_("test payment")), payment.expected_sandbox, payment.sandbox),
    ]


def _surplus(admin: Any, payment: Payment) -> list[dict[str, str]]:
    rows = []
    for imp_uid, (taken, back) in taken_twice(payment).items():
        pages = {"url": "refund_surplus", "elsewhere_url": "refund_surplus_elsewhere"} if taken > back else {}
        urls = {name: url_of(admin, page, payment.pk, imp_uid) for name, page in pages.items()}
        amounts = {"received": taken, "refunded": back, "remaining": max(taken - back, 0)}
        texts = {name: money(amount, payment.currency) for name, amount in amounts.items()}
        rows.append({"imp_uid": imp_uid, **urls, **texts})
    return rows


RESOLVE = Decision("resolve", "resolve", gettext_lazy("Decide"), resolve_page, can_be_resolved)
# Its buttons are on the page above, one for each record.
SURPLUS = Decision(
    "refund_surplus",
    "resolve/<str:imp_uid>",
    gettext_lazy("Refund what was taken twice"),
    surplus_page,
    lambda payment: False,
)
