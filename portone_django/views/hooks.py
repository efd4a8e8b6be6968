"""What PortOne's servers call: the webhook and the confirm process. Neither is signed, so neither is believed."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from ..flows.confirmation import refusal
from ..flows.webhooks import Hint, receive
from ..gateway.redaction import mask_numbers
from .bodies import BadBody, read_body, text

logger = logging.getLogger("portone_django.views")

_EXTRA_KEYS = ("escrow_status", "changed_at", "denied_reason")


@csrf_exempt
@transaction.non_atomic_requests
@require_POST
@sensitive_post_parameters()
def webhook(request: HttpRequest) -> HttpResponse:
    """POST from PortOne (or anybody): 200 once the hint is safe, also for what is not ours.

    A 4xx is never repeated by PortOne and a 5xx may be: 503 only when our own database does not answer.
    """
    try:
        body = read_body(request)
    except BadBody as error:
        return HttpResponse(str(error), status=error.status, content_type="text/plain; charset=utf-8")
    hint = Hint(
        merchant_uid=text(body, "merchant_uid", 40),
        imp_uid=text(body, "imp_uid", 32),
        status=text(body, "status", 20),
        cancellation_id=text(body, "cancellation_id", 64),
        extra=_extra(body),
    )
    try:
        receive(hint)
    except (DatabaseError, InterfaceError) as error:
        logger.error("A webhook could not be stored: %s", type(error).__name__)
        return HttpResponse("try again", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@transaction.non_atomic_requests
@require_POST
@sensitive_post_parameters()
def confirm(request: HttpRequest) -> HttpResponse:
    """PortOne's confirm process, right before the approval: 200 lets it pass, 409 with a reason stops it.

    Answers from our own rows, changes nothing. A 200 is no proof of payment.
    """
    try:
        body = read_body(request)
    except BadBody as error:
        return JsonResponse({"reason": str(error)}, status=error.status)
    reason = refusal(text(body, "merchant_uid", 40), body.get("amount"))
    if reason is not None:
        return JsonResponse({"reason": reason}, status=409)
    return JsonResponse({"result": "ok"})


def _extra(body: dict[str, Any]) -> dict[str, Any]:
    """The documented fields of an escrow change, from JSON or a form; whatever else was sent is dropped."""
    given = body.get("extra")
    nested = given if isinstance(given, dict) else {key: body.get(f"extra[{key}]") for key in _EXTRA_KEYS}
    extra = {key: str(nested[key])[:200] for key in _EXTRA_KEYS if isinstance(nested.get(key), str | int)}
    if "denied_reason" in extra:
        extra["denied_reason"] = mask_numbers(extra["denied_reason"])  # anybody's text: no card number becomes a row
    return {"event": text(body, "event", 40), **extra} if extra else {}
