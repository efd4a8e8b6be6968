"""The URL configuration of the sandbox that serves itself: mounted at the root, nothing of the project's."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("portone_django.sandbox.urls"))]
