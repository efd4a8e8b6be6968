"""What all pages share: whatever a user may do, money and states are not edited; only viewing is a permission."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnly:
    """No adding, changing or deleting, for superusers too; viewing as the permissions say."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """A model's pages. Costs the same number of queries whatever the number of rows."""

    actions = None
    list_per_page = 50
    # The first is a COUNT(*) of the whole table on every page, the second one more for each filter.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["portone/admin.css"]}


class ReadOnlyInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Another model's rows on a page; shown to those who may view that model."""

    extra = 0
    can_delete = False
    show_change_link = True
