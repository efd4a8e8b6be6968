"""Card data shows, stores and pickles nothing."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from portone_django.gateway import CardData

from .every_call import CARD, CARD_CANARIES, card


def test_card_data_shows_nothing() -> None:
    shown = card()
    for text in (repr(shown), str(shown), f"{shown}", f"{[shown]}", "%s" % shown, str({"card": shown})):  # noqa: UP031
        assert [canary for canary in CARD_CANARIES if canary in text] == []
    with pytest.raises(TypeError):
        vars(shown)


@pytest.mark.parametrize("store", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, lambda it: it.__getstate__()])
def test_card_data_cannot_be_stored(store: object) -> None:
    with pytest.raises(TypeError):
        store(card())  # type: ignore[operator]


def test_card_data_is_sent_in_portones_spelling() -> None:
    assert card().wire_fields() == {
        "card_number": "4902-2012-3456-7894",
        "expiry": "2031-07",
        "birth": "9104175583",
        "pwd_2digit": "73",
        "cvc": "5093",
    }
    assert set(CardData("370012345678901", "2030-01").wire_fields()) == {"card_number", "expiry"}


WRONG = [
    ("number", "490220123456"),
    ("number", "49022012345678941234"),
    ("number", "4902x20123456789"),
    ("number", ""),
    ("expiry", "07/31"),
    ("expiry", "2031-13"),
    ("expiry", "2031-7"),
    ("birth", "9104171234567"),
    ("birth", "1991-04-17"),
    ("pwd_2digit", "7381"),
    ("cvc", "12"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_without_being_repeated(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"must|Only") as caught:
        CardData(**(CARD | {name: value}))
    if value:
        assert value not in str(caught.value)


def test_a_resident_registration_number_is_never_taken() -> None:
    with pytest.raises(ValueError, match="birth"):
        CardData("4902201234567894", "2031-07", birth="9104171234567")
    assert CardData("4902201234567894", "2031-07", birth="1234567890").wire_fields()["birth"] == "1234567890"
