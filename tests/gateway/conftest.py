"""A client of the gateway and a server that it talks to over a real socket."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portone_django.gateway.transport.REPEAT_PAUSES", (0.01, 0.01))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed: no certificate to serve TLS with")
    return key, cert


@pytest.fixture
def tls_server(certificate: tuple[Path, Path]) -> Iterator[WireServer]:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = WireServer(tls=context)
    yield server
    server.close()


@pytest.fixture
def tls_client(tls_server: WireServer, certificate: tuple[Path, Path]) -> Client:
    client = make_client(tls_server.base)
    client._transport._session.verify = str(certificate[1])
    return client
