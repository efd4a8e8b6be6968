"""The club's pages: what it costs, join, and "my subscription" with all that its customer can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portone_django.billing import billing
from portone_django.exceptions import BillPending, CardNotUsable, PaymentError, SubscriptionConflict
from portone_django.models import BillingKey, Subscription
from portone_django.subscriptions import subscribe

from .club import PLAN, Membership, membership_of, offered_prices, plan_words, window_language
from .forms import MemberForm
from .models import Member
from .timetravel import clock_panel


@never_cache
@require_GET
def club(request: HttpRequest) -> HttpResponse:
    """What it costs."""
    return _club_page(request, MemberForm(initial=_known_tel(request)))


@never_cache
@transaction.non_atomic_requests
@login_required
@require_POST
def join(request: HttpRequest) -> HttpResponse:
    """Subscribe. With a card on file the first bill is charged now; without one the next page registers it."""
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _club_page(request, form, status=400)
    price = get_object_or_404(offered_prices(), code=request.POST.get("price", ""))
    Member.objects.update_or_create(user=request.user, defaults={"tel": form.cleaned_data["buyer_tel"]})
    mine = membership_of(request.user)
    if mine and mine.subscription.state == "incomplete" and mine.subscription.price_id != price.pk:
        mine.subscription.cancel(by=request.user)  # begun, never paid, and now chosen otherwise
    try:
        subscription = subscribe(request.user, price, billing_key=billing(request.user).default_card)
    except SubscriptionConflict:
        messages.info(request, _("You have a subscription already."))
    except CardNotUsable:
        messages.error(request, _("This card can no longer be used. Please register another one."))
    else:
        _tell(request, subscription)
    return redirect("shop:membership")


@never_cache
@login_required
@require_GET
def membership(request: HttpRequest) -> HttpResponse:
    """How the subscription stands, its bills, and what can be done."""
    mine = membership_of(request.user)
    context = {
        "mine": mine,
        "plan": plan_words(mine.subscription.price.plan) if mine else None,
        "other_cards": billing(request.user).cards().exclude(pk=mine.subscription.billing_key_id) if mine else [],
        "clock": clock_panel(mine.next_step_at if mine else None),
        "show_uids": settings.DEBUG,
        "window_language": window_language(),
    }
    return render(request, "shop/membership.html", context)


@never_cache
@transaction.non_atomic_requests
@login_required
@require_POST
def act(request: HttpRequest, number: str, action: str) -> HttpResponse:
    """Cancel, take it back, try the open bill again, pay with another card; only what is the customer's own."""
    subscription = get_object_or_404(Subscription, public_id=number, customer=request.user)
    if action not in _ACTIONS:
        raise Http404
    try:
        _ACTIONS[action](request, subscription)
    except BillPending:
        messages.info(request, _("A payment is being confirmed. You will not be charged twice."))
    except CardNotUsable:
        messages.error(request, _("This card can no longer be used. Please register another one."))
    except PaymentError:
        messages.error(request, _("This is no longer possible: the subscription has changed meanwhile."))
    return redirect("shop:membership")


def _cancel(request: HttpRequest, subscription: Subscription) -> None:
    subscription.cancel(by=request.user)


def _resume(request: HttpRequest, subscription: Subscription) -> None:
    _tell(request, subscription.resume(by=request.user))


def _retry(request: HttpRequest, subscription: Subscription) -> None:
    _tell(request, subscription.retry_now(by=request.user))


def _use_card(request: HttpRequest, subscription: Subscription) -> None:
    card = get_object_or_404(BillingKey, public_id=request.POST.get("card", ""), customer=request.user)
    _tell(request, subscription.use_key(card, by=request.user))


_ACTIONS: dict[str, Callable[[HttpRequest, Subscription], None]] = {
    "cancel": _cancel,
    "resume": _resume,
    "retry": _retry,
    "card": _use_card,
}


def _tell(request: HttpRequest, subscription: Subscription) -> None:
    """What became of the charge, if one was made; the page below says the rest."""
    bill = Membership(subscription).bills[:1]
    if not bill or bill[0].cycle.is_paid:
        return
    payment = bill[0].payment
    if payment is not None and payment.is_open:
        messages.info(request, _("A payment is being confirmed. You will not be charged twice."))
    elif payment is not None:
        messages.error(request, _("The card was declined. Nothing was charged."))


def _club_page(request: HttpRequest, form: MemberForm, *, status: int = 200) -> HttpResponse:
    prices = list(offered_prices())
    user: Any = request.user
    context = {
        "prices": prices,
        "plan": plan_words(prices[0].plan) if prices else None,
        "form": form,
        "card": billing(user).default_card if user.is_authenticated else None,
        "is_member": user.is_authenticated and billing(user).subscriptions().is_live().for_plan(PLAN).exists(),
    }
    return render(request, "shop/club.html", context, status=status)


def _known_tel(request: HttpRequest) -> dict[str, str]:
    user: Any = request.user
    tel = Member.objects.filter(user=user.pk).values_list("tel", flat=True).first() if user.is_authenticated else ""
    return {"buyer_tel": tel or settings.DEMO_BUYER.get("buyer_tel", "")}
