"""A wire between the app and its database that is cut at one COMMIT: the server does it, and its answer is lost."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from types import TracebackType


class Proxy:
    """Listens on 127.0.0.1 and forwards to the database; `cut(n)` loses the answer of the n-th COMMIT from now on."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.commits = self.cut_at = self.cuts = 0

    def cut(self, number: int) -> None:
        with self.lock:
            self.commits, self.cut_at, self.cuts = 0, number, 0

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._forward, args=(client,), name="proxy", daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.target) as server, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            with suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        key.data.sendall(data)
                        if key.fileobj is client and self._is_to_be_cut(data):
                            server.recv(65536)  # it is done, and only we know
                            return

    def _is_to_be_cut(self, data: bytes) -> bool:
        # psycopg and PyMySQL send it alone, as the text of a simple query.
        if b"COMMIT" not in data or len(data) > 20:
            return False
        with self.lock:
            self.commits += 1
            is_it = self.commits == self.cut_at
            self.cuts += is_it
            return is_it
