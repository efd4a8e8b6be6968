"""Decides when a dead PortOne is left alone: after so many unanswered questions in a row, the rest can wait."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from .verification import Outcome

MAX_UNREACHABLE_IN_A_ROW = 5
# Per question of a sweep: five unanswered ones end within a task's time limit.
DEADLINE_SECONDS = 8.0
# Said once a run, at ERROR: what a single call says goes by in the log.
KEYS_REFUSED = gettext_noop(
    'PortOne refuses PORTONE["IMP_KEY"] or PORTONE["IMP_SECRET"]; run: manage.py portone_doctor'
)


class Breaker:
    """Counts what PortOne did not answer; one answer closes it again."""

    def __init__(self) -> None:
        self.in_a_row = 0

    @property
    def is_open(self) -> bool:
        """Whether to stop asking for now."""
        return self.in_a_row >= MAX_UNREACHABLE_IN_A_ROW

    def note(self, outcome: Outcome | None) -> None:
        """Take an outcome into account; None (our own trouble) says nothing about PortOne."""
        if outcome is Outcome.UNREACHABLE:
            self.in_a_row += 1
        elif outcome is not None:
            self.in_a_row = 0
