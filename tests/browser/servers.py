"""Threaded servers on free ports of the loopback, for browsers to look at; needs no Django settings to be imported."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer
from typing import Any, TypeVar

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

Server = TypeVar("Server", bound=BaseServer)


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def new_shop_server() -> ThreadedWSGIServer:
    """Bound to its port, and without an application yet: settings may have to know the port first."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Silent)
    server.daemon_threads = True
    return server


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """The server at work in a thread of its own, until the block ends."""
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
