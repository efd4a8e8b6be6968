"""A picture shows its page in few colours, is the same every time, and is refused when the page is not presentable."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .pictures import NotPresentable, take

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

# The size of a picture and the colour of its pixel at (x, y), as a browser decodes it.
LOOK = """async ([png, x, y]) => {
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  return [image.width, image.height, ...canvas.getImageData(x, y, 1, 1).data];
}"""


@pytest.fixture
def pages(chromium: Any) -> Iterator[tuple[Any, Any]]:
    """A page of 300 × 200 to look at, and a darkroom."""
    context = chromium.new_context(viewport={"width": 300, "height": 200})
    yield context.new_page(), chromium.new_page()
    context.close()


def show(page: Any, body: str, *, language: str = "ko") -> None:
    page.set_content(f'<!doctype html><html lang="{language}"><body style="margin:0">{body}</body></html>')


def test_the_picture_is_the_whole_page_in_its_colours(pages: tuple[Any, Any], tmp_path: Path) -> None:
    page, darkroom = pages
    rainbow = '<div style="height:500px;background:linear-gradient(red,blue)"></div>'
    show(page, rainbow + '<p style="background:#c1272c">&nbsp;</p>')
    take(page, darkroom, tmp_path / "a.png", language="ko")
    png = (tmp_path / "a.png").read_bytes()
    width, height, *colour = darkroom.evaluate(LOOK, [base64.b64encode(png).decode(), 150, 525])
    assert (width, colour) == (300, [0xC1, 0x27, 0x2C, 255])
    assert height > 500
    assert int.from_bytes(png[png.index(b"PLTE") - 4 :][:4], "big") <= 256 * 3


def test_what_is_random_makes_no_difference(pages: tuple[Any, Any], tmp_path: Path) -> None:
    page, darkroom = pages
    for name, number in (("a", "imp_000000000001"), ("b", "imp_999999999999")):
        show(page, f"<p>{number}</p>")
        take(page, darkroom, tmp_path / name, language="ko")
    show(page, "<p>imp_1</p>")
    take(page, darkroom, tmp_path / "c", language="ko")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


@pytest.mark.parametrize(
    ("body", "language", "why"),
    [('<div style="width:301px">wide</div>', "ko", "1 px wider"), ("<p>text</p>", "en", "is in 'en'")],
)
def test_a_page_that_is_too_wide_or_in_another_language_is_refused(
    pages: tuple[Any, Any], tmp_path: Path, body: str, language: str, why: str
) -> None:
    page, darkroom = pages
    show(page, body, language=language)
    with pytest.raises(NotPresentable, match=why):
        take(page, darkroom, tmp_path / "a.png", language="ko")
    assert list(tmp_path.iterdir()) == []
