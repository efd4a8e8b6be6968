"""A day in seconds: the engine's times, divided by two hundred. Imported before anything of portone_django's flows."""

import os

from portone_django import conf

# In the order that portone.E018 checks: a send is over before its task, its task before its lease, its lease before Q.
conf.SEND_DEADLINE_SECONDS = 1.0  # type: ignore[assignment]
conf.TASK_LIMIT_SECONDS = float(os.environ.get("CHAOS_TASK_LIMIT") or 2)  # type: ignore[assignment]
conf.LEASE_SECONDS = 2.5  # type: ignore[assignment]
conf.QUIET_PERIOD_SECONDS = float(os.environ.get("CHAOS_QUIET_PERIOD") or 3)  # type: ignore[assignment]
