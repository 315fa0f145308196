"""The people of the site."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from conversations.models import User
from conversations.services.errors import Refused

# No letters and digits that look alike: the password is read from a terminal once.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class FirstAdmin:
    """The admin that was just made. `password` is empty where it was given: then nobody needs to be told."""

    username: str
    password: str


@transaction.atomic
def make_first_admin(*, username: str, password: str) -> FirstAdmin | None:
    """Make the first admin, or nothing where there is one. Without a password one is made up.

    Raises Refused where the given password is too weak.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    username = username or "admin"
    try:
        User._meta.get_field("username").clean(username, None)
    except ValidationError as error:
        raise Refused("ADMIN_USERNAME: " + " ".join(error.messages)) from error
    made_up = "" if password else "".join(secrets.choice(_ALPHABET) for _ in range(16))
    admin = User(username=username, is_staff=True, is_superuser=True)
    if password:
        try:
            validate_password(password, admin)
        except ValidationError as error:
            raise Refused("ADMIN_PASSWORD: " + " ".join(error.messages)) from error
    admin.set_password(password or made_up)
    admin.save()
    return FirstAdmin(username, made_up)
