"""The questions an operator asks of a list, each answered by the queryset's own method."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .. import signals


class AttentionFilter(admin.SimpleListFilter):
    """Payments that a human should look at."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("held", _("Paid but not settled")),
            ("quarantined", _("Quarantined or in review")),
            ("unknown", _("Unknown")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "held":
                return queryset.exclude(hold_reason="").filter(state__in=("paid", "partially_refunded"))
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
    """Events by kind; the list of kinds is known, so no SELECT DISTINCT over the table."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind, kind) for kind in sorted(signals.BY_KIND)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


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
