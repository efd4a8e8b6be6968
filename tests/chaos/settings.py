"""Settings of the processes of a chaos run; its environment says where database, broker and PortOne are."""

import os

from tests.chaos import scale  # noqa: F401  (first: the flows read their times when they are imported)
from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, PORTONE

PORTONE = {
    **PORTONE,
    "API_BASE": os.environ.get("CHAOS_PORTONE", "http://127.0.0.1:9"),
    "MERCHANT_UID_PREFIX": "ours",
    "CONCURRENCY": 4,
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A killed process loses nothing by it, and this is no test of power cuts.
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"
