"""What portone_doctor looks at in a running configuration, each part on its own, so that one fault hides no other."""

from .examination import diagnose
from .findings import Finding, Level

__all__ = ["Finding", "Level", "diagnose"]
