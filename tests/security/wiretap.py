"""Between the client and the sandbox: every request is written down, and answers can be tampered with on their way."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from portone_django.conf import get_config
from portone_django.gateway import get_client

Tamper = Callable[[bytes], bytes]


class Wiretap(BaseAdapter):
    """Sits on the client of the `portone_sandbox` fixture; `requests` holds what was sent."""

    def __init__(self) -> None:
        super().__init__()
        session = get_client()._transport._session
        self._inner = session.get_adapter(get_config().api_base)
        self.requests: list[requests.PreparedRequest] = []
        self.tampers: list[tuple[str, Tamper]] = []
        session.mount(get_config().api_base, self)

    @property
    def paths(self) -> list[str]:
        """Method and path of every request, without the query."""
        return [f"{each.method} {urlsplit(each.url or '').path}" for each in self.requests]

    @property
    def sent(self) -> str:
        """Everything that left: lines, headers and bodies."""
        return "\n".join(f"{each.method} {each.url} {dict(each.headers)} {_text(each.body)}" for each in self.requests)

    def tamper(self, path: str, change: Tamper) -> None:
        """Change the answers of paths that match the regular expression, from now on."""
        self.tampers.append((path, change))

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.requests.append(request)
        response = self._inner.send(request, *args, **options)
        body = response.raw.read(decode_content=False)
        for path, change in self.tampers:
            if re.search(path, urlsplit(request.url or "").path):
                body = change(body)
        headers: Mapping[str, str] = {**response.headers, "Content-Length": str(len(body))}
        response.raw = HTTPResponse(io.BytesIO(body), headers, status=response.status_code, preload_content=False)
        return response

    def close(self) -> None:
        self._inner.close()


def in_text(old: str, new: str) -> Tamper:
    """Replace a regular expression in the answer's JSON text; fails loudly when there is nothing to replace."""

    def change(body: bytes) -> bytes:
        text, count = re.subn(old, lambda _: new, body.decode())
        assert count, f"{old} is not in {body.decode()[:300]}"
        return text.encode()

    return change


def in_records(**fields: Any) -> Tamper:
    """Overwrite fields of every payment record in the answer."""

    def change(body: bytes) -> bytes:
        envelope = json.loads(body)
        for each in _records(envelope.get("response")):
            each.update(fields)
        return json.dumps(envelope).encode()

    return change


def _records(response: Any) -> list[dict[str, Any]]:
    if isinstance(response, dict) and isinstance(response.get("list"), list):
        return [each for each in response["list"] if isinstance(each, dict)]
    return [response] if isinstance(response, dict) and "imp_uid" in response else []


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body or "")
