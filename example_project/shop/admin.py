"""The shop's own two tables in the admin."""

from django.contrib import admin

from .models import Product, Purchase


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Products and how many were sold."""

    list_display = ("name_ko", "price", "sold_count")


@admin.register(Purchase)
class PurchaseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Purchases; what they owe is seen at their order."""

    list_display = ("code", "product", "quantity", "state", "created_at", "delivered_at")
    list_select_related = ("product",)
    readonly_fields = ("code", "order", "user", "paid_event_id", "delivered_at")
