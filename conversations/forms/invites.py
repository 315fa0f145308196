"""Forms around invites: what an admin says of one, and what the invited person chooses."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from conversations.forms.rows import RowsField
from conversations.models import User
from conversations.services import invites


class InviteForm(forms.Form):
    """A new invite. `roles` and `groups` are those that the acting person may give."""

    # Made with the page: a form that is posted twice makes one invite.
    public_id = forms.UUIDField(widget=forms.HiddenInput)
    role = forms.ChoiceField(
        label="Role", error_messages={"invalid_choice": "You may not give this role. Choose another."}
    )
    groups = RowsField(
        label="Groups",
        required=False,
        queryset=Group.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text="The person is in these groups from the start.",
    )
    email = forms.EmailField(label="Mail address", required=False, max_length=254)
    days = forms.IntegerField(
        label="Days until it ends",
        min_value=1,
        max_value=invites.MOST_DAYS,
        help_text=f"1 to {invites.MOST_DAYS}.",
    )

    def __init__(
        self, data: Any = None, *, roles: Iterable[str], groups: QuerySet[Group], may_mail: bool
    ) -> None:
        names = list(roles)
        super().__init__(data, initial={"public_id": uuid.uuid4(), "role": names[-1], "days": 7})
        self.fields["role"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["groups"].queryset = groups  # type: ignore[attr-defined]
        if not groups.exists():
            del self.fields["groups"]
        self.fields["email"].help_text = (
            "The link is mailed there. Leave it empty to hand the link on yourself."
            if may_mail
            else "Kept with the account. This site sends no mail: hand the link on yourself."
        )


class JoiningForm(UserCreationForm):
    """What an invited person chooses; `save(commit=False)` returns them with their password, not stored."""

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name")
        help_texts = {"username": "What you type to sign in. Letters, digits and @ . + - _ only."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password2"].label = "Password, once more"
        self.fields["password2"].help_text = ""
        self.fields["username"].widget.attrs["autocomplete"] = "username"
        self.fields["first_name"].widget.attrs["autocomplete"] = "given-name"
        self.fields["last_name"].widget.attrs["autocomplete"] = "family-name"
