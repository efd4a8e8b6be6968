"""A threaded HTTP server of its own: nothing of the project's, and control over the socket for faults."""

from __future__ import annotations

import io
import re
import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from django.core.handlers.wsgi import WSGIRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve, set_urlconf

from .bodies import Unreadable, read_from
from .calls import Call, Reply, refusal
from .dispatch import dispatch
from .forms import read_query
from .ledger import Sandbox, use_sandbox
from .refusals import Refused

_URLCONF = "portone_django.sandbox.standalone"
_ORIGIN = re.compile(r"^https?://[^/?]*(?=[/?]|$)", re.IGNORECASE)  # a client that takes us for its proxy writes it
_TICK_SECONDS = 1.0


class SandboxServer(ThreadingHTTPServer):
    """Serves one sandbox until `shutdown`; `url` is its address. It also moves on what is due once a second."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0, *, quiet: bool = True) -> None:
        self._stopped = threading.Event()  # first: an address that cannot be had closes the server half made
        super().__init__((host, port), _Handler)
        self.sandbox = sandbox
        self.quiet = quiet
        use_sandbox(sandbox)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def serve_forever(self, poll_interval: float = 0.2) -> None:
        self.sandbox.webhooks.resume()
        threading.Thread(target=self._tick, name="portone-sandbox-clock", daemon=True).start()
        super().serve_forever(poll_interval)

    def server_close(self) -> None:
        self._stopped.set()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""

    def _tick(self) -> None:
        while not self._stopped.wait(_TICK_SECONDS):
            self.sandbox.tick()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: SandboxServer

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._answer()

    def version_string(self) -> str:
        return "Apache"

    def log_message(self, format: str, *args: Any) -> None:
        if not self.server.quiet:
            super().log_message(format, *args)

    def _answer(self) -> None:
        try:
            body = read_from(self.rfile, self.headers)
        except Unreadable as error:
            self._write(_unreadable(error.status))
            return
        path, _, query = _ORIGIN.sub("", self.path).partition("?")
        if path.startswith("/v1/"):
            self._write(_from_django(self._environ(path, query, body)))
            return
        call = Call(
            sandbox=self.server.sandbox,
            method=self.command,
            path=path,
            query=read_query(query),
            headers={name.lower(): value for name, value in self.headers.items()},
            raw_body=body,
        )
        self._write(dispatch(call))

    def _environ(self, path: str, query: str, body: bytes) -> dict[str, Any]:
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        host, port = self.server.server_address[:2]
        return {
            **headers,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
        }

    def _write(self, reply: Reply) -> None:
        kind = reply.wire.kind
        if kind == "hang":
            _wait_for_client(self.connection, reply.wire.seconds)
        if kind in ("hang", "drop", "refuse", "no_connect"):
            self._hang_up()
            return
        body = reply.body[: len(reply.body) // 2] if kind == "cut" else reply.body
        self._write_head(reply, len(reply.body) + (7 if kind == "long" else 0))
        if self.command == "HEAD":
            return
        if kind == "drip":
            self._drip(body, reply.wire.seconds)
        else:
            self.wfile.write(body)
        if kind in ("cut", "long"):
            self._hang_up()

    def _write_head(self, reply: Reply, length: int) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _drip(self, body: bytes, seconds: float) -> None:
        for index in range(len(body)):
            time.sleep(seconds)
            self.wfile.write(body[index : index + 1])

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


def _unreadable(status: int) -> Reply:
    """The connection ends with it (`send_header` sees to that): nobody knows where the next request begins."""
    reply = refusal(Refused(-1, "요청 본문을 해석할 수 없습니다.", status))
    reply.headers["Connection"] = "close"
    return reply


def _wait_for_client(connection: socket.socket, seconds: float) -> None:
    """Until the client goes away, or so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        readable, _, _ = select.select([connection], [], [], 0.5)
        if readable and not connection.recv(1, socket.MSG_PEEK):
            return


def _from_django(environ: dict[str, Any]) -> Reply:
    """The window's pages and script are Django views."""
    set_urlconf(_URLCONF)
    try:
        request = WSGIRequest(environ)
        match = resolve(request.path_info, _URLCONF)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        render = getattr(response, "render", None)
        if callable(render):
            response = render()
    except Resolver404:
        return Reply(404, b"", {"Content-Type": "text/plain"})
    finally:
        set_urlconf(None)
    headers = {name: value for name, value in response.items() if name.lower() != "content-length"}
    cookies = response.cookies.output(header="").strip()
    if cookies:
        headers["Set-Cookie"] = cookies
    parts = getattr(response, "streaming_content", None)
    body = b"".join(parts) if parts is not None else response.content  # type: ignore[attr-defined]
    return Reply(response.status_code, body, headers)
