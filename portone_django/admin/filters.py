"""The questions an operator asks of a list, each answered by the queryset's own method."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .. import signals
from ..models import BillingKey


class AttentionFilter(admin.SimpleListFilter):
    """Payments that a human should look at."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("held", _("Paid but not settled")),
            ("quarantined", _("Quarantined or in review")),
            ("unknown", _("Unknown")),
            ("surplus", _("Taken twice")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "surplus":
                return queryset.filter(has_surplus=True)
            case "held":
                return queryset.is_held()  # type: ignore[attr-defined,no-any-return]
            case "quarantined":
                return queryset.filter(state__in=("quarantined", "review"))
            case "unknown":
                return queryset.filter(state="unknown")
        return queryset


class DispatchFilter(admin.SimpleListFilter):
    """Events whose receivers have not all been told."""

    title = _("dispatch")
    parameter_name = "dispatch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("Waiting")), ("parked", _("Parked after ten tries"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "waiting":
                return queryset.filter(dispatched_at=None)
            case "parked":
                return queryset.is_parked()  # type: ignore[attr-defined,no-any-return]
        return queryset


class KindFilter(admin.SimpleListFilter):
    """Events by what they are about, or by kind; both are known, so no SELECT DISTINCT over the table."""

    abouts = ("bill", "billing_key", "break", "order", "payment", "plan", "price", "receipt", "refund", "subscription")

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        groups = [(f"{about}.", f"{about}.…") for about in self.abouts]
        return sorted([*groups, *((kind, kind) for kind in signals.BY_KIND)])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        kind = self.value() or ""
        return queryset.filter(kind__startswith=kind) if kind.endswith(".") or not kind else queryset.filter(kind=kind)


class PendingFilter(admin.SimpleListFilter):
    """Webhooks that PortOne has not been asked about yet."""

    title = _("followed up")
    parameter_name = "followed_up"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("Not yet")), ("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "no":
                return queryset.filter(due_at__isnull=False)
            case "yes":
                return queryset.filter(due_at__isnull=True)
        return queryset


class RefundAttentionFilter(admin.SimpleListFilter):
    """Refunds that are not decided, and those that only a human can decide."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Not decided")), ("unknown", _("Unknown")), ("review", _("In review"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "open":
                return queryset.is_open()  # type: ignore[attr-defined,no-any-return]
            case "unknown" | "review" as state:
                return queryset.filter(state=state)
        return queryset


class HealthFilter(admin.SimpleListFilter):
    """Cards by whether they can be charged, and why not."""

    title = _("health")
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("usable", _("Can be charged")),
            ("failing", _("Last charge declined")),
            ("unusable", _("Not usable")),
            ("unbelieved", _("Not believed")),
            ("deletion", _("Being deleted")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "usable":
                return queryset.is_usable()  # type: ignore[attr-defined,no-any-return]
            case "failing" | "unusable" as state:
                return queryset.filter(state=state)
            case "unbelieved":
                return queryset.exclude(quarantine_reason="")
            case "deletion":
                return queryset.exclude(deletion="")
        return queryset


class SubscriptionAttentionFilter(admin.SimpleListFilter):
    """Subscriptions that do not simply go on."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("past_due", _("Past due")),
            ("no_card", _("Without a usable card")),
            ("ending", _("Ending")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "past_due":
                return queryset.is_past_due()  # type: ignore[attr-defined,no-any-return]
            case "no_card":
                usable = BillingKey.objects.is_usable()
                return queryset.is_live().exclude(billing_key__in=usable)  # type: ignore[attr-defined,no-any-return]
            case "ending":
                return queryset.is_ending()  # type: ignore[attr-defined,no-any-return]
        return queryset


class BreakFilter(admin.SimpleListFilter):
    """Differences by whether somebody should look at them."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("unexplained", _("Unexplained")), ("explained", _("Explained")), ("gone", _("Gone"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "unexplained":
                return queryset.is_unexplained()  # type: ignore[attr-defined,no-any-return]
            case "explained":
                return queryset.filter(explained_at__isnull=False)
            case "gone":
                return queryset.filter(resolved_at__isnull=False)
        return queryset
