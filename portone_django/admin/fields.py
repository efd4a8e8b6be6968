"""What an operator types: won as people write them, reasons that are asked for, a bank account that is never shown."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from ..flows.refund_account import RefundAccount
from ..gateway.codes import REFUND_BANKS

_FIRST_WORD = re.compile(r"\w+")
_UNSEEN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}


def blamed(error: Exception) -> str:
    """The field that an error of ours is about: its text begins with the name."""
    found = _FIRST_WORD.match(str(error))
    return found.group() if found else ""


class WonField(forms.IntegerField):
    """An amount in won: "12900", "12,900" or "12,900원"."""

    widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "vTextField portone-won"})
    default_error_messages = {"invalid": _("Write an amount in won, in digits.")}

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, str):
            value = re.sub(r"[\s,원]", "", value)
        return super().to_python(value)


class ReasonField(forms.CharField):
    """Why: kept in the audit trail, and for a refund sent to PortOne."""

    def __init__(self, *, max_length: int = 200, **options: Any) -> None:
        attrs = {"class": "vTextField portone-reason", "autocomplete": "off"}
        options = {"label": capfirst(_("reason")), "widget": forms.TextInput(attrs=attrs), **options}
        super().__init__(max_length=max_length, **options)


class SureField(forms.BooleanField):
    """A box to tick before something happens that cannot be taken back."""

    default_error_messages = {"required": _("Tick the box if you are sure.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"label": _("I am sure. This cannot be taken back."), **options})


class SureForm(forms.Form):
    """A reason and a tick, for what has only one outcome."""

    required_css_class = "required"
    reason = ReasonField()
    is_sure = SureField()


class _Unseen:
    """A widget that never renders what was typed, also not beside an error."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, None, attrs)  # type: ignore[misc]
        return context


class _UnseenText(_Unseen, forms.TextInput):
    pass


class _UnseenSelect(_Unseen, forms.Select):
    pass


class AccountForm(forms.Form):
    """Where a virtual account's money goes; `account` when it is valid. It is in no row, no session and no page."""

    required_css_class = "required"
    bank = forms.ChoiceField(
        label=_("Bank"),
        choices=[("", "---------"), *REFUND_BANKS.items()],
        widget=_UnseenSelect(attrs=_UNSEEN),
        error_messages={"invalid_choice": _("Choose a bank.")},
    )
    number = forms.CharField(
        label=_("Account number"),
        max_length=40,
        widget=_UnseenText(attrs={**_UNSEEN, "inputmode": "numeric", "class": "vTextField"}),
        help_text=_("It is passed to PortOne and kept nowhere: after an error it is typed again."),
    )
    holder = forms.CharField(
        label=_("Account holder"), max_length=30, widget=_UnseenText(attrs={**_UNSEEN, "class": "vTextField"})
    )
    tel = forms.CharField(
        label=_("Telephone"),
        max_length=20,
        required=False,
        widget=_UnseenText(attrs={**_UNSEEN, "inputmode": "tel", "class": "vTextField"}),
    )

    account: RefundAccount | None = None

    @sensitive_variables()
    def clean(self) -> None:
        if self.errors:
            return
        try:
            self.account = RefundAccount(**self.cleaned_data)
        except ValueError as error:
            name = blamed(error)
            self.add_error(name if name in self.fields else None, _WRONG.get(name, _("This account cannot be.")))


_WRONG = {
    "number": _("Write the account's number: 6 to 20 digits."),
    "holder": _("Write the holder of the account, 30 characters at most."),
    "tel": _("Write a telephone number: 8 to 12 digits."),
}
