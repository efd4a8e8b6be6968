"""What static/portone/checkout.js talks to where a card is registered: start, complete, ask how it stands."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from .. import cards as public
from ..exceptions import SubscriptionEnded, TooManyRegistrations
from ..flows.card_standing import CHECKING, CONFIRMING, FAILED, FINAL, refreshed, standing
from ..flows.registering import RegistrationTerms, start_registration
from ..flows.registration import find_registration, sync_registration
from ..flows.verification import Outcome
from ..gateway import PortOneError
from ..models import BillingKey
from ..reasons import failure_reason
from ..tokens import BadToken, CardButton, read_card_button, read_registration, sign_registration
from ..window import InvalidOption
from .bodies import BadBody, read_body, text
from .checkout import refuse
from .pages import has_given_up, window_opens

logger = logging.getLogger("portone_django.views")

COMPLETE_DEADLINE_SECONDS = 5.0
# The script waits for 20 seconds in all; what is not decided by then is the engine's.
CHARGE_SECONDS = 13.0


@never_cache
@transaction.non_atomic_requests
@require_POST
@sensitive_post_parameters()
@sensitive_variables("button")
def card_start(request: HttpRequest) -> HttpResponse:
    """POST {token}: the parameters to open the window with. Nothing else of the body counts: uids are minted here."""
    try:
        body = read_body(request)
        button = read_card_button(text(body, "token", 8000))
    except BadBody as error:
        return refuse(error.status, "bad_request", str(error))
    except BadToken:
        return refuse(400, "bad_token", gettext("This page is too old. Please reload it and try again."))
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return refuse(403, "login", gettext("Please log in again to register a card."))
    if str(user.pk) != button.user:
        return refuse(403, "other_user", gettext("This page belongs to another account. Please reload it."))
    return _start(user, button)


@sensitive_variables("params", "button")
def _start(user: Any, button: CardButton) -> HttpResponse:
    terms = RegistrationTerms(
        channel=button.channel,
        options=button.options,
        replaces=button.replaces,
        subscription=button.subscription,
        return_url=button.return_url,
    )
    try:
        key = start_registration(user, terms)
        params = public.registration_parameters(key, button.buyer, button.amount)
    except TooManyRegistrations:
        return refuse(429, "too_many", gettext("A card was tried too often. Please try again in an hour."))
    except SubscriptionEnded:
        return refuse(409, "subscription_ended", gettext("This subscription is over."))
    except (ImproperlyConfigured, InvalidOption):
        logger.exception("No card can be registered: the configuration is wrong.")
        return refuse(503, "misconfigured", gettext("No card can be registered at the moment. Nothing was charged."))
    except PortOneError as error:
        logger.warning("No card can be registered now: %s", type(error).__name__)
        return refuse(503, "unavailable", gettext("No card can be registered at the moment. Nothing was charged."))
    return window_opens(params, sign_registration(str(key.issue_uid)), "card-")


@never_cache
@transaction.non_atomic_requests
@require_POST
@sensitive_post_parameters()
def card_complete(request: HttpRequest, token: str) -> HttpResponse:
    """POST {imp_uid, error_code, error_msg} from the window's callback: how the registration stands now.

    All of the body is a hint. A bill that the card shall pay is charged before the answer, if there is time.
    """
    key = registration_of(token)
    if key is None:
        return refuse(404, "not_found", gettext("This registration does not exist."))
    try:
        body = read_body(request)
    except BadBody as error:
        return refuse(error.status, "bad_request", str(error))
    result = sync_registration(
        key,
        text(body, "imp_uid", 32) or None,
        source="callback",
        deadline=COMPLETE_DEADLINE_SECONDS,
        wait=CHARGE_SECONDS,
    )
    key = result.billing_key or key
    state = standing(key)
    # The window says that it ended and PortOne has nothing else to say: let the customer try again.
    if has_given_up(body) and result.outcome is Outcome.APPLIED and state == CONFIRMING:
        state = FAILED
    return _answer(key, state)


@never_cache
@transaction.non_atomic_requests
@require_GET
def card_status(request: HttpRequest, token: str) -> HttpResponse:
    """GET: how the registration stands, asking PortOne at most every few seconds; 404 for all that is not ours."""
    key = registration_of(token)
    if key is None:
        return refuse(404, "not_found", gettext("This registration does not exist."))
    state = standing(refreshed(key, source="status"))
    return JsonResponse({"state": state, "final": state in FINAL, "url": reverse("portone:card-result", args=[token])})


def registration_of(token: str) -> BillingKey | None:
    """The registration whose pages have this token."""
    try:
        return find_registration(read_registration(token))
    except BadToken:
        return None


def _answer(key: BillingKey, state: str) -> HttpResponse:
    messages = {
        FAILED: gettext("The card was not registered. Nothing was charged.")
        if key.state == "failed"
        else gettext("The window was closed. You can try again; nothing was charged."),
        CHECKING: gettext("The registration could not be confirmed. Nothing was charged."),
    }
    message = messages.get(state, "")
    if state == FAILED and key.fail_reason:
        message = f"{message} ({failure_reason(key.fail_reason)})"
    url = reverse("portone:card-result", args=[sign_registration(str(key.issue_uid))])
    return JsonResponse({"state": state, "url": url, "message": message})
