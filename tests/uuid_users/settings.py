"""Settings of the suite with that user model."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as APPS

INSTALLED_APPS = [*APPS, "tests.uuid_users"]
AUTH_USER_MODEL = "uuid_users.User"
