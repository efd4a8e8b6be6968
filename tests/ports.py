"""Ports for servers of a test, from where no outgoing connection of a parallel run takes its own."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

# Below the kernel's range for outgoing connections (net.ipv4.ip_local_port_range begins at 32768).
_FIRST, _LAST = 20_000, 32_000
# Two workers of one run must not draw alike, whatever has been seeded.
_dice = random.SystemRandom()


def free_port(count: int = 1) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    for _ in range(100):
        port = _dice.randrange(_FIRST, _LAST)
        with ExitStack() as stack:
            try:
                for number in range(port, port + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", number))
            except OSError:
                continue
        return port
    raise AssertionError(f"no {count} free ports in a row")
