"""What a buyer fills in before paying: a quantity, then a name, a telephone number and an email address."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core import signing
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from .models import new_code

MAX_QUANTITY = 20
_signer = signing.Signer(salt="shop.purchase")


def _telephone() -> forms.CharField:
    """KG Inicis does not open its window without one."""
    return forms.CharField(
        label=_("Mobile number"),
        max_length=16,
        validators=[RegexValidator(r"^[0-9][0-9 -]{7,15}$", _("Please write it as 010-1234-5678."))],
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel", "placeholder": "010-1234-5678"}),
    )


class QuantityForm(forms.Form):
    """How many."""

    quantity = forms.IntegerField(label=_("Quantity"), min_value=1, max_value=MAX_QUANTITY, initial=1)


class BuyerForm(QuantityForm):
    """Who buys. `token` names the purchase before it exists, so that a second submission makes no second one."""

    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, widget=forms.HiddenInput)
    token = forms.CharField(max_length=120, widget=forms.HiddenInput)
    buyer_name = forms.CharField(label=_("Name"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    buyer_tel = _telephone()
    buyer_email = forms.EmailField(
        label=_("Email"), max_length=100, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def clean_token(self) -> str:
        """The code of the purchase to be."""
        try:
            return _signer.unsign(self.cleaned_data["token"])
        except signing.BadSignature:
            raise forms.ValidationError(_("This page is too old. Please reload it.")) from None

    @property
    def buyer(self) -> dict[str, Any]:
        """buyer_name, buyer_tel and buyer_email of a valid form."""
        return {name: self.cleaned_data[name] for name in ("buyer_name", "buyer_tel", "buyer_email")}


class MemberForm(forms.Form):
    """How a member of the coffee club is reached."""

    buyer_tel = _telephone()


def new_token() -> str:
    """A fresh value for BuyerForm.token."""
    return _signer.sign(new_code())
