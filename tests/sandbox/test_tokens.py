"""getToken: one token for all, half an hour, longer in its last minute."""

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door


def test_a_token_lives_for_half_an_hour(door: Door) -> None:
    token = door.log_in()
    assert token["expired_at"] - token["now"] == 1800


def test_a_second_call_gets_the_same_token_with_the_same_expiry(sandbox: Sandbox, door: Door) -> None:
    first = door.log_in()
    sandbox.advance(1500)
    second = door.log_in()
    assert (second["access_token"], second["expired_at"]) == (first["access_token"], first["expired_at"])


def test_in_its_last_minute_the_same_token_gets_five_minutes_more(sandbox: Sandbox, door: Door) -> None:
    first = door.log_in()
    sandbox.advance(1745)
    second = door.log_in()
    assert second["access_token"] == first["access_token"]
    assert second["expired_at"] == first["expired_at"] + 300


def test_after_expiry_the_old_token_is_401_and_a_new_one_is_made(sandbox: Sandbox, door: Door) -> None:
    first = door.log_in()
    sandbox.advance(1801)
    assert door.refused("GET", "/users/pg") == (401, -1, "Unauthorized")
    assert door.log_in()["access_token"] != first["access_token"]
    assert door.ok("GET", "/users/pg")


def test_a_wrong_secret_is_401_in_the_envelope(door: Door) -> None:
    body = {"imp_key": "sandbox-key", "imp_secret": "wrong"}
    assert door.refused("POST", "/users/getToken", json=body) == (401, -1, "Unauthorized")


def test_the_token_may_come_bare_or_as_bearer(door: Door) -> None:
    bare = door.headers["Authorization"].removeprefix("Bearer ")
    assert door.ok("GET", "/users/pg", headers={"Authorization": bare})
    assert door.ok("GET", "/users/pg", headers={"Authorization": f"Bearer {bare}"})


def test_without_a_token_or_with_a_wrong_one_every_documented_address_is_401(door: Door) -> None:
    for path in ("/users/pg", "/payments/imp_1", "/cards", "/benepia/point", "/subscribe/customers/x"):
        assert door.refused("GET", path, headers={})[0] == 401
        assert door.refused("GET", path, headers={"Authorization": "Bearer wrong"})[0] == 401


def test_the_token_may_be_asked_for_with_a_form(door: Door) -> None:
    body = {"imp_key": "sandbox-key", "imp_secret": "sandbox-secret"}
    assert door.ok("POST", "/users/getToken", data=body)["access_token"]
