"""A host's template with our tags in it, rendered for a visitor."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template import Context, Template
from django.test import RequestFactory

from tests.security.markup import Page


def render(source: str, *, request: HttpRequest | None = None, **names: Any) -> str:
    """The template's text; `request=None` gives a fresh GET, as the request context processor does."""
    context = {"request": request or RequestFactory().get("/checkout/"), **names}
    return str(Template("{% load portone %}" + source).render(Context(context)))


def button(order: Any, **options: Any) -> str:
    """{% portone_checkout order … %} with every option passed through a template variable."""
    arguments = " ".join(f"{name}={name}" for name in options)
    return render("{% portone_checkout order " + arguments + " %}", order=order, **options)


def is_disabled(html: str) -> bool:
    """Whether the first pay button of the page is disabled, with nothing left that could start a payment."""
    page = Page(html)
    disabled = "disabled" in next(each for each in page.all("button") if "data-portone-pay" in each.attrib).attrib
    assert disabled == (page.configs == []) == (page.code == [])
    return disabled
