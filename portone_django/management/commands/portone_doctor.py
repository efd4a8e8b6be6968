"""manage.py portone_doctor: is this configuration fit to take money, and is it taking it? Exit status 1 if not."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from ...flows.diagnosis import Finding, Level, diagnose

_MARKS = {Level.OK: "✓", Level.WARNING: "!", Level.FAILURE: "✗"}


class Command(BaseCommand):
    """Renders what flows/diagnosis found."""

    help = "Checks the live configuration: settings, PortOne's answers, database, sweep, backlog. Status 1 on any ✗."
    # Its findings are these checks and more; a failing one must not stop it.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = diagnose()
        is_well = all(each.level is not Level.FAILURE for each in findings)
        if options["json"]:
            report = {"ok": is_well, "findings": [each.as_dict() for each in findings]}
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            self._print(findings)
        if not is_well:
            sys.exit(1)

    def _print(self, findings: list[Finding]) -> None:
        titles = {
            "settings": _("Settings"),
            "portone": "PortOne",
            "channels": _("Channels"),
            "database": _("Database"),
            "sweep": _("Sweep"),
            "backlog": _("Waiting"),
        }
        for area, group in groupby(findings, key=lambda each: each.area):
            self.stdout.write(self.style.MIGRATE_HEADING(titles[area]))
            for each in group:
                self._print_one(each)
        counts = {level: sum(each.level is level for each in findings) for level in Level}
        self.stdout.write("")
        self.stdout.write("   ".join(f"{_MARKS[level]} {count}" for level, count in counts.items()))

    def _print_one(self, finding: Finding) -> None:
        paint = {Level.OK: self.style.SUCCESS, Level.WARNING: self.style.WARNING, Level.FAILURE: self.style.ERROR}
        self.stdout.write(f"  {paint[finding.level](_MARKS[finding.level])} {finding.text}")
        for line in finding.hint.splitlines():
            self.stdout.write(f"      → {line}")
