"""The shop's pages: choose, say who you are, pay, look at your orders."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from portone_django.models import Event, Heartbeat, Payment

from .forms import BuyerForm, QuantityForm, new_token
from .models import Product, Purchase
from .ordering import place
from .standing import AWAITING, OPEN, standing, waiting_account

REMEMBERED_PURCHASES = 50


@require_GET
def products(request: HttpRequest) -> HttpResponse:
    """Everything there is to buy."""
    return render(request, "shop/products.html", {"products": Product.objects.all()})


@require_GET
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """One product and how many of it."""
    shown = get_object_or_404(Product, slug=slug)
    return render(request, "shop/product.html", {"product": shown, "form": QuantityForm()})


@never_cache
@require_http_methods(["GET", "POST"])
def buy(request: HttpRequest, slug: str) -> HttpResponse:
    """Who buys; a valid form becomes a purchase with an order, and leads on to paying."""
    bought = get_object_or_404(Product, slug=slug)
    if request.method == "GET":
        wanted = QuantityForm(request.GET)
        if not wanted.is_valid():
            return redirect("shop:product", slug=slug)
        quantity = wanted.cleaned_data["quantity"]
        form = BuyerForm(initial={**_known_buyer(request), "quantity": quantity, "token": new_token()})
        return _buyer_page(request, bought, form, quantity)
    form = BuyerForm(request.POST)
    if not form.is_valid():
        return _buyer_page(request, bought, form, form.cleaned_data.get("quantity", 1))
    purchase = place(
        bought, form.cleaned_data["quantity"], code=form.cleaned_data["token"], user=request.user, buyer=form.buyer
    )
    _remember(request, purchase)
    return redirect("shop:pay", code=purchase.code)


@never_cache
@require_GET
def pay(request: HttpRequest, code: str) -> HttpResponse:
    """The buttons of portone_django, one for each method."""
    purchase = _purchase(code)
    state = standing(purchase)
    if state not in (OPEN, AWAITING):
        return redirect(purchase)
    context = {
        "purchase": purchase,
        "order": purchase.order,
        "has_account": state == AWAITING,
        "window_language": "en" if get_language() == "en" else "ko",
    }
    return render(request, "shop/pay.html", context)


@never_cache
@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """The purchases of this browser, and of the user who is logged in."""
    mine = Q(pk__in=request.session.get("purchases", []))
    if request.user.is_authenticated:
        mine |= Q(user=request.user)
    purchases = Purchase.objects.filter(mine).select_related("product", "order")[:REMEMBERED_PURCHASES]
    rows = [(purchase, standing(purchase)) for purchase in purchases]
    return render(request, "shop/orders.html", {"rows": rows})


@never_cache
@require_GET
def order(request: HttpRequest, code: str) -> HttpResponse:
    """How a purchase stands. Its address is its key: it shows nothing of the buyer."""
    purchase = _purchase(code)
    state = standing(purchase)
    context = {
        "purchase": purchase,
        "order": purchase.order,
        "state": state,
        "account": waiting_account(purchase) if state == AWAITING else None,
        "payment": Payment.objects.filter(paid_slot=purchase.order_id).first() if purchase.order_id else None,
        # What portone_django wrote down, for the developer who tries it.
        "timeline": Event.objects.filter(order=purchase.order).order_by("pk") if settings.DEBUG else [],
    }
    return render(request, "shop/order.html", context)


@never_cache
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """Whether the shop answers and when a sweep last ran (null: never), for monitors and for the demo."""
    swept_at = Heartbeat.objects.filter(name="reconcile").values_list("beat_at", flat=True).first()
    return JsonResponse({"shop": "ok", "swept_at": swept_at and swept_at.isoformat()})


def _buyer_page(request: HttpRequest, bought: Product, form: BuyerForm, quantity: int) -> HttpResponse:
    context = {"product": bought, "form": form, "quantity": quantity, "amount": bought.price * quantity}
    return render(request, "shop/buy.html", context, status=400 if form.errors else 200)


def _purchase(code: str) -> Purchase:
    return get_object_or_404(Purchase.objects.select_related("product", "order"), code=code)


def _known_buyer(request: HttpRequest) -> dict[str, str]:
    if request.user.is_authenticated and request.user.email:
        name = request.user.get_full_name() or request.user.get_username()
        return {**settings.DEMO_BUYER, "buyer_name": name, "buyer_email": request.user.email}
    return dict(settings.DEMO_BUYER)


def _remember(request: HttpRequest, purchase: Purchase) -> None:
    known = [pk for pk in request.session.get("purchases", []) if pk != purchase.pk]
    request.session["purchases"] = [*known, purchase.pk][-REMEMBERED_PURCHASES:]
