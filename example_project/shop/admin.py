"""The shop's own tables in the admin."""

from django.contrib import admin

from .models import Member, Parcel, Product, Purchase


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


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who the roaster roasts for; what they pay is seen at their subscription."""

    list_display = ("user", "tel", "is_on_list")
    list_select_related = ("user",)
    readonly_fields = ("user", "is_on_list")


@admin.register(Parcel)
class ParcelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The bags that were packed, one for each paid bill."""

    list_display = ("order", "user", "packed_at")
    list_select_related = ("order", "user")
    readonly_fields = ("order", "user", "packed_at")
