"""What the adapter tells of a customer, of whatever kind the project's user model is."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models

from portone_django.adapter import Adapter
from tests.factories import UserFactory


class Telephone(AbstractBaseUser):
    """A user model as a shop of telephones may have it: neither name nor address."""

    phone = models.CharField(max_length=20, unique=True)
    USERNAME_FIELD = "phone"

    class Meta:
        app_label = "tests_adapter"
        managed = False


def test_a_user_model_without_name_and_address_gives_none() -> None:
    assert Adapter().buyer(Telephone(phone="010-0000-0000")) == {"buyer_name": "", "buyer_email": ""}


def test_the_name_and_the_address_are_the_users_own() -> None:
    user = UserFactory.build(first_name="길동", last_name="홍", email="hong@example.com")
    assert Adapter().buyer(user) == {"buyer_name": user.get_full_name(), "buyer_email": "hong@example.com"}
