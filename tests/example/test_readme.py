"""The code blocks of README.md are true: they run here, in the order in which a reader writes them."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import Any

import pytest
from django.template import engines
from django.test import RequestFactory, override_settings
from django.urls import resolve

from portone_django import conf

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = dict(re.findall(r"<!-- block: (\w+) -->\n```\w+\n(.*?)```", README, flags=re.DOTALL))
CONSOLE = {
    "PORTONE_USER_CODE": "imp00000000",
    "PORTONE_IMP_KEY": "a-key",
    "PORTONE_IMP_SECRET": "a-word",
    "PORTONE_CHANNEL_KEY": "channel-key-00000000-0000-0000-0000-000000000000",
    "PORTONE_PUBLIC_BASE_URL": "https://shop.example",
    "PORTONE_UID_KEY": "u" * 64,
}


def run(block: str, **names: Any) -> dict[str, Any]:
    exec(BLOCKS[block], names)
    return names


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings as the README has them written."""
    for name, value in CONSOLE.items():
        monkeypatch.setenv(name, value)
    return run("settings", INSTALLED_APPS=[], MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "other"])


def test_the_settings_have_no_problem(written: dict[str, Any]) -> None:
    with override_settings(PORTONE=written["PORTONE"]):
        assert conf.problems() == []
        assert conf.get_config().channel("checkout").channel_key == CONSOLE["PORTONE_CHANNEL_KEY"]
    assert written["INSTALLED_APPS"] == ["portone_django"]
    assert written["MIDDLEWARE"][1] == "portone_django.middleware.CheckoutMiddleware"


def test_the_settings_of_the_sandbox_have_no_problem_and_name_channels_that_it_has(
    written: dict[str, Any],
) -> None:
    from portone_django.sandbox.catalogue import BILLING_CHANNEL, TEST_CHANNEL

    portone = run("sandbox", PORTONE=written["PORTONE"])["PORTONE"]
    with override_settings(PORTONE=portone, DEBUG=True):
        assert conf.problems() == []
    channels = {name: each["channel_key"] for name, each in portone["CHANNELS"].items()}
    assert channels == {"checkout": TEST_CHANNEL, "billing": BILLING_CHANNEL}


def test_the_beat_schedule_is_the_apps_own(written: dict[str, Any]) -> None:
    from portone_django.tasks import BEAT_SCHEDULE

    assert written["CELERY_BEAT_SCHEDULE"] == BEAT_SCHEDULE


def test_the_webhook_is_where_the_console_is_told_it_is() -> None:
    urlconf = types.ModuleType("readme_urls")
    urlconf.__dict__.update(run("urls", urlpatterns=[]))
    path = re.search(r"https://your\.shop(/\S+?)`", README)
    assert path
    assert resolve(path[1], urlconf=urlconf).view_name == "portone:webhook"  # type: ignore[arg-type]


def test_view_template_and_receiver_take_an_order_to_its_button(db: Any) -> None:
    shown: dict[str, Any] = {}
    view = run("view")
    view["render"] = lambda request, template, context: shown.update(context)
    checkout = view["checkout"]
    request = RequestFactory().get("/")
    checkout(request)
    first = shown["order"]
    checkout(request)
    assert shown["order"] == first
    html = engines["django"].from_string(BLOCKS["template"]).render(shown, request)
    assert "결제하기" in html
    assert "data-portone-pay" in html
    assert "disabled" not in html


def test_the_receiver_is_connected() -> None:
    from portone_django.signals import order_paid

    before = len(order_paid.receivers)
    deliver = run("receiver")["deliver"]
    assert len(order_paid.receivers) == before + 1
    assert order_paid.disconnect(deliver)


def test_every_link_into_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert "docs/options.md" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", ["portone_doctor", "portone_reconcile"])
def test_every_command_it_names_is_there(name: str) -> None:
    from django.core.management import get_commands

    assert f"manage.py {name}" in README
    assert get_commands()[name] == "portone_django"


def test_every_make_target_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_every_variable_it_names_is_read_by_the_example_project() -> None:
    section = README.split("## The example shop on the real PortOne")[1]
    read = (ROOT / "example_project" / "environment.py").read_text()
    names = set(re.findall(r"`((?:PORTONE|DATABASE|CELERY)_[A-Z_]+)`", section))
    assert len(names) > 10
    assert {name for name in names if f'"{name}"' not in read} == set()
