"""Pictures of what an operator sees and does about subscriptions, bills, cards and plans, in the scene of the club."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import club_screens
from .stage import Stage

Look = Callable[[Any], None]


def looks(stage: Stage) -> Iterator[tuple[str, Look]]:
    """Every page by its name; the customers are named after the state that they are in."""
    from portone_django.models import BillingCycle, BillingKey, Payment, Plan, Price, Subscription

    kept = {each.customer.get_username(): each.pk for each in Subscription.objects.select_related("customer")}
    cards = {each.card_number or each.state: each.pk for each in BillingKey.objects.filter(customer__username="cards")}
    spare = next(pk for pk in cards.values() if not Subscription.objects.filter(billing_key=pk).exists())
    paying = Subscription.objects.get(customer__username="cards").billing_key_id
    late = BillingCycle.objects.get(subscription=kept["past-due"], state="retrying")
    declined = Payment.objects.get(order=late.order_id)
    pages = {
        "admin-subscriptions": "subscription/",
        "admin-subscription": f"subscription/{kept['past-due']}/change/",
        "admin-subscription-cancel": f"subscription/{kept['active']}/cancel/",
        "admin-subscription-retry": f"subscription/{kept['past-due']}/retry/",
        "admin-subscription-resume": f"subscription/{kept['ending']}/resume/",
        "admin-bills": "billingcycle/",
        "admin-bill": f"billingcycle/{late.pk}/change/",
        "admin-charge": f"payment/{declined.pk}/change/",
        "admin-cards": "billingkey/",
        "admin-card": f"billingkey/{paying}/change/",
        "admin-card-default": f"billingkey/{spare}/default/",
        "admin-card-delete": f"billingkey/{spare}/remove/",
        "admin-card-in-use": f"billingkey/{paying}/remove/",
        "admin-plan": f"plan/{Plan.objects.get().pk}/change/",
        "admin-price-add": f"price/add/?plan={Plan.objects.get().pk}",
        "admin-price": f"price/{Price.objects.get(code='beans-monthly').pk}/change/",
    }
    for name, address in pages.items():
        yield name, club_screens.at(stage, f"/admin/portone/{address}")
    yield "admin-subscription-cancel-wrong", _unsure(stage, kept["active"])


def _unsure(stage: Stage, pk: int) -> Look:
    """Cancelled now, with a refund, and no tick."""

    def look(page: Any) -> None:
        club_screens.at(stage, f"/admin/portone/subscription/{pk}/cancel/")(page)
        page.locator("[name=decision]").last.check()
        page.locator("[name=reason]").fill("고객 요청")
        page.locator(".submit-row input").click()

    return look
