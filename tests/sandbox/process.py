"""The sandbox as a process of its own, started by its command from settings that hold next to nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import requests

SETTINGS = """
SECRET_KEY = "tests-only-" + "x" * 40
DEBUG = {debug}
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
ROOT_URLCONF = "nowhere"
MIDDLEWARE = ["nowhere.Middleware"]
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}}]
"""
RUN = (
    "import sys, django; django.setup(); from django.core.management import call_command; "
    "from portone_django.management.commands.portone_sandbox import Command; "
    "call_command(Command(), *sys.argv[1:])"
)


def started(tmp_path: Path, *options: str, debug: bool) -> "subprocess.Popen[str]":
    (tmp_path / "sandbox_settings.py").write_text(SETTINGS.format(debug=debug))
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), root]),
        "DJANGO_SETTINGS_MODULE": "sandbox_settings",
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *options, "--db", str(tmp_path / "portone.sqlite3")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/_sandbox/state", timeout=2).ok
    except requests.RequestException:
        return False


def wait_until_up(process: "subprocess.Popen[str]", base: str) -> bool:
    """False when the process ended first."""
    for _ in range(300):
        if process.poll() is not None:
            return False
        if answers(base):
            return True
        time.sleep(0.1)
    return False
