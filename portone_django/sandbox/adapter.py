"""The sandbox inside the process: a `requests` adapter that answers without a socket and fails as a network does."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from .calls import Call, Reply
from .dispatch import dispatch
from .forms import read_query

if TYPE_CHECKING:
    from .ledger import Sandbox


class SandboxAdapter(BaseAdapter):
    """Mount it where the API's base URL is: `session.mount("https://api.iamport.kr", SandboxAdapter(sandbox))`.

    Faults raise what `requests` raises: ReadTimeout, ConnectTimeout, ConnectionError, ChunkedEncodingError. Time-outs
    are raised at once, nothing is slept through that the client would not have waited for.
    """

    def __init__(self, sandbox: Sandbox, base_url: str = "") -> None:
        super().__init__()
        self.sandbox = sandbox
        self._base_path = urlsplit(base_url).path.rstrip("/")
        self._builder = HTTPAdapter()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        reply = dispatch(self._call(request, patience))
        _raise_for_wire(reply, request)
        response = self._builder.build_response(request, _raw(reply, request))
        if not stream:
            _ = response.content
        return response

    def close(self) -> None:
        self._builder.close()

    def _call(self, request: requests.PreparedRequest, patience: float | None) -> Call:
        path, _, query = request.path_url.partition("?")
        return Call(
            sandbox=self.sandbox,
            method=request.method or "GET",
            path=path.removeprefix(self._base_path),
            query=read_query(query),
            headers={name.lower(): _text(value) for name, value in request.headers.items()},
            raw_body=_body(request.body),
            patience=patience,
        )


def mount(session: requests.Session, sandbox: Sandbox, base_url: str) -> SandboxAdapter:
    """Answer all that `session` sends below `base_url` from the sandbox."""
    adapter = SandboxAdapter(sandbox, base_url)
    session.mount(base_url, adapter)
    return adapter


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)


def _raise_for_wire(reply: Reply, request: requests.PreparedRequest) -> None:
    kind = reply.wire.kind
    if kind == "hang":
        raise requests.ReadTimeout("Read timed out. (sandbox)", request=request)
    if kind == "no_connect":
        raise requests.ConnectTimeout("Connection timed out. (sandbox)", request=request)
    if kind == "drop":
        dropped = ConnectionResetError(104, "Connection reset by peer")
        raise requests.ConnectionError(ProtocolError("Connection aborted.", dropped), request=request)
    if kind == "refuse":
        host = urlsplit(request.url or "").hostname or "sandbox"
        refused = NewConnectionError(HTTPSConnection(host), "[Errno 111] Connection refused")
        raise requests.ConnectionError(MaxRetryError(None, request.path_url, refused), request=request)  # type: ignore[arg-type]


def _raw(reply: Reply, request: requests.PreparedRequest) -> HTTPResponse:
    body, length = b"" if request.method == "HEAD" else reply.body, len(reply.body)
    if reply.wire.kind == "cut":
        body = body[: length // 2]
    if reply.wire.kind == "long":
        length += 7
    stream = _Drip(body, reply.wire.seconds) if reply.wire.kind == "drip" else io.BytesIO(body)
    return HTTPResponse(
        body=stream,
        headers={**reply.headers, "Content-Length": str(length)},
        status=reply.status,
        preload_content=False,
        request_method=request.method,
    )


class _Drip(io.BytesIO):
    """One byte at a time, each after a pause."""

    def __init__(self, body: bytes, seconds: float) -> None:
        super().__init__(body)
        self._seconds = seconds

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = -1 if size is None else size
        if wanted == 0:
            return b""
        time.sleep(self._seconds)
        if wanted > 0:
            return super().read(1)
        return super().read(wanted)

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(1)
