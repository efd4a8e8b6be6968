"""The shop's addresses."""

from django.urls import path

from . import card_views, club_views, timetravel, views

app_name = "shop"

urlpatterns = [
    path("", views.products, name="products"),
    path("products/<slug:slug>/", views.product, name="product"),
    path("products/<slug:slug>/buy/", views.buy, name="buy"),
    path("pay/<str:code>/", views.pay, name="pay"),
    path("orders/", views.orders, name="orders"),
    path("orders/<str:code>/", views.order, name="order"),
    path("club/", club_views.club, name="club"),
    path("club/join/", club_views.join, name="join"),
    path("membership/", club_views.membership, name="membership"),
    path("membership/<str:number>/<str:action>/", club_views.act, name="membership-act"),
    path("cards/", card_views.cards, name="cards"),
    path("cards/<str:number>/<str:action>/", card_views.act, name="card-act"),
    path("clock/", timetravel.move_clock, name="clock"),
    path("health/", views.health, name="health"),
]
