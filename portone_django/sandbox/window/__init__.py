"""The sandbox's browser side: `/v1/iamport.js` and a payment window in the manner of KG Inicis, under any prefix."""

from django.urls import path

from portone_django.sandbox.window import views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("v1/iamport.js", views.script),
    path("v1/window/open", views.open_window),
    path("v1/window/assets/<str:name>", views.asset),
    path("v1/window/skin/<str:color>.css", views.skin),
    path("v1/window/<str:token>/", views.page),
]
