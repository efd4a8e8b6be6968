"""The shop's pages, portone_django's one include, the admin and the language switch."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

urlpatterns = [
    path("", include("example_project.shop.urls")),
    path("portone/", include("portone_django.urls")),
    path("admin/", admin.site.urls),
    path("login/", auth.LoginView.as_view(template_name="shop/login.html"), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("i18n/", include("django.conf.urls.i18n")),
]
