"""Every text of the package exists in Korean and in English, and what is compiled is what is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.utils.translation.template import templatize

import portone_django

PACKAGE = Path(portone_django.__file__).parent
LANGUAGES = ("ko", "en")
# The function's name → where its arguments stand: (context, msgid, plural).
FUNCTIONS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
Key = tuple[str | None, str, str | None]
CALL_IN_TEMPLATE = re.compile(r"\b(n?p?gettext|_)\(((?:\s*u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\w+)\s*,?)+)\)")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w*)\}")


def used() -> dict[Key, str]:
    """Every (context, msgid, plural) in the package's Python files and templates, with the file it is in."""
    found: dict[Key, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        found |= dict.fromkeys(keys_of(path.read_text()), str(path.relative_to(PACKAGE)))
    templates = (*PACKAGE.rglob("templates/**/*.html"), *PACKAGE.rglob("templates/**/*.txt"))
    for path in sorted(templates):
        calls = CALL_IN_TEMPLATE.finditer(templatize(path.read_text(), origin=path.name))
        source = "\n".join(f"{call[1]}({call[2]})" for call in calls)
        found |= dict.fromkeys(keys_of(source), str(path.relative_to(PACKAGE)))
    return found


def keys_of(source: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        if name in FUNCTIONS and node.args and isinstance(node.args[0], ast.Constant):
            context, msgid, plural = (at if at is None else literal(node.args[at]) for at in FUNCTIONS[name])
            assert msgid is not None
            yield context, msgid, plural


def literal(node: ast.expr) -> str:
    """The string that is translated; a text put together at run time could never be found in a catalogue."""
    assert isinstance(node, ast.Constant), f"line {node.lineno}: not a literal"
    assert isinstance(node.value, str), f"line {node.lineno}: not a string"
    return node.value


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"))


def key(entry: polib.POEntry) -> Key:
    return entry.msgctxt, entry.msgid, entry.msgid_plural or None


def texts(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def placeholders(text: str) -> set[str]:
    return {match[0] for match in PLACEHOLDER.finditer(text)}


def test_the_extraction_sees_python_files_and_every_form_of_the_template_tags() -> None:
    python = "_('a'); pgettext('c', 'b'); ngettext('one', 'many', n); other('x')"
    assert list(keys_of(python)) == [(None, "a", None), ("c", "b", None), (None, "one", "many")]
    seen = used()
    assert (None, "Payment complete", None) in seen
    assert ("date format", "D, j M Y, H:i", None) in seen
    assert (None, "%(months)s monthly instalments", None) in seen
    assert (None, "You will not be charged twice.", None) in seen
    assert (None, "%(plan)s: payment complete", None) in seen


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_package_is_in_the_catalogue(language: str) -> None:
    there = {key(entry) for entry in catalogue(language) if not entry.obsolete}
    assert {text: file for text, file in used().items() if text not in there} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_nothing_the_package_does_not_say(language: str) -> None:
    needed = set(used())
    assert [key(entry) for entry in catalogue(language) if key(entry) not in needed] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_translated_and_none_is_a_guess(language: str) -> None:
    po = catalogue(language)
    assert [entry.msgid for entry in po if entry.fuzzy or entry.obsolete] == []
    assert [entry.msgid for entry in po if not all(texts(entry))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_placeholders_of_its_text(language: str) -> None:
    for entry in catalogue(language):
        wanted = placeholders(entry.msgid_plural or entry.msgid)
        assert [text for text in texts(entry) if placeholders(text) != wanted] == [], entry.msgid


def test_korean_is_korean() -> None:
    spared = re.compile(r"[가-힣]|^(?:PAYCO|MID)$")
    assert [text for entry in catalogue("ko") for text in texts(entry) if not spared.search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = polib.mofile(str(PACKAGE / "locale" / language / "LC_MESSAGES" / "django.mo"))
    assert {key(e): texts(e) for e in compiled} == {key(e): texts(e) for e in catalogue(language)}
