"""manage.py seed_shop: products, the coffee club, a customer and an operator; running it again changes nothing."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from portone_django.models import Plan, Price

from ...catalogue import CLUB, CLUB_PRICES, PRODUCTS
from ...models import Product

CUSTOMER = {"username": "demo", "password": "demo", "email": "demo@namu.example", "first_name": "김나무"}
OPERATOR = {"username": "operator", "password": "operator", "email": "operator@namu.example"}


class Command(BaseCommand):
    """Products, the coffee club and the two logins of the demo.

    The logins are made with DEBUG only: their passwords are known.
    """

    help = "Write the shop's products, its coffee club and, with DEBUG, its demo logins."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("seed_shop writes logins with known passwords. Write: DEBUG=1 (development only)")
        for place, product in enumerate(PRODUCTS):
            Product.objects.update_or_create(slug=product["slug"], defaults={**product, "place": place})
        plan, _ = Plan.objects.update_or_create(code=CLUB["code"], defaults=CLUB)
        for price in CLUB_PRICES:
            Price.objects.get_or_create(code=price["code"], defaults={**price, "plan": plan})
        users = get_user_model().objects
        if not users.filter(username=CUSTOMER["username"]).exists():
            users.create_user(**CUSTOMER)
        if not users.filter(username=OPERATOR["username"]).exists():
            users.create_superuser(**OPERATOR)
        logins = f"{CUSTOMER['username']} and {OPERATOR['username']}"
        self.stdout.write(f"{len(PRODUCTS)} products, {len(CLUB_PRICES)} prices of the club; logins {logins}.")
