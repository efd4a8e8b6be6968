"""Plans and prices: added here and taken off the shelf, never rewritten; whoever subscribed agreed to just that."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import get_config
from ..flows.dispatch import new_event, record
from ..models import Plan, Price, Subscription
from ..money import require_split
from .amounts import Amounts
from .display import money, pretty_json
from .fields import WonField, blamed
from .readonly import ReadOnlyInline

# The database takes no more: models/plan.py.
_MOST = 10**12 - 1
_TERMS = ("plan", "code", "amount_text", "tax_free_text", "vat_text", "period_text")


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A new price, or whether a known one is still offered."""

    amount = WonField(label=capfirst(gettext_lazy("amount")), min_value=0, max_value=_MOST)
    tax_free_amount = WonField(
        label=capfirst(gettext_lazy("tax-free amount")),
        min_value=0,
        required=False,
        help_text=gettext_lazy("Left empty where nothing is tax-free or KG Inicis works it out."),
    )
    vat_amount = WonField(label=gettext_lazy("VAT"), min_value=0, required=False)
    every = forms.IntegerField(
        label=capfirst(gettext_lazy("units in a period")),
        min_value=1,
        max_value=1000,
        initial=1,
        help_text=gettext_lazy("3 and “month”: every three months."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "amount" in self.fields:
            least = money(get_config().minimum_charge)
            self.fields["amount"].help_text = _(
                "Won for each period. Less than %(least)s is carried to the next bill and charged with it; 0 is free."
            ) % {"least": least}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        amount = values.get("amount")
        if amount is None or self.errors:
            return values
        try:
            require_split(amount, tax_free_amount=values.get("tax_free_amount"), vat_amount=values.get("vat_amount"))
        except ValueError as error:
            taxed = amount - (values.get("tax_free_amount") or 0)
            most = amount if blamed(error) == "tax_free_amount" else taxed
            self.add_error(blamed(error), _("At most %(most)s: it is a part of the amount.") % {"most": money(most)})
        return values


class Prices(Amounts, ReadOnlyInline):
    """The prices of a plan, each with a page of its own."""

    model = Price
    fields = ("code", "amount_text", "period_text", "is_offered", "created_at")
    readonly_fields = fields
    ordering = ("amount", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        return super().get_queryset(request).select_related("plan")

    @admin.display(description=gettext_lazy("period"))
    def period_text(self, price: Price) -> str:
        return period_of(price)


class ShelfAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """What is offered. Code asks for plans and prices by their codes, so nothing is deleted in bulk."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["portone/admin.css"]}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changes = {name: getattr(obj, name) for name in form.changed_data if hasattr(obj, name)}
        if changes:
            self._note(request, obj, "changed" if change else "added", changes if change else {})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._note(request, obj, "deleted", {})
        super().delete_model(request, obj)

    def _note(self, request: HttpRequest, obj: Any, what: str, changes: dict[str, Any]) -> None:
        """In the transaction of the change itself."""
        data = {"code": obj.code, "user": request.user.pk, **changes}
        record([new_event(f"{obj._meta.model_name}.{what}", source="admin", data=data)])


@admin.register(Plan)
class PlanAdmin(ShelfAdmin):
    """A plan's code is what the project asks for: billing(user).is_subscribed("pro")."""

    list_display = ("name", "code", "is_offered", "created_at")
    list_filter = ("is_offered",)
    search_fields = ("code__exact", "name__startswith")
    search_help_text = gettext_lazy("The code, whole; or how the name begins.")
    change_form_template = "admin/portone/change_form.html"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        fields = ("code", "name", "description", "is_offered")
        return fields if obj is None else (*fields, "metadata_text", "created_at", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> Any:
        return () if obj is None else ("code", "metadata_text", "created_at", "updated_at")

    def get_inlines(self, request: HttpRequest, obj: Plan | None) -> Any:
        return () if obj is None else (Prices,)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        plan = context.get("original")
        shelf = self.admin_site._registry.get(Price)
        if plan is not None and shelf is not None and shelf.has_add_permission(request):
            url = reverse("admin:portone_price_add", current_app=self.admin_site.name)
            context["decisions"] = [(f"{url}?plan={plan.pk}", _("Add a price"))]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("metadata"))
    def metadata_text(self, plan: Plan) -> str:
        return pretty_json(plan.metadata)


@admin.register(Price)
class PriceAdmin(Amounts, ShelfAdmin):
    """Once written only `is_offered` changes; one that nobody ever subscribed to may be deleted."""

    form = PriceForm
    list_display = ("code", "plan", "amount_text", "period_text", "is_offered", "created_at")
    list_filter = ("is_offered", "plan")
    list_select_related = ("plan",)
    search_fields = ("code__exact", "plan__code__exact")
    search_help_text = gettext_lazy("The code of the price or of its plan, whole.")

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and not (obj and Subscription.objects.filter(price=obj).exists())

    def get_fields(self, request: HttpRequest, obj: Price | None = None) -> Any:
        if obj is None:
            return ("plan", "code", "amount", "unit", "every", "tax_free_amount", "vat_amount", "is_offered")
        return (*_TERMS, "is_offered", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Price | None = None) -> Any:
        return () if obj is None else (*_TERMS, "amount", "tax_free_amount", "vat_amount", "every", "created_at")

    @admin.display(description=gettext_lazy("period"))
    def period_text(self, price: Price) -> str:
        return period_of(price)


def period_of(price: Price) -> str:
    """How often it is paid: "1 month"."""
    return _("%(every)s × %(unit)s") % {"every": price.every, "unit": price.get_unit_display()}
