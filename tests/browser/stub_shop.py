"""A shop of a few lines for the static scripts: our own markup and scripts, scripted answers, a scripted SDK."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

import portone_django

STATIC = Path(portone_django.__file__).parent / "static"
STUB_SDK = (Path(__file__).parent / "static" / "stub_sdk.js").read_text()
TYPES = {".js": "text/javascript", ".css": "text/css"}

MESSAGES = {
    "working": "결제창을 여는 중입니다.",
    "confirming": "결제를 확인하는 중입니다.",
    "closed": "결제창이 닫혔습니다.",
    "failed": "결제가 완료되지 않았습니다.",
    "network": "인터넷 연결을 확인해 주세요.",
    "blocked": "결제 모듈을 불러오지 못했습니다.",
    "stale": "페이지를 새로고침해 주세요.",
    "unavailable": "결제를 시작하지 못했습니다.",
}
OPEN = {
    "action": "open",
    "user_code": "imp00000000",
    "params": {"merchant_uid": "t1", "amount": 12900, "display": {"card_quota": [2, 3]}},
    "complete_url": "/complete",
    "status_url": "/status",
    "result_url": "/result",
}
# What answers (status, body) instead of JSON.
HTML_500 = (500, "<h1>Server Error</h1>")
LOGIN_PAGE = (200, "<form>login</form>")


@dataclass
class StubShop:
    """`answers` maps a path to one answer, or to a list in turn (the last one stays); `requests` is what came."""

    url: str = ""
    page: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def bodies(self, path: str) -> list[Any]:
        """The bodies received at that path, in order."""
        return [body for _, at, body, _ in list(self.requests) if at == path]

    def wait_for(self, path: str, count: int = 1) -> list[Any]:
        """The bodies received at that path once there are `count` of them; fails after a minute."""
        until = time.monotonic() + 60
        while len(self.bodies(path)) < count:
            assert time.monotonic() < until, f"{path} was asked {len(self.bodies(path))} times, not {count}"
            time.sleep(0.02)
        return self.bodies(path)

    def next_answer(self, path: str) -> Any:
        scripted = self.answers.get(path, (404, "none"))
        if isinstance(scripted, list):
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        return scripted


def button(element_id: str = "pay", **overrides: Any) -> str:
    """The package's own button template with a config like the server's."""
    config = {
        "start_url": "/start",
        "token": "token-of-" + element_id,
        "csrf_token": "csrf-1",
        "sdk_url": "/sdk.js",
        "language": "ko",
        "another": False,
        "messages": MESSAGES,
        **overrides.pop("config", {}),
    }
    context: dict[str, Any] = {
        "element_id": element_id,
        "label": "",
        "css_class": "",
        "disabled": False,
        "config": config,
        "script_url": "/static/portone/checkout.js",
        "style_url": "/static/portone/portone.css",
        "nonce": "",
        "order": None,
        "amount_text": "12,900원",
        **overrides,
    }
    return render_to_string("portone/checkout_button.html", context)


def document(*parts: str) -> str:
    """A host's page around the given markup."""
    return f'<!doctype html><meta charset="utf-8"><title>shop</title><h1>상품</h1>{"".join(parts)}'


@contextmanager
def open_stub_shop() -> Iterator[StubShop]:
    """The shop on a free port of the loopback, until the block ends."""
    shop = StubShop(
        answers={"/sdk.js": (200, STUB_SDK), "/start": OPEN, "/result": (200, "result"), "/paid": (200, "paid")}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(shop))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield shop
    finally:
        shop.ended.set()
        server.shutdown()
        server.server_close()


def handler(shop: StubShop) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == "/":
                self.reply(200, shop.page, "text/html", shop.headers)
            elif path.startswith("/static/"):
                file = STATIC / path.removeprefix("/static/")
                self.reply(200, file.read_text(), TYPES[file.suffix])
            else:
                self.scripted(path, None)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.scripted(self.path, body)

        def scripted(self, path: str, body: Any) -> None:
            shop.requests.append((self.command, path, body, dict(self.headers)))
            answer = shop.next_answer(path)
            if answer == "hang":
                shop.ended.wait()
            elif answer == "drop":
                self.close_connection = True
            elif isinstance(answer, tuple) and isinstance(answer[1], str):
                self.reply(answer[0], answer[1], "text/javascript" if path.endswith(".js") else "text/html")
            elif isinstance(answer, tuple):
                self.reply(answer[0], json.dumps(answer[1]), "application/json")
            else:
                self.reply(200, json.dumps(answer), "application/json")

        def reply(self, status: int, text: str, kind: str, headers: dict[str, str] | None = None) -> None:
            data = text.encode()
            self.send_response(status)
            for name, value in {"Content-Type": f"{kind}; charset=utf-8", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Silence."""

    return Handler
