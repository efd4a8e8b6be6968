"""Those of the tests, with the measuring gateway in PortOne's place."""

import os

from tests.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks"]  # noqa: F405
PORTONE = {**PORTONE, "API_BASE": os.environ.get("GATEWAY", "http://127.0.0.1:9")}  # noqa: F405
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "WARNING"}}
