"""Renders the window from the sandbox's own templates and files, never from the host project's."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.template import Engine

from portone_django.sandbox.window.deadlines import korean_text
from portone_django.sandbox.window.screens import Screen
from portone_django.sandbox.window.texts import DECLINES, texts
from portone_django.sandbox.window.tickets import Ticket

__all__ = ["gone", "issued", "left", "lost", "static_file", "tell", "window"]

SANDBOX = Path(__file__).resolve().parent.parent
STATIC_TYPES = {".js": "text/javascript", ".css": "text/css"}
# The window needs nothing from elsewhere; form-action stays open because a phone's answer goes on to the shop.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'"


def window(screen: Screen, form: Mapping[str, str], *, error: str = "") -> HttpResponse:
    """The payment window; `form` is what was already filled in, `error` the key of what is missing."""
    words = texts(screen.language)
    context = {"screen": screen, "form": form, "error": words.get(error, ""), "declines": DECLINES.items()}
    return _render(f"methods/{screen.kind}.html", screen.language, context)


def issued(screen: Screen, record: Mapping[str, Any]) -> HttpResponse:
    """The virtual account with its deadline (Korean time)."""
    deadline = korean_text(record["vbank_date"])[:16]
    return _render("issued.html", screen.language, {"screen": screen, "record": record, "deadline": deadline})


def tell(ticket: Ticket, language: str, answer: Mapping[str, Any] | None) -> HttpResponse:
    """Hands the answer to iamport.js in the page around and lets it close the window; None closes without a word."""
    message = {"portone_sandbox": "closed" if answer is None else "answered", "rsp": answer}
    return _render("told.html", language, {"delivery": {"origin": ticket.origin, "message": message}})


def lost(ticket: Ticket, language: str) -> HttpResponse:
    """Approved, and nobody tells the shop."""
    return _silent(ticket, language, "lost")


def left(ticket: Ticket, language: str) -> HttpResponse:
    """The buyer went away; the record stays ready."""
    return _silent(ticket, language, "left")


def gone(language: str = "ko") -> HttpResponse:
    """There is no such window (any more)."""
    return _render("gone.html", language, {}, status=404)


@cache
def static_file(name: str) -> tuple[str, str] | None:
    """Text and content type of one of the sandbox's own files, None for any other name."""
    for path in (SANDBOX / "static").iterdir():
        if path.name == name and path.suffix in STATIC_TYPES:
            return path.read_text(encoding="utf-8"), f"{STATIC_TYPES[path.suffix]}; charset=utf-8"
    return None


def _silent(ticket: Ticket, language: str, outcome: str) -> HttpResponse:
    message = {"portone_sandbox": "closed", "rsp": None}
    words = texts(language)
    context = {
        "delivery": {"origin": ticket.origin, "message": message},
        "outcome": outcome,
        "heading": words[outcome],
        "hint": words[f"{outcome}_hint"],
        "is_mobile": ticket.device == "mobile",
    }
    return _render("silent.html", language, context)


def _render(template: str, language: str, context: Mapping[str, Any], status: int = 200) -> HttpResponse:
    words = {"t": texts(language), "language": "en" if language == "en" else "ko"}
    response = HttpResponse(_engine().render_to_string(template, {**words, **context}), status=status)
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(SANDBOX / "templates")])
