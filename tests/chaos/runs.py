"""Starts one chaos run in a process of its own, so that its scaled times stay its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.chaos.plans import Plan, Result


def run(address: str, broker: str, plan: Plan) -> Result:
    """What the plan showed on the database at that address ("" is an SQLite file) and that broker (see broker_of).

    Raises RuntimeError when the run itself came to nothing.
    """
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        scaled = {"CHAOS_QUIET_PERIOD": str(plan.quiet_period), "CHAOS_TASK_LIMIT": str(plan.task_limit)}
        environment = {
            **os.environ,
            **scaled,
            "DATABASE_URL": address or f"sqlite:///{Path(folder) / 'ours.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        }
        command = [sys.executable, "-m", "tests.chaos.one", broker, json.dumps(vars(plan)), folder]
        ended = subprocess.run(command, env=environment, check=False).returncode
        said = Path(folder, "result.json")
        if ended or not said.exists():
            raise RuntimeError(f"the chaos run ended with status {ended} and no result")
        result: dict[str, Any] = json.loads(said.read_text(encoding="utf-8"))
    return Result(**{**result, "plan": plan})
