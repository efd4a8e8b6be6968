"""URLs of the test suite: the app, the sandbox and the admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("portone/", include("portone_django.urls")),
    path("sandbox/", include("portone_django.sandbox.urls")),
    path("admin/", admin.site.urls),
]
