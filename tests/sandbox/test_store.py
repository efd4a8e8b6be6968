"""The file under the sandbox: it survives a restart, rolls back whole, and takes many writers."""

import threading
from pathlib import Path

import pytest

from portone_django.sandbox.ledger import Sandbox
from portone_django.sandbox.store import Store
from tests.sandbox.door import door_to, paid


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    before = Sandbox(tmp_path / "portone.sqlite3")
    door = door_to(before)
    imp_uid = paid(before)
    before.advance(600)
    before.faults.add("http_500", path="/cards")
    before.close()
    after = Sandbox(tmp_path / "portone.sqlite3")
    again = door_to(after)
    assert again.headers == door.headers  # the token still lives
    assert after.payment(imp_uid)["status"] == "paid"
    assert after.settings["offset"] == 600
    assert again.get("/cards").status_code == 500
    after.close()


def test_reset_forgets_everything(sandbox: Sandbox) -> None:
    door = door_to(sandbox)
    paid(sandbox)
    sandbox.advance(600)
    sandbox.faults.add("http_500")
    sandbox.reset()
    assert (sandbox.transactions(), sandbox.faults.list(), sandbox.settings["offset"]) == ([], [], 0)
    assert door.get("/cards").status_code == 401


def test_an_exception_rolls_back_and_runs_nothing_afterwards(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    ran: list[str] = []

    def fail_half_way() -> None:
        with store.write() as db:
            db.execute("INSERT INTO token VALUES ('t', 1)")
            store.after_commit(lambda: ran.append("late"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM token").fetchone()[0] == 0
    assert ran == []


def test_inner_writes_join_the_outer_one_and_read_their_own_changes(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite3")
    order: list[str] = []
    with store.write() as db:
        db.execute("INSERT INTO token VALUES ('t', 1)")
        with store.write() as inner, store.read() as reader:
            assert inner is db is reader
            store.after_commit(lambda: order.append("afterwards"))
        order.append("inside")
    assert order == ["inside", "afterwards"]


def test_two_sandboxes_on_one_file_are_one_account(tmp_path: Path) -> None:
    one, two = Sandbox(tmp_path / "portone.sqlite3"), Sandbox(tmp_path / "portone.sqlite3")
    imp_uid = paid(one)
    assert two.payment(imp_uid)["status"] == "paid"
    two.faults.add("http_500")
    assert door_to_without_login(one) == 500


def door_to_without_login(sandbox: Sandbox) -> int:
    fault = sandbox.faults.on_wire("GET", "/cards", "")
    return 500 if fault else 200


def test_many_threads_write_at_once(sandbox: Sandbox) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                paid(sandbox, f"order-{number}-{turn}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(sandbox.transactions()) == 50
    assert len({record["imp_uid"] for record in sandbox.transactions()}) == 50
