"""Which calls there are, and which client a process gets."""

from __future__ import annotations

import inspect
import multiprocessing
import threading
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from portone_django.gateway import Client, get_client, override_client

from .conftest import make_client
from .every_call import EVERY_CALL
from .wire_server import WireServer, ok

PUBLIC = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}


def test_the_table_of_every_call_is_complete() -> None:
    assert set(EVERY_CALL) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_call_answers_and_takes_a_deadline(server: WireServer, client: Client, name: str) -> None:
    call, response = EVERY_CALL[name]
    server.answers.append(ok(response))
    call(client)
    assert len(server.calls) == 1
    deadline = inspect.signature(getattr(Client, name)).parameters["deadline"]
    assert (deadline.kind, deadline.default) == (inspect.Parameter.KEYWORD_ONLY, None)


def test_the_client_is_made_once_for_the_settings() -> None:
    assert get_client() is get_client()
    assert get_client()._transport.api_base == "https://api.iamport.kr"


def test_other_settings_get_another_client() -> None:
    before = get_client()
    with override_settings(PORTONE={**settings.PORTONE, "IMP_SECRET": "another"}):
        assert get_client() is not before


def test_threads_share_the_client() -> None:
    seen: list[Client] = []
    threads = [threading.Thread(target=lambda: seen.append(get_client())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 8
    assert len({id(client) for client in seen}) == 1


def test_an_override_holds_in_every_thread_and_ends_with_its_block() -> None:
    ours, inner = make_client("https://one.example"), make_client("https://two.example")
    before = get_client()
    with override_client(ours) as given:
        assert given is ours is get_client()
        with override_client(inner):
            seen: list[Client] = []
            thread = threading.Thread(target=lambda: seen.append(get_client()))
            thread.start()
            thread.join(60)
            assert seen == [inner]
        assert get_client() is ours
    assert get_client() is before


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_shares_no_sockets_with_its_parent() -> None:
    before = id(get_client())
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_tell, args=(sender, get_client()))
    child.start()
    is_same = receiver.recv()
    child.join(60)
    assert is_same is False
    assert id(get_client()) == before


def _tell(sender: Any, parents: Client) -> None:
    sender.send(get_client() is parents)
    sender.close()


def test_the_repr_of_a_client_tells_the_address_only() -> None:
    assert repr(make_client("https://api.iamport.kr")) == "<Client https://api.iamport.kr>"
