"""What an examination says: one finding a sentence, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`failure` is what monitoring must wake somebody for."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """`area` groups the output (a fixed English word); `text` is translated; `hint` says what to do or write."""

    area: str
    level: Level
    text: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"area": self.area, "level": self.level.value, "text": self.text, "hint": self.hint}
