"""Everything the shop says is there in Korean, and the compiled catalogue is the written one."""

from __future__ import annotations

import re
from pathlib import Path

import polib

SHOP = Path(__file__).resolve().parents[2] / "example_project" / "shop"
CATALOGUE = SHOP / "locale" / "ko" / "LC_MESSAGES" / "django"
IN_TEMPLATES = re.compile(r'{% translate "([^"]+)"')
IN_PYTHON = re.compile(r'\b_\("([^"]+)"\)')


def said() -> set[str]:
    templates = "\n".join(path.read_text() for path in (SHOP / "templates").rglob("*.html"))
    code = "\n".join(path.read_text() for path in SHOP.rglob("*.py") if "migrations" not in path.parts)
    return set(IN_TEMPLATES.findall(templates)) | set(IN_PYTHON.findall(code))


def test_every_text_is_translated_into_korean() -> None:
    korean = {entry.msgid for entry in polib.pofile(f"{CATALOGUE}.po").translated_entries()}
    assert len(said()) > 40
    assert said() - korean == set()


def test_no_translation_is_left_over() -> None:
    entries = polib.pofile(f"{CATALOGUE}.po")
    assert {entry.msgid for entry in entries if not entry.msgid_plural} - said() == set()


def test_the_compiled_catalogue_is_the_written_one() -> None:
    written = {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in polib.pofile(f"{CATALOGUE}.po")}
    compiled = {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in polib.mofile(f"{CATALOGUE}.mo")}
    assert compiled == written
