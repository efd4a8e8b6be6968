"""One storm on the database of DATABASE_URL: `python -m tests.chaos.one BROKER PLAN FOLDER`, the plan as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path


def main(broker: str, plan: str, folder: str) -> None:
    """Run it, and leave what it showed in the folder's result.json."""
    from tests.chaos.brokers import broker_of
    from tests.chaos.plans import Plan

    with broker_of(broker, Path(folder)) as there, database():
        from tests.chaos.storm import storm

        result = storm(Plan(**json.loads(plan)), there, folder, lambda text: print(text, flush=True))
    for line in [*result.lines(), *(f"BROKEN: {problem}" for problem in result.problems)]:
        print(f"  {line}", flush=True)
    Path(folder, "result.json").write_text(json.dumps(asdict(result)), encoding="utf-8")


@contextmanager
def database() -> Iterator[None]:
    """A database of this run's own, with our tables, until the end of the block."""
    from django.db import connection, connections

    import tests.chaos.app  # noqa: F401  (Django, in the times of a storm)

    logging.disable(logging.CRITICAL)
    name = str(connection.settings_dict["NAME"])
    own = name if connection.vendor == "sqlite" else f"{name}_chaos_{os.getpid()}"
    connection.settings_dict["TEST"]["NAME"] = own
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connections.close_all()
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
