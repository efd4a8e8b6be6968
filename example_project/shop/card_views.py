"""A customer's cards on file: which there are, the default, names, deletion."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portone_django.billing import billing
from portone_django.exceptions import CardInUse, PaymentError
from portone_django.models import BillingKey, Subscription

from .club import window_language

NAME_LENGTH = 30


@never_cache
@login_required
@require_GET
def cards(request: HttpRequest) -> HttpResponse:
    """The cards that can be charged, the default first, then those that no longer can."""
    usable = billing(request.user).cards()
    unusable = BillingKey.objects.filter(customer=request.user, state="unusable", deletion="")
    paying = Subscription.objects.filter(customer=request.user).exclude(state="ended")
    context = {
        "cards": [*usable, *unusable],
        "paying": set(paying.values_list("billing_key_id", flat=True)),
        "name_length": NAME_LENGTH,
        "window_language": window_language(),
    }
    return render(request, "shop/cards.html", context)


@never_cache
@transaction.non_atomic_requests
@login_required
@require_POST
def act(request: HttpRequest, number: str, action: str) -> HttpResponse:
    """Make it the default, name it, delete it; only a card of the customer's own."""
    card = get_object_or_404(BillingKey, public_id=number, customer=request.user)
    if action not in _ACTIONS:
        raise Http404
    try:
        _ACTIONS[action](request, card)
    except CardInUse as error:
        messages.error(request, _in_use(error))
    except PaymentError:
        messages.error(request, _("This did not work. The card stays as it was."))
    return redirect("shop:cards")


def _make_default(request: HttpRequest, card: BillingKey) -> None:
    card.make_default(by=request.user)


def _rename(request: HttpRequest, card: BillingKey) -> None:
    card.rename(request.POST.get("name", "").strip().replace("\0", "")[:NAME_LENGTH])


def _delete(request: HttpRequest, card: BillingKey) -> None:
    card.remove(by=request.user)
    if card.state == "deleted":
        messages.success(request, _("The card is deleted."))
    else:
        messages.info(request, _("The card is no longer used, and will be deleted shortly."))


_ACTIONS: dict[str, Callable[[HttpRequest, BillingKey], None]] = {
    "default": _make_default,
    "rename": _rename,
    "delete": _delete,
}


def _in_use(error: CardInUse) -> str:
    if error.needs.startswith("subscription"):
        return _("Your subscription is paid with this card. Choose another card for it first.")
    return _("A payment with this card is being confirmed. Please delete it a little later.")
