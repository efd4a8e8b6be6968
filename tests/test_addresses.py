"""Which URLs are this machine, and how one is shown."""

import pytest

from portone_django.addresses import is_loopback, without_login


@pytest.mark.parametrize(
    "url", ["http://localhost", "http://LOCALHOST:80/x", "http://127.0.0.1", "https://127.9.9.9:1", "http://[::1]:9/"]
)
def test_this_machine_is_recognised(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    ["https://api.iamport.kr", "http://localhost.example", "http://127.0.0.1@shop.example", "http://0.0.0.0", "", "x"],
)
def test_no_other_machine_is_taken_for_it(url: str) -> None:
    assert not is_loopback(url)


def test_a_login_in_a_url_is_not_shown() -> None:
    assert without_login("https://user:letmein@shop.example:8443/pay?token=1") == "https://shop.example:8443/pay"
