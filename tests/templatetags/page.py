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


def card_button(user: Any, **options: Any) -> str:
    """{% portone_register_card user … %} on a page of this user."""
    request = RequestFactory().get("/cards/")
    request.user = user
    arguments = " ".join(f"{name}={name}" for name in options)
    return render("{% portone_register_card user " + arguments + " %}", request=request, user=user, **options)


def status_line(html: str) -> str:
    """What the page says below its first button before any script runs."""
    region = next(each for each in Page(html).all("div") if "data-portone-status" in each.attrib)
    return "".join(region.itertext())


def is_disabled(html: str) -> bool:
    """Whether the first pay button of the page is disabled, with nothing left that could start a payment."""
    page = Page(html)
    disabled = "disabled" in next(each for each in page.all("button") if "data-portone-pay" in each.attrib).attrib
    assert disabled == (page.configs == []) == (page.code == [])
    return disabled
