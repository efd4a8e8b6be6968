"""A client of the gateway and a server that it talks to over a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portone_django.gateway import Client

from .wire_server import WireServer

IMP_KEY = "canary-imp-key-5f2b"
IMP_SECRET = "canary-imp-secret-9c1d"


@pytest.fixture
def server() -> Iterator[WireServer]:
    server = WireServer()
    yield server
    server.close()


@pytest.fixture
def client(server: WireServer) -> Client:
    return make_client(server.base)


def make_client(base: str, deadline: float = 20.0) -> Client:
    return Client(api_base=base, imp_key=IMP_KEY, imp_secret=IMP_SECRET, deadline=deadline)
