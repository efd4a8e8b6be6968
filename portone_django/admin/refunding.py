"""The refund form: what there is, then a look at the totals, then the send; one form is one refund, however often sent.

Its number is minted when it is opened and stays in its address and its fields: a reload, a second tab, a double click
and the way back all carry the same one, and it becomes the refund's reference.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from ..exceptions import PaymentError
from ..flows.refund_account import RefundAccount
from ..flows.reserving import rest_of
from ..models import Payment, Refund
from ..refunds import refund as send_refund
from .deciding import Decision, show, to_row
from .display import money
from .facts import payment_facts, refund_rows, waiting_refund
from .fields import AccountForm
from .refund_form import RefundForm
from .wording import not_refundable, refused, tell

SEND_SECONDS = 20.0
_NUMBER = re.compile(r"admin-[0-9a-f]{32}")


def refund_page(admin: Any, request: HttpRequest, payment: Payment) -> HttpResponse:
    """GET opens a form, POST looks at it, and POST with "send" sends it."""
    given = request.POST if request.method == "POST" else request.GET
    number = given.get("form", "")
    if not _NUMBER.fullmatch(number) or (request.method != "POST" and _refund_of(number)):
        return HttpResponseRedirect(f"{request.path}?form=admin-{secrets.token_hex(16)}")
    if request.method != "POST":
        return _form_page(admin, request, payment, number, RefundForm(payment))
    if "back" in request.POST:
        return _form_page(admin, request, payment, number, RefundForm(payment, initial=request.POST.dict()))
    form = RefundForm(payment, _typed(request, payment))
    if "send" in request.POST:
        return _send(admin, request, payment, number, form)
    if form.is_valid():
        return _look_page(admin, request, payment, number, form)
    return _form_page(admin, request, payment, number, form)


def is_refundable(payment: Payment) -> bool:
    return payment.is_received and payment.remaining_amount > 0


def _typed(request: HttpRequest, payment: Payment) -> dict[str, Any]:
    typed: dict[str, Any] = request.POST.dict()
    if "everything" in typed:
        typed["amount"] = str(payment.remaining_amount)
        if rest_of(payment)[1]:
            typed["tax_free_amount"] = typed["vat_amount"] = ""  # all of them, too
    return typed


@sensitive_variables("account_form", "account")
def _send(admin: Any, request: HttpRequest, payment: Payment, number: str, form: RefundForm) -> HttpResponse:
    is_account_needed = payment.pay_method == "vbank"
    account_form = AccountForm(request.POST) if is_account_needed else None
    is_as_seen = form.is_valid() and request.POST.get("seen") == str(payment.remaining_amount)
    if not is_as_seen:
        return _look_again(admin, request, payment, number, form)
    if account_form is not None and not account_form.is_valid():
        return _look_page(admin, request, payment, number, form, account_form=account_form)
    account = account_form.account if account_form else None
    try:
        done = _refund(request, payment, number, form, account)
    except (PaymentError, ValueError) as error:
        if not isinstance(error, PaymentError) and _refund_of(number):
            raise  # no wrong amount: it was reserved, and something broke on its way
        payment.refresh_from_db()
        form = RefundForm(payment, _typed(request, payment))
        if form.is_valid():
            form.add_error(None, refused(error, payment))
        return _form_page(admin, request, payment, number, form)
    tell(request, done)
    return to_row(admin, payment)


@sensitive_variables("account")
def _refund(
    request: HttpRequest, payment: Payment, number: str, form: RefundForm, account: RefundAccount | None
) -> Refund:
    parts = form.parts
    return send_refund(
        payment,
        amount=parts.amount,
        tax_free_amount=parts.tax_free_amount,
        vat_amount=parts.vat_amount,
        reason=form.cleaned_data["reason"],
        account=account,
        reference=number,
        by=request.user,
        source="admin",
        deadline=SEND_SECONDS,
    )


def _look_again(admin: Any, request: HttpRequest, payment: Payment, number: str, form: RefundForm) -> HttpResponse:
    """Something moved since the totals were shown: this very form, sent before, or something else."""
    mine = _refund_of(number)
    if mine is not None and (mine.payment_id, mine.amount) == (payment.pk, form.asked):
        tell(request, mine.sync())
        return to_row(admin, payment)
    if not form.is_valid():
        return _form_page(admin, request, payment, number, form)
    return _look_page(admin, request, payment, number, form, is_changed=True)


def _refund_of(number: str) -> Refund | None:
    return Refund.objects.select_related("payment").filter(reference=number).first()


def _form_page(admin: Any, request: HttpRequest, payment: Payment, number: str, form: RefundForm) -> HttpResponse:
    return show(
        admin, request, payment, "refund.html",
        title=_("Refund"),
        form=form,
        number=number,
        facts=payment_facts(payment),
        refunds=refund_rows(admin, request, payment),
        why_not="" if is_refundable(payment) else not_refundable(payment),
        remaining=money(payment.remaining_amount, payment.currency),
        **waiting_refund(admin, request, payment),
    )  # fmt: skip


@sensitive_variables("account_form")
def _look_page(
    admin: Any,
    request: HttpRequest,
    payment: Payment,
    number: str,
    form: RefundForm,
    *,
    account_form: AccountForm | None = None,
    is_changed: bool = False,
) -> HttpResponse:
    if account_form is None and payment.pay_method == "vbank":
        account_form = AccountForm()
    amount = money(form.parts.amount, payment.currency)
    return show(
        admin, request, payment, "refund_confirm.html",
        title=_("Refund %(amount)s?") % {"amount": amount},
        button=_("Refund %(amount)s") % {"amount": amount},
        parts=form.parts,
        number=number,
        reason=form.cleaned_data["reason"],
        account_form=account_form,
        is_changed=is_changed,
        totals=form.totals,
    )  # fmt: skip


REFUND = Decision("refund", "refund", gettext_lazy("Refund"), refund_page, is_refundable)
