"""The user model of that project."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Django's own, but for its key."""

    id: ClassVar[models.UUIDField[uuid.UUID, uuid.UUID]] = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta(AbstractUser.Meta):
        app_label = "uuid_users"
