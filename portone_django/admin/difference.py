"""Differences between PortOne's books and ours: both sides, and the explanation that a person gave."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..flows.explaining import explain_break
from ..models import ReconciliationBreak
from .deciding import DecidingAdmin, Decision, show, to_row
from .display import NOTHING, pretty_json
from .facts import beside
from .fields import ReasonField
from .filters import BreakFilter

# What flows/ writes down of a record; whatever else it may write is shown under its own name.
_NAMES = {
    "state": capfirst(gettext_lazy("state")),
    "status": capfirst(gettext_lazy("state")),
    "amount": capfirst(gettext_lazy("amount")),
    "cancel_amount": gettext_lazy("Went back"),
}


class ExplainForm(forms.Form):
    """Why it is there."""

    required_css_class = "required"
    explanation = ReasonField(label=capfirst(gettext_lazy("explanation")), max_length=500)


def explain_page(admin: Any, request: HttpRequest, found: ReconciliationBreak) -> HttpResponse:
    """Takes the difference off the list of those that somebody should look at."""
    form = ExplainForm(request.POST if request.method == "POST" else None)
    is_open = found.is_unexplained
    if is_open and form.is_valid():
        explain_break(found, form.cleaned_data["explanation"], by=request.user)
        messages.success(request, _("The difference is explained. It stays on the list of explained ones."))
        return to_row(admin, found)
    question = _("Explain it when you know where it comes from. Neither the books nor any money are changed by it.")
    return show(
        admin, request, found, "question.html",
        title=_("Explain"),
        question=question if is_open else _("This difference needs no explanation any more."),
        button=_("Explain") if is_open else "",
        form=form,
        facts=_facts(found),
        comparison=sides(found),
    )  # fmt: skip


def sides(found: ReconciliationBreak) -> list[dict[str, Any]]:
    """Ours beside PortOne's, name by name."""
    ours, theirs = _named(found.ours), _named(found.theirs)
    return beside((name, ours.get(name), theirs.get(name)) for name in {**ours, **theirs})


def _named(side: Any) -> dict[str, Any]:
    items = side.items() if isinstance(side, dict) else ()
    return {str(_NAMES.get(key, key)): value for key, value in items}


def _facts(found: ReconciliationBreak) -> list[tuple[str, Any]]:
    return [
        (capfirst(_("kind")), found.get_kind_display()),
        ("merchant_uid", found.merchant_uid or NOTHING),
        ("imp_uid", found.imp_uid or NOTHING),
        (_("Payment"), found.payment or NOTHING),
        (capfirst(_("explanation")), found.explanation or NOTHING),
    ]


@admin.register(ReconciliationBreak)
class ReconciliationBreakAdmin(DecidingAdmin):
    """What the comparison found and asking PortOne again did not heal."""

    decisions = (
        Decision("explain", "explain", gettext_lazy("Explain"), explain_page, lambda found: found.is_unexplained),
    )
    list_display = ("last_seen_at", "kind", "ours_text", "theirs_text", "merchant_uid", "imp_uid", "explanation")
    list_filter = (BreakFilter, "kind", "last_seen_at")
    search_fields = ("merchant_uid__exact", "imp_uid__exact")
    search_help_text = gettext_lazy("merchant_uid or imp_uid, whole.")
    fieldsets = (
        (None, {"fields": ("kind", "merchant_uid", "imp_uid", "payment", "sides_text")}),
        (capfirst(gettext_lazy("explanation")), {"fields": ("explanation", "explained_by", "explained_at")}),
        (gettext_lazy("Times"), {"fields": ("first_seen_at", "last_seen_at", "resolved_at")}),
        (gettext_lazy("As written down"), {"fields": ("ours_json", "theirs_json"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReconciliationBreak]:
        return super().get_queryset(request).select_related("payment__order", "explained_by")

    @admin.display(description=gettext_lazy("ours"))
    def ours_text(self, found: ReconciliationBreak) -> str:
        return ", ".join(each["asked"] for each in sides(found) if each["differs"]) or NOTHING

    @admin.display(description=gettext_lazy("PortOne's"))
    def theirs_text(self, found: ReconciliationBreak) -> str:
        return ", ".join(each["recorded"] for each in sides(found) if each["differs"]) or NOTHING

    @admin.display(description=gettext_lazy("ours and PortOne's"))
    def sides_text(self, found: ReconciliationBreak) -> str:
        rows = [(each["name"], each["asked"], each["recorded"]) for each in sides(found)]
        return format_html_join("", "<div>{}: {} ↔ {}</div>", rows) or NOTHING

    @admin.display(description=gettext_lazy("ours"))
    def ours_json(self, found: ReconciliationBreak) -> str:
        return pretty_json(found.ours)

    @admin.display(description=gettext_lazy("PortOne's"))
    def theirs_json(self, found: ReconciliationBreak) -> str:
        return pretty_json(found.theirs)
