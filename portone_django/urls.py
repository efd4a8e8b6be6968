"""One include: path("portone/", include("portone_django.urls"))."""

from django.urls import path

from . import views

app_name = "portone"

urlpatterns = [
    path("start/", views.start, name="start"),
    path("complete/<str:token>/", views.complete, name="complete"),
    path("status/<str:token>/", views.status, name="status"),
    path("return/", views.return_, name="return"),
    path("return/<str:token>/", views.return_, name="return"),
    path("result/", views.result, name="result"),
    path("result/<str:token>/", views.result, name="result"),
    path("card-start/", views.card_start, name="card-start"),
    path("card-complete/<str:token>/", views.card_complete, name="card-complete"),
    path("card-status/<str:token>/", views.card_status, name="card-status"),
    path("card-result/<str:token>/", views.card_result, name="card-result"),
    path("webhook/", views.webhook, name="webhook"),
    path("confirm/", views.confirm, name="confirm"),
]
