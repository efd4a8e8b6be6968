"""portone.W010: that cards are typed into the site is said at every start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import Said


def test_cards_typed_into_the_site_are_said(said: Said, portone: Callable[..., None]) -> None:
    portone(KEY_IN=True)
    [message] = said("portone.W010")
    assert "SAQ D" in message.msg
    assert "portone_register_card" in str(message.hint)


def test_without_them_nothing_is_said(said: Said, portone: Callable[..., None]) -> None:
    for keys in ({}, {"KEY_IN": False}):
        portone(**keys)
        assert said("portone.W010") == []


def test_it_can_be_silenced(said: Said, portone: Callable[..., None], settings: Any) -> None:
    portone(KEY_IN=True)
    settings.SILENCED_SYSTEM_CHECKS = ["portone.W010"]
    assert all(message.is_silenced() for message in said("portone.W010"))
