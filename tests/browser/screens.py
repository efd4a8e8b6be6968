"""make screens: pictures of every page in Korean and English at 390 (360) and 1280 px, into docs/screens/.

The example shop and PortOne's sandbox run in this process with every state made to happen; Chromium looks at it. A
page that is wider than the screen, or in the wrong language, ends the run with an error. Names on the command line
choose pictures by their beginning: `python -m tests.browser.screens result- window-card`.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import club_screens, desk_screens, member_screens
from .chromium import open_chromium
from .devices import PHONE
from .pictures import NotPresentable, take
from .stage import Stage, open_stage
from .window_screens import WINDOWS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
# Letters drawn the same way every time.
STEADY = ("--disable-partial-raster", "--disable-lcd-text", "--font-render-hinting=none", "--force-color-profile=srgb")
LANGUAGES = ("ko", "en")
WIDTHS = (390, 1280)
CLUB_WIDTHS = (360, 1280)
RESULTS = (
    "paid", "instalment", "easy-pay", "awaiting-deposit", "failed", "expired", "confirming", "checking",
    "refunded", "partly-refunded",
)  # fmt: skip
ADMIN = {
    "admin-orders": "/admin/portone/order/",
    "admin-order": "/admin/portone/order/2/change/",
    "admin-payments": "/admin/portone/payment/",
    "admin-payment": "/admin/portone/payment/8/change/",
    "admin-events": "/admin/portone/event/",
}
Look = Callable[[Any], None]


def main(beginnings: Sequence[str]) -> int:
    """0 when every picture was taken."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_stage(Path(folder)) as stage, open_chromium(*STEADY) as chromium:
        darkroom = chromium.new_page()
        try:
            for language, (scene, pictures) in itertools.product(LANGUAGES, SCENES):
                stage.set(language, scene)
                for name, width, look, user in pictures(stage, language):
                    if name.startswith(tuple(beginnings) or ""):
                        with _page(chromium, stage, language, width, user) as page:
                            look(page)
                            path = FOLDER / f"{name}-{language}-{width}.png"
                            _take(page, darkroom, path, language)
        except NotPresentable as fault:
            sys.exit(str(fault))
    return 0


def _pictures(stage: Stage, language: str) -> Iterator[tuple[str, int, Look, str]]:
    """Name, width, the way to the page, and who is logged in. Windows come last: they leave records behind."""
    for width in WIDTHS:
        yield from ((name, width, look, "") for name, look in _shop(stage))
        yield from ((name, width, _at(stage.url + address), "operator") for name, address in ADMIN.items())
        yield "shop-orders", width, _at(stage.url + "/orders/"), "demo"
        yield "sandbox-console", width, _at(stage.sandbox_url + "/"), ""
    for width in WIDTHS:
        for name, open_window in WINDOWS.items():
            yield name, width, open_window(stage, language, is_phone=width < 600), ""


def _desk_pictures(stage: Stage, language: str) -> Iterator[tuple[str, int, Look, str]]:
    """What an operator decides about, in a scene of its own."""
    for width in WIDTHS:
        yield from ((name, width, look, "operator") for name, look in desk_screens.looks(stage))


def _club_pictures(stage: Stage, language: str) -> Iterator[tuple[str, int, Look, str]]:
    """Subscriptions and cards at the desk, then what a customer sees of them, on a narrower phone."""
    for width in WIDTHS:
        yield from ((name, width, look, "operator") for name, look in member_screens.looks(stage))
    for width in CLUB_WIDTHS:
        yield from ((name, width, look, user) for name, look, user in club_screens.looks(stage, is_phone=width < 600))


SCENES: tuple[tuple[Any, Any], ...] = (
    (None, _pictures),
    (desk_screens.scene, _desk_pictures),
    (club_screens.scene, _club_pictures),
)


def _shop(stage: Stage) -> Iterator[tuple[str, Look]]:
    """The pages of a customer, in the order in which they are met."""
    codes, url = stage.codes, stage.url
    yield "shop-products", _at(url + "/")
    yield "shop-product", _at(url + "/products/dripper-set/")
    yield "shop-buy", _at(url + "/products/dripper-set/buy/?quantity=1")
    yield "shop-login", _at(url + "/login/")
    yield "shop-pay", _at(f"{url}/pay/{codes['open']}/")
    yield "shop-pay-busy", _pressed(f"{url}/pay/{codes['open']}/", "**/portone/start/", lambda route: None)
    yield "shop-pay-failed", _pressed(f"{url}/pay/{codes['open']}/", "**/v1/iamport.js", lambda route: route.abort())
    for state in RESULTS:
        yield f"result-{state}", _at(url + stage.results[state])
    yield "result-neutral", _at(url + "/portone/result/")
    yield "result-error", _at(url + "/portone/result/no-such-token/")
    for state in ("open", "paid", "awaiting-deposit", "checking", "refunded"):
        yield f"shop-order-{state}", _at(f"{url}/orders/{codes[state]}/")


def _at(url: str) -> Look:
    return lambda page: page.goto(url)


def _pressed(url: str, blocked: str, answer: Look) -> Look:
    """The page after a press on its first button, while what it then asks for meets that fate."""

    def look(page: Any) -> None:
        page.route(blocked, answer)
        page.goto(url)
        page.locator("[data-portone-pay]").first.click()
        page.locator("[data-portone-status]:not(:empty)").first.wait_for()
        if blocked.endswith(".js"):
            page.locator("[data-portone-status][data-kind=error]").first.wait_for()

    return look


def _take(page: Any, darkroom: Any, path: Path, language: str) -> None:
    # The console is Korean, as PortOne's is; Django's own admin scrolls sideways on phones.
    is_console, is_admin = path.name.startswith("sandbox-"), path.name.startswith("admin-")
    take(page, darkroom, path, language="" if is_console else language, may_be_wide=is_admin)
    print(f"{path.relative_to(FOLDER.parent.parent)}  {path.stat().st_size // 1024} kB", flush=True)


@contextmanager
def _page(chromium: Any, stage: Stage, language: str, width: int, user: str) -> Iterator[Any]:
    is_phone = width < 600
    viewport = {"width": width, "height": PHONE["viewport"]["height"] if is_phone else 900}
    device = {**(PHONE if is_phone else {}), "viewport": viewport}
    context = chromium.new_context(
        **device,
        locale="ko-KR" if language == "ko" else "en-US",
        timezone_id="Asia/Seoul",
        reduced_motion="reduce",
        color_scheme="light",
    )
    context.set_default_timeout(15_000)
    context.add_cookies([{"name": "django_language", "value": language, "url": stage.url}])
    if user:
        context.add_cookies([stage.cookie_of(user)])
    yield context.new_page()
    context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
