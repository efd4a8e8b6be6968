"""Says which port is taken before anything is started."""

from __future__ import annotations

import socket


class PortTaken(Exception):
    """Somebody listens there already."""

    def __init__(self, port: int, wanted_first: int) -> None:
        self.port = wanted_first
        super().__init__(f"Port {port} is taken.")


def require_free(host: str, *ports: int) -> None:
    """Raises PortTaken for the first port that cannot be listened on."""
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: a port that a closed connection still lingers on is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise PortTaken(port, ports[0]) from None
