"""Single facts the app keeps about itself: its clock, its sweeps, its channels at PortOne."""

from __future__ import annotations

from django.db import models


class Clock(models.Model):
    """The one row (pk 1) that moves business time in development, for every process alike."""

    offset_seconds = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.offset_seconds:+d} s"


class Heartbeat(models.Model):
    """When a recurring job last finished, in database time."""

    name = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ChannelFacts(models.Model):
    """What GET /users/pg said of a configured channel; payments are compared with it."""

    route = models.CharField(max_length=140, unique=True)
    pg_provider = models.CharField(max_length=16)
    pg_id = models.CharField(max_length=80)
    sandbox = models.BooleanField()
    fetched_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.route
