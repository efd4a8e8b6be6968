"""Django REST framework: only subscribers. Nothing else of the app imports this file, and with it the framework."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission, OperationHolderMixin
from rest_framework.request import Request

from .access import check_plans, is_subscribed

__all__ = ["HasSubscription"]


class HasSubscription(OperationHolderMixin, BasePermission):
    """`permission_classes = [HasSubscription("pro")]`, or a subclass with `plans = ("pro",)`; composes with & | ~.

    A refusal is 401 or 403 as the view's authentication has it, with code "subscription_required".
    Raises TypeError without a plan, UnknownPlan for one that does not exist.
    """

    plans: tuple[str, ...] = ()
    message = _("This is for subscribers.")
    code = "subscription_required"

    def __init__(self, *plans: str) -> None:
        if plans:
            self.plans = plans
        check_plans(self.plans)

    def __call__(self) -> HasSubscription:
        # The framework calls what permission_classes lists, which it takes for classes.
        return self

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller may use one of the plans."""
        return is_subscribed(request.user, *self.plans)
