"""What portone_django asks of this shop: PORTONE["ADAPTER"]."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from portone_django import adapter
from portone_django.models import Event

from .models import Member


class Adapter(adapter.Adapter):
    """The shop knows its members' telephone numbers, and where they look after their subscription."""

    def buyer(self, customer: Any) -> dict[str, str]:
        """Of bills, and of the window that registers a card: KG Inicis does not open it without a telephone number."""
        tel = Member.objects.filter(user=customer.pk).values_list("tel", flat=True).first()
        return {**super().buyer(customer), "buyer_tel": tel or settings.DEMO_BUYER.get("buyer_tel", "")}

    def mail_context(self, event: Event) -> dict[str, Any]:
        """The button of every mail."""
        return {"manage_url": settings.PORTONE["PUBLIC_BASE_URL"] + reverse("shop:membership")}
