"""Refunds: what went back, what is undecided, and the two things that a person can do about an undecided one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..flows.refunds import close_by_hand
from ..models import Refund
from .amounts import Amounts
from .deciding import DecidingAdmin, Decision, show, to_row
from .display import external_link, money
from .event import Timeline
from .fields import SureForm
from .filters import RefundAttentionFilter
from .readonly import ReadOnlyInline
from .wording import outcome, tell


class Refunds(Amounts, ReadOnlyInline):
    """The refunds of a payment, also the console's and those made elsewhere."""

    model = Refund
    fields = ("created_at", "amount_text", "state", "source", "reason", "requested_by")
    readonly_fields = fields
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        return super().get_queryset(request).select_related("requested_by")


def ask_page(admin: Any, request: HttpRequest, refund: Refund) -> HttpResponse:
    """Asks PortOne about it, and sends what may be sent; any number of times."""
    if request.method == "POST":
        tell(request, refund.sync())
        return to_row(admin, refund)
    return show(
        admin, request, refund, "question.html",
        title=_("Ask PortOne now"),
        question=_("PortOne is asked by itself, too, and then less and less often. A refund that has not left is sent.")
        if can_be_asked(refund)
        else _("This refund is decided."),
        button=_("Ask PortOne now") if can_be_asked(refund) else "",
        facts=_facts(refund),
    )  # fmt: skip


def not_done_page(admin: Any, request: HttpRequest, refund: Refund) -> HttpResponse:
    """An operator's word that no money moved; that it did is PortOne's to show."""
    form = SureForm(request.POST if request.method == "POST" else None)
    is_open = refund.state == "review"
    if is_open and form.is_valid():
        tell(request, close_by_hand(refund, reason=form.cleaned_data["reason"], by=request.user))
        return to_row(admin, refund)
    question = _(
        "Look into KG Inicis' console first. Should the money have gone back after all, a second refund would send it "
        "twice. If it did go back there, record a refund made elsewhere on the payment's page after this."
    )
    return show(
        admin, request, refund, "question.html",
        title=_("It did not happen"),
        question=question if is_open else _("This refund is not in review, so there is nothing to decide."),
        button=_("It did not happen") if is_open else "",
        form=form,
        facts=_facts(refund),
    )  # fmt: skip


def can_be_asked(refund: Refund) -> bool:
    return refund.state in ("reserved", "sent", "unknown", "review")


def _facts(refund: Refund) -> list[tuple[str, str]]:
    return [
        (_("Payment"), f"{refund.payment.order.name} · {refund.payment.merchant_uid}"),
        ("imp_uid", refund.imp_uid),
        (capfirst(_("amount")), money(refund.amount)),
        (capfirst(_("state")), refund.get_state_display()),
        (capfirst(_("reason")), refund.reason),
        (capfirst(_("what became of it")), outcome(refund)[1]),
    ]


@admin.register(Refund)
class RefundAdmin(Amounts, DecidingAdmin):
    """One row per cancel, whoever made it."""

    decisions = (
        Decision("ask", "ask", gettext_lazy("Ask PortOne now"), ask_page, can_be_asked),
        Decision(
            "resolve",
            "resolve",
            gettext_lazy("It did not happen"),
            not_done_page,
            lambda refund: refund.state == "review",
        ),
    )
    list_display = ("created_at", "amount_text", "state", "source", "payment", "reason", "requested_by")
    list_filter = ("state", "source", RefundAttentionFilter, "created_at")
    list_select_related = ("payment", "requested_by")
    search_fields = (
        "imp_uid__exact", "reference__exact", "payment__merchant_uid__exact", "payment__order__public_id__exact",
    )  # fmt: skip
    search_help_text = gettext_lazy("merchant_uid, imp_uid, order number or the refund's reference, whole.")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "payment", "imp_uid", "amount_text", "tax_free_text", "vat_text", "state", "explained", "source",
                    "reason", "requested_by", "reference", "refunded_on",
                )
            },
        ),
        (
            gettext_lazy("At PortOne"),
            {
                "fields": (
                    "balance_text", "cancellation_id", "receipt", "refusal", "fail_reason", "is_without_amount",
                    "needs_account", "send_count",
                )
            },
        ),
        (
            gettext_lazy("Times"),
            {"fields": ("created_at", "sent_at", "unseen_at", "next_check_at", "settled_at", "updated_at")},
        ),
    )  # fmt: skip
    inlines = (Timeline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        return super().get_queryset(request).select_related("payment__order", "requested_by")

    @admin.display(description=gettext_lazy("balance before it"))
    def balance_text(self, refund: Refund) -> str:
        return money(refund.checksum)

    @admin.display(description=gettext_lazy("what became of it"))
    def explained(self, refund: Refund) -> str:
        return outcome(refund)[1]

    @admin.display(description=gettext_lazy("receipt"))
    def receipt(self, refund: Refund) -> str:
        return external_link(refund.receipt_url)
