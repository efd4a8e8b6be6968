"""Tests of the example shop run under its own settings; elsewhere they are left out, and say so.

Write: pytest tests/example --ds example_project.settings (python -m tests.run does).
"""

import pytest
from django.conf import settings

if settings.SETTINGS_MODULE != "example_project.settings":
    pytest.skip("needs --ds example_project.settings", allow_module_level=True)
