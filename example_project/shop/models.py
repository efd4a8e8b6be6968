"""What the shop itself remembers: its products, the purchases, who is in the coffee club, and each bag of it."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portone_django.models import Order


def new_code() -> str:
    """80 random bits: who knows a purchase's address may read it, so it cannot be guessed."""
    return secrets.token_hex(10)


class Product(models.Model):
    """Something to buy; `price` is won."""

    slug = models.SlugField(unique=True)
    name_ko = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    note_ko = models.CharField(max_length=200)
    note_en = models.CharField(max_length=200)
    price = models.PositiveIntegerField()
    art = models.CharField(max_length=20)
    place = models.PositiveSmallIntegerField(default=0)
    sold_count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ("place", "pk")

    def __str__(self) -> str:
        return self.name_ko

    @property
    def name(self) -> str:
        """In the visitor's language."""
        return self.name_en if get_language() == "en" else self.name_ko

    @property
    def note(self) -> str:
        """In the visitor's language."""
        return self.note_en if get_language() == "en" else self.note_ko


class Purchase(models.Model):
    """One purchase of the shop. `paid_event_id` is the event that delivered it: the mark of "exactly once"."""

    class State(models.TextChoices):
        ORDERED = "ordered", _("Waiting for payment")
        DELIVERED = "delivered", _("Preparing delivery")

    code = models.CharField(max_length=20, unique=True, default=new_code)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveSmallIntegerField(default=1)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="purchase", null=True)
    state = models.CharField(max_length=12, choices=State, default=State.ORDERED)
    paid_event_id = models.UUIDField(unique=True, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.product} × {self.quantity}"

    def get_absolute_url(self) -> str:
        return reverse("shop:order", args=[self.code])

    @property
    def amount(self) -> int:
        """Won."""
        return self.product.price * self.quantity

    def deliver(self, *, event_id: uuid.UUID, at: dt.datetime) -> bool:
        """Hand the goods over, once: False when an event did it before, be it this one or another."""
        with transaction.atomic():
            delivered = Purchase.objects.filter(pk=self.pk, paid_event_id=None).update(
                paid_event_id=event_id, state=self.State.DELIVERED, delivered_at=at
            )
            if delivered:
                Product.objects.filter(pk=self.product_id).update(sold_count=F("sold_count") + self.quantity)
        return bool(delivered)


class Member(models.Model):
    """A customer of the coffee club: how the courier reaches them, and whether the roaster roasts for them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="member")
    tel = models.CharField(max_length=16)
    is_on_list = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")

    def __str__(self) -> str:
        return str(self.user)


class Parcel(models.Model):
    """The coffee of one paid bill. One for each order: the mark of "exactly once"."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="parcel")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    packed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.order.name
