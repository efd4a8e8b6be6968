"""The pytest plugin: fixtures for projects that use portone_django."""
