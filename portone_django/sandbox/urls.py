"""Mount the sandbox anywhere: path("sandbox/", include("portone_django.sandbox.urls"))."""

from __future__ import annotations

from django.urls import re_path

from .views import gate, guarded
from .window import urlpatterns as window_patterns

app_name = "portone_sandbox"

urlpatterns = [
    *guarded(window_patterns),
    re_path(r"^(?P<path>.*)$", gate, name="gate"),
]
