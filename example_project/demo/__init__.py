"""`make demo`: the sandbox, the shop and a Celery worker on this machine, and a tour that proves they work together."""
