"""The doors of the browser side: the script, opening a window, the window itself and what the buyer does in it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from portone_django.sandbox import checkout
from portone_django.sandbox.ledger import get_sandbox
from portone_django.sandbox.refusals import Refused, WindowRefused
from portone_django.sandbox.window import answers, pages
from portone_django.sandbox.window.choices import Choice, NotChosen, read_choice
from portone_django.sandbox.window.screens import Screen, describe, wallet_screen
from portone_django.sandbox.window.skins import skin_css
from portone_django.sandbox.window.texts import DECLINES
from portone_django.sandbox.window.tickets import Ticket, read_ticket, sign_ticket

__all__ = ["asset", "open_window", "page", "script", "skin"]

ORIGIN = re.compile(r"https?://[^/\s?#]+")
PAYING = ("pay", "approve", "lose")


@dataclass(frozen=True)
class Visit:
    """One look at an open window: its ticket, what the shop asked for, what it shows and where the record stands."""

    ticket: Ticket
    params: Mapping[str, Any]
    screen: Screen
    record: Mapping[str, Any]


@require_http_methods(["GET", "HEAD"])
def script(request: HttpRequest) -> HttpResponse:
    """`/v1/iamport.js`, the file a shop loads instead of PortOne's; `?legacy=1` brings `success` back."""
    return _file("iamport.js")


@require_http_methods(["GET", "HEAD"])
def asset(request: HttpRequest, name: str) -> HttpResponse:
    """The window's own style sheet and script."""
    return _file(name)


@require_http_methods(["GET", "HEAD"])
def skin(request: HttpRequest, color: str) -> HttpResponse:
    """The window's colour, six hex digits."""
    css = skin_css(color)
    return HttpResponseNotFound() if css is None else HttpResponse(css, content_type="text/css; charset=utf-8")


@transaction.non_atomic_requests
@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
def open_window(request: HttpRequest) -> HttpResponse:
    """iamport.js asks for a window from any origin: `{"token": …}`, or `{"refusal": …}` for the callback."""
    if request.method == "OPTIONS":
        return _from_anywhere(HttpResponse(status=204))
    body = _json_object(request)
    params = body.get("params")
    if not isinstance(params, dict):
        return _from_anywhere(JsonResponse({"error": "params must be an object"}, status=400))
    try:
        return _from_anywhere(JsonResponse({"token": sign_ticket(_opened(request, body, params))}))
    except WindowRefused as refused:
        refusal = answers.refusal_answer(
            params.get("merchant_uid"), code=refused.error_code, message=refused.message, imp_uid=refused.imp_uid
        )
        return _from_anywhere(JsonResponse({"refusal": refusal}))


@transaction.non_atomic_requests
@csrf_exempt
@xframe_options_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The window: GET shows where the record stands, POST takes what the buyer or the sandbox strip decided."""
    visit = _visit(token)
    if visit is None:
        return pages.gone()
    return _decided(visit, request.POST.dict()) if request.method == "POST" else _shown(visit)


def _opened(request: HttpRequest, body: Mapping[str, Any], params: dict[str, Any]) -> Ticket:
    sandbox = get_sandbox()
    if body.get("user_code") != sandbox.user_code:
        raise WindowRefused("F0003", "등록되지 않은 고객사 식별코드입니다.")
    is_mobile = body.get("device") == "mobile"
    if is_mobile and not _is_absolute(params.get("m_redirect_url")):
        raise WindowRefused("F0002", "모바일 결제에는 절대 주소인 m_redirect_url이 필요합니다.")
    agent = request.headers.get("User-Agent", "")
    record = sandbox.open_window(params, device="mobile" if is_mobile else "pc", user_agent=agent)
    return Ticket(
        imp_uid=record["imp_uid"],
        device="mobile" if is_mobile else "pc",
        origin=_origin(body.get("origin")),
        is_legacy=body.get("legacy") is True,
    )


def _visit(token: str) -> Visit | None:
    ticket, sandbox = read_ticket(token), get_sandbox()
    if ticket is None:
        return None
    try:
        record = sandbox.payment(ticket.imp_uid)
    except Refused:  # the sandbox was reset while the window was open
        return None
    params = sandbox.window_params(ticket.imp_uid)
    return Visit(ticket, params, describe(record, params, ticket, now=sandbox.now()), record)


def _shown(visit: Visit) -> HttpResponse:
    if visit.record["status"] == "ready" and visit.record.get("vbank_num"):
        return pages.issued(visit.screen, visit.record)
    if answers.is_decided(visit.record):  # the back button, or a reload after the end
        return _ended(visit, visit.record)
    return pages.window(visit.screen, {})


def _decided(visit: Visit, form: Mapping[str, str]) -> HttpResponse:
    outcome = form.get("outcome", "")
    if outcome == "leave":
        return _left(visit)
    if answers.is_decided(visit.record):  # a second click, a second tab
        return _ended(visit, visit.record)
    if outcome in PAYING:
        return _paid(visit, form, outcome)
    reason = DECLINES.get(form.get("reason", ""), DECLINES["120049"]) if outcome == "decline" else checkout.USER_CANCEL
    return _ended(visit, get_sandbox().fail(visit.ticket.imp_uid, reason))


def _paid(visit: Visit, form: Mapping[str, str], outcome: str) -> HttpResponse:
    screen = visit.screen
    try:
        choice = read_choice(screen, form, is_lenient=outcome != "pay")
    except NotChosen as missing:
        return pages.window(screen, form, error=missing.text)
    if choice.needs_wallet:
        return pages.window(wallet_screen(screen, choice.needs_wallet), form)
    record = _settled(visit, choice)
    if outcome == "lose":
        return pages.lost(visit.ticket, screen.language)
    if record["status"] == "ready" and record.get("vbank_num"):
        return pages.issued(screen, record)
    return _ended(visit, record)


def _settled(visit: Visit, choice: Choice) -> Mapping[str, Any]:
    sandbox, imp_uid = get_sandbox(), visit.ticket.imp_uid
    if visit.screen.kind == "vbank":
        # The deadline that was shown is the one that is issued.
        return checkout.issue_vbank(sandbox, imp_uid, bank_code=choice.bank_code or "", due=visit.screen.due)
    return sandbox.approve(
        imp_uid,
        pay_method=choice.pay_method,
        card_code=choice.card_code,
        card_quota=choice.card_quota,
        card_number=choice.card_number,
        bank_code=choice.bank_code,
        emb_pg_provider=choice.emb_pg_provider,
    )


def _left(visit: Visit) -> HttpResponse:
    if visit.ticket.device == "pc":
        return pages.tell(visit.ticket, visit.screen.language, None)
    return pages.left(visit.ticket, visit.screen.language)


def _ended(visit: Visit, record: Mapping[str, Any]) -> HttpResponse:
    ticket = visit.ticket
    if ticket.device == "pc":
        answer = answers.callback_answer(record, is_legacy=ticket.is_legacy)
        return pages.tell(ticket, visit.screen.language, answer)
    address = answers.redirect_address(str(visit.params["m_redirect_url"]), record, is_legacy=ticket.is_legacy)
    # Not HttpResponseRedirect: an app's own scheme is a legal m_redirect_url.
    return HttpResponse(status=303, headers={"Location": address, "Cache-Control": "no-store"})


def _json_object(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _is_absolute(address: object) -> bool:
    try:
        return isinstance(address, str) and bool(urlsplit(address).scheme)
    except ValueError:
        return False


def _origin(value: object) -> str:
    """Whom the window may tell; a page without an origin (a file, a data address) can only be told openly."""
    return value if isinstance(value, str) and ORIGIN.fullmatch(value) else "*"


def _file(name: str) -> HttpResponse:
    found = pages.static_file(name)
    if found is None:
        return HttpResponseNotFound()
    response = HttpResponse(found[0], content_type=found[1])
    response["Cache-Control"] = "no-cache"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return _from_anywhere(response)


def _from_anywhere(response: HttpResponse) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Headers"] = "Content-Type"
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Allow-Private-Network"] = "true"
    return response
