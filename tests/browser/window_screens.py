"""The payment window's screens, each as an address book entry: what the shop asks for, and what the buyer then does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .stage import Stage

Look = Callable[[Any], None]
Act = Callable[[Any], None]
REQUEST = "params => { IMP.init('imp00000000'); IMP.request_pay(params, () => {}); }"
NAMES = {"ko": ("핸드드립 세트 × 1", "김나무"), "en": ("Pour-over set × 1", "Namu Kim")}


def screen(act: Act = lambda window: None, **asked: Any) -> Callable[..., Look]:
    """A screen that `act` reaches in a window opened with these parameters of IMP.request_pay."""

    def opened(stage: Stage, language: str, *, is_phone: bool) -> Look:
        def look(page: Any) -> None:
            page.goto(f"{stage.url}/pay/{stage.codes['open']}/")
            page.wait_for_function("() => window.IMP")
            page.evaluate(
                "p => { IMP.init('imp00000000'); IMP.request_pay(p, () => {}); }", _params(language, asked, is_phone)
            )
            window = page if is_phone else page.frame_locator("iframe[data-testid=portone-window]")
            window.get_by_test_id("window").wait_for()
            act(window)

        return look

    return opened


def _params(language: str, asked: dict[str, Any], is_phone: bool) -> dict[str, Any]:
    from portone_django.sandbox.catalogue import TEST_CHANNEL

    name, buyer = NAMES[language]
    return {
        "channelKey": TEST_CHANNEL,
        "pay_method": "card",
        "merchant_uid": f"example-{'phone' if is_phone else 'pc'}",
        "name": name,
        "amount": 58_000,
        "buyer_name": buyer,
        "buyer_tel": "010-1234-5678",
        "m_redirect_url": "https://namu.example/return/",
        "display": {"card_quota": [2, 3, 6]},
        "language": language,
        **asked,
    }


def _press(*test_ids: str) -> Act:
    def act(window: Any) -> None:
        for test_id in test_ids:
            window.get_by_test_id(test_id).click()

    return act


def _choose_card(window: Any) -> None:
    _press("agree", "issuer-366")(window)
    window.get_by_test_id("quota").select_option("3")


def _forget_to_agree(window: Any) -> None:
    _press("issuer-366", "pay")(window)
    window.get_by_test_id("error").wait_for()


def _take_an_account(window: Any) -> None:
    _press("agree", "bank-088", "pay")(window)
    window.get_by_test_id("issued").wait_for()


def _lose(window: Any) -> None:
    _press("lose")(window)
    window.get_by_test_id("lost").wait_for()


WINDOWS = {
    "window-card": screen(),
    "window-card-chosen": screen(_choose_card),
    "window-card-direct": screen(card={"direct": {"code": "381", "quota": 3}}),
    "window-card-error": screen(_forget_to_agree),
    "window-easy-pay": screen(pay_method="kakaopay"),
    "window-transfer": screen(pay_method="trans"),
    "window-vbank": screen(pay_method="vbank", vbank_due="2099-08-09"),
    "window-vbank-issued": screen(_take_an_account, pay_method="vbank", vbank_due="2099-08-09"),
    "window-phone-bill": screen(pay_method="phone", digital=True),
    "window-registration": screen(
        channelKey="channel-key-11111111-1111-1111-1111-111111111111", customer_uid="example-card", amount=9_900
    ),
    "window-lost": screen(_lose),  # last: what is paid opens no window any more
}
