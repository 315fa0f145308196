"""What a person may say of themselves."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms

from conversations.models import Theme, User


@cache
def zone_names() -> tuple[str, ...]:
    """Return the names of all zones. To find them is a walk through a thousand files."""
    return tuple(sorted(available_timezones()))


class PasswordAlone:
    """For Django's forms that set a password: stores it, and not the whole person with it.

    The slow hash takes so long that somebody may be deactivated, or lose a role, meanwhile: to store all that
    was read before would undo that.
    """

    def set_password_and_save(self, user: User, *args: Any, commit: bool = True, **kwargs: Any) -> User:
        super().set_password_and_save(user, *args, commit=False, **kwargs)  # type: ignore[misc]
        if commit:
            user.save(update_fields=["password"])
        return user


class AccountForm(forms.ModelForm):
    time_zone = forms.ChoiceField(label="Time zone", required=False)

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "time_zone", "theme"]
        labels = {"email": "Mail address"}
        help_texts = {"email": "Where a link goes if you forget your password."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - it is declared above
        field.choices = [("", "As the site"), *((name, name) for name in zone_names())]

    def save(self, commit: bool = True) -> User:
        """Store what the form is about, and nothing else of the person: see PasswordAlone."""
        person: User = super().save(commit=False)
        if commit:
            person.save(update_fields=self.Meta.fields)
        return person


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=Theme)
