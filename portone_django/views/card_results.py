"""Where a customer arrives after a card was registered, and the page that tells how the registration stands."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ..buttons import card_button_context
from ..conf import get_config
from ..flows.card_standing import CHECKING, CONFIRMING, FAILED, REGISTERED, refreshed, standing
from ..flows.registration import sync_registration
from ..links import safe_url
from ..models import BillingKey, Payment
from .cards import CHARGE_SECONDS, registration_of
from .pages import error_page, nonce_of, private

RETURN_DEADLINE_SECONDS = 5.0

_TEMPLATES = {
    REGISTERED: "portone/card_registered.html",
    FAILED: "portone/card_failed.html",
    CONFIRMING: "portone/card_confirming.html",
    CHECKING: "portone/card_checking.html",
}


def arrive_with_card(key: BillingKey, token: str, imp_uid: str | None) -> HttpResponse:
    """A phone comes back from registering a card: ask PortOne, then on to a clean page."""
    sync_registration(key, imp_uid, source="return", deadline=RETURN_DEADLINE_SECONDS, wait=CHARGE_SECONDS)
    return private(HttpResponseRedirect(reverse("portone:card-result", args=[token]), status=303))


@never_cache
@transaction.non_atomic_requests
@require_GET
def card_result(request: HttpRequest, token: str) -> HttpResponse:
    """The page that tells how a registration stands."""
    key = registration_of(token)
    if key is None:
        return error_page(request, 404)
    key = refreshed(key, source="result")
    state = standing(key)
    context = {
        "card": key,
        "status_url": reverse("portone:card-status", args=[token]),
        "return_url": safe_url(key.return_url),
        "support": get_config().support,
        "bill": _bill(key) if state == REGISTERED else None,
        "retry": _retry(request, key) if state in (FAILED, CONFIRMING) else None,
        "nonce": nonce_of(request),
    }
    return private(render(request, _TEMPLATES[state], context))


def _bill(key: BillingKey) -> Payment | None:
    """The charge that the card was registered for."""
    if key.subscription_id is None:
        return None
    mine = Payment.objects.filter(billing_key=key, order__cycle__subscription=key.subscription_id)
    return mine.select_related("order").order_by("pk").first()


def _retry(request: HttpRequest, key: BillingKey) -> dict[str, Any] | None:
    """Another registration on the same terms, for its own customer while they are logged in."""
    user: Any = getattr(request, "user", None)
    if user is None or key.customer_id is None or user.pk != key.customer_id:
        return None
    button = card_button_context(
        user,
        request,
        label=gettext("Try again"),
        channel=key.channel,
        replaces=key.replaces,
        subscription=key.subscription,
        return_url=key.return_url,
        **key.options,
    )
    return None if button["disabled"] else button
