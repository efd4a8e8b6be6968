"""No call to PortOne while a transaction is open."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test import TestCase

from portone_django.gateway import Client, InsideTransaction, PortOneError, refuse_inside_transaction

from .every_call import EVERY_CALL
from .wire_server import WireServer, ok


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", EVERY_CALL)
def test_no_call_leaves_from_inside_a_transaction(server: WireServer, client: Client, name: str) -> None:
    call, response = EVERY_CALL[name]
    with transaction.atomic(), pytest.raises(InsideTransaction, match="inside a transaction"):
        call(client)
    assert server.requests == []
    server.answers.append(ok(response))
    call(client)
    assert len(server.calls) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [{"durable": True}, {"savepoint": False}, {}], ids=str)
def test_every_kind_of_block_counts(options: dict[str, bool]) -> None:
    with transaction.atomic(**options), pytest.raises(InsideTransaction, match="default"):
        refuse_inside_transaction()
    refuse_inside_transaction()


@pytest.mark.django_db(transaction=True)
def test_after_commit_a_call_is_allowed() -> None:
    seen: list[bool] = []

    def after() -> None:
        refuse_inside_transaction()
        seen.append(True)

    with transaction.atomic():
        transaction.on_commit(after)
    assert seen == [True]


class BlocksOfATestCase(TestCase):
    def test_do_not_count(self) -> None:
        assert connection.in_atomic_block
        refuse_inside_transaction()

    def test_but_a_block_inside_them_does(self) -> None:
        with transaction.atomic(), pytest.raises(InsideTransaction):
            refuse_inside_transaction()


def test_the_guard_opens_no_connection() -> None:
    """pytest-django refuses any use of a database here."""
    refuse_inside_transaction()


def test_the_guard_is_a_fault_of_the_program_not_of_portone() -> None:
    assert issubclass(InsideTransaction, RuntimeError)
    assert not issubclass(InsideTransaction, PortOneError)
