"""The Django door: any request below the mount point becomes a Call, its Reply an HttpResponse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, URLResolver
from django.views.decorators.csrf import csrf_exempt

from .calls import Call, Reply
from .dispatch import dispatch
from .forms import read_query
from .ledger import get_sandbox
from .permission import check_permission

_View = Callable[..., HttpResponseBase]


def gate(request: HttpRequest, path: str) -> HttpResponseBase:
    """PortOne's REST API, the switchboard and the console."""
    check_permission()
    prefix = request.path[: len(request.path) - len(path)]
    call = Call(
        sandbox=get_sandbox(),
        method=request.method or "GET",
        path=_still_quoted(request, prefix) or path,
        query=read_query(request.META.get("QUERY_STRING", "")),
        headers={name.lower(): value for name, value in request.headers.items()},
        raw_body=request.body,
        prefix=prefix,
    )
    return _response(dispatch(call))


gate.csrf_exempt = True  # type: ignore[attr-defined]
transaction.non_atomic_requests(gate)


def guarded(patterns: list[Any]) -> list[Any]:
    """The same patterns, their views refusing where the sandbox must not run."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            guarded(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            pattern.callback = _guard(pattern.callback)
    return patterns


def _guard(view: _View) -> _View:
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        check_permission()
        return view(request, *args, **kwargs)

    return csrf_exempt(wrapper)


def _still_quoted(request: HttpRequest, prefix: str) -> str | None:
    """The path below the prefix as it was sent, where the server tells it; else a quoted slash is lost."""
    raw = str(request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or "").partition("?")[0]
    return raw.removeprefix(prefix) if raw.startswith(prefix) else None


def _response(reply: Reply) -> HttpResponseBase:
    kind = reply.wire.kind
    if kind == "send":
        return HttpResponse(reply.body, status=reply.status, headers=reply.headers)
    body = {"cut": reply.body[: len(reply.body) // 2], "drip": b""}.get(kind, reply.body)
    length = len(reply.body) + (7 if kind == "long" else 0)
    response = StreamingHttpResponse(_broken(reply, body), status=reply.status, headers=reply.headers)
    if kind in ("cut", "long", "drip"):
        response.headers["Content-Length"] = str(length)
    return response


def _broken(reply: Reply, body: bytes) -> Iterator[bytes]:
    """What a WSGI server can do at most: pause, send a part, abandon the connection."""
    if reply.wire.kind == "drip":
        for index in range(len(reply.body)):
            time.sleep(reply.wire.seconds)
            yield reply.body[index : index + 1]
        return
    if reply.wire.kind == "hang":
        time.sleep(reply.wire.seconds)
    if body:
        yield body
    raise ConnectionAbortedError(f"the sandbox was told to {reply.wire.kind} this answer")
