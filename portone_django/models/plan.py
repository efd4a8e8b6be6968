"""What is subscribed to, and for how much how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..money import format_won, require_split
from ..periods import Unit

if TYPE_CHECKING:
    from .subscription import Subscription

_is_code = RegexValidator(r"\A[a-z0-9][a-z0-9_-]*\Z", _("Lower-case letters, digits, - and _ only."))


MOST_UNITS = 366


def _require_code(code: Any, example: str) -> None:
    try:
        _is_code(code)
    except ValidationError:
        wrong = f"code must be lower-case letters, digits, - and _, not {code!r}"
        raise ValueError(f'{wrong}. Write: code="{example}"') from None


class Plan(models.Model):
    """What a customer may use. `code` is its name in the project: `billing(user).is_subscribed("pro")`."""

    code = models.CharField(_("code"), max_length=50, unique=True, validators=[_is_code])
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True)
    is_offered = models.BooleanField(_("can be subscribed to"), default=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    prices: models.Manager[Price]

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises ValueError for a code that is none."""
        _require_code(self.code, "pro")
        super().save(*args, **kwargs)


class PriceChanged(ValueError):
    """A price never changes: whoever subscribed to it agreed to just this."""

    def __init__(self, which: str, fields: list[str]) -> None:
        super().__init__(
            f"{which} cannot change {', '.join(fields)}: subscriptions were agreed on it. "
            'Write a new one: Price.objects.create(plan=…, code="pro-2027", amount=…)'
        )


class PriceQuerySet(models.QuerySet["Price"]):
    """Keeps prices as they are on every way through the ORM; raw SQL is the project's own word."""

    def update(self, **values: Any) -> int:
        if changed := [name for name in Price.FROZEN if {name, name.removesuffix("_id")} & values.keys()]:
            raise PriceChanged("A price", changed)
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[Price]:
        overwritten = kwargs.get("update_fields") or ()
        if changed := [name for name in Price.FROZEN if {name, name.removesuffix("_id")} & set(overwritten)]:
            raise PriceChanged("A price", changed)
        objs = list(objs)
        for each in objs:
            each.require_terms()
        return super().bulk_create(objs, *args, **kwargs)


class Price(models.Model):
    """Won per period, immutable but for `is_offered`: a changed price is a new row."""

    FROZEN = ("plan_id", "code", "amount", "currency", "tax_free_amount", "vat_amount", "unit", "every")

    class Unit(models.TextChoices):
        DAY = Unit.DAY, _("day")
        WEEK = Unit.WEEK, _("week")
        MONTH = Unit.MONTH, _("month")
        YEAR = Unit.YEAR, _("year")

    plan = models.ForeignKey(Plan, verbose_name=_("plan"), on_delete=models.PROTECT, related_name="prices")
    code = models.CharField(_("code"), max_length=50, unique=True, validators=[_is_code])
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3, default="KRW")
    tax_free_amount = models.BigIntegerField(_("tax-free amount"), null=True, blank=True)
    vat_amount = models.BigIntegerField(_("VAT"), null=True, blank=True)
    unit = models.CharField(_("unit of the period"), max_length=5, choices=Unit)
    every = models.PositiveSmallIntegerField(_("units in a period"), default=1)
    is_offered = models.BooleanField(_("can be subscribed to"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    subscriptions: models.Manager[Subscription]
    objects = PriceQuerySet.as_manager()

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ("plan", "amount")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0, amount__lt=10**12), name="portone_price_amount"),
            models.CheckConstraint(condition=Q(every__gte=1, every__lte=MOST_UNITS), name="portone_price_every"),
            models.CheckConstraint(condition=Q(unit__in=[each.value for each in Unit]), name="portone_price_unit"),
            models.CheckConstraint(
                condition=Q(tax_free_amount__isnull=True) | Q(tax_free_amount__gte=0, tax_free_amount__lte=F("amount")),
                name="portone_price_tax_free",
            ),
            models.CheckConstraint(
                condition=Q(vat_amount__isnull=True) | Q(vat_amount__gte=0, vat_amount__lte=F("amount")),
                name="portone_price_vat",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} · {format_won(self.amount)}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises PriceChanged; TypeError or ValueError as `require_terms` does."""
        if self.pk is not None:
            self._refuse_change()
        self.require_terms()
        super().save(*args, **kwargs)

    def require_terms(self) -> None:
        """Raise TypeError or ValueError, with the line to write, unless amounts, unit and `every` can be billed.

        A price cannot be corrected later, and a unit that is none would bill at some other pace.
        """
        _require_code(self.code, "pro-monthly")
        require_split(self.amount, tax_free_amount=self.tax_free_amount, vat_amount=self.vat_amount)
        if self.unit not in Price.Unit.values:
            wrong = f"unit must be {', '.join(Price.Unit.values[:-1])} or {Price.Unit.values[-1]}, not {self.unit!r}"
            raise ValueError(f'{wrong}. Write: unit="month"')
        if type(self.every) is not int:
            raise TypeError(f"every must be an int, not {self.every!r}. Write: every=3")
        if not 1 <= self.every <= MOST_UNITS:
            raise ValueError(f"every must be between 1 and {MOST_UNITS}, not {self.every}. Write: every=3")

    def _refuse_change(self) -> None:
        known = Price.objects.filter(pk=self.pk).values(*self.FROZEN).first() or {}
        if changed := [field for field, value in known.items() if getattr(self, field) != value]:
            raise PriceChanged(f"Price {known['code']!r}", changed)
