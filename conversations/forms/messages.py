"""What a person may send."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict

from conversations.forms.comparing import ManyNames
from conversations.models import Hint
from conversations.tools import registry


class ManyIds(forms.Field):
    """A repeated field of UUIDs, in the order of the page, each once."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[UUID, ...]:
        if not value:
            return ()
        try:
            return tuple(dict.fromkeys(UUID(str(entry)) for entry in value if entry))
        except ValueError:
            raise ValidationError(
                "One of the files is not known here. Remove it and attach it again."
            ) from None


def clean_words(typed: str) -> str:
    """Return what was typed, with line ends as they are stored. Raise ValidationError beyond the limit."""
    # Browsers send line ends as CRLF; NUL is refused by Postgres.
    text = typed.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if len(text) > settings.MESSAGE_MAX_CHARACTERS:
        limit = f"{settings.MESSAGE_MAX_CHARACTERS:,}"
        raise ValidationError(
            f"This text has {len(text):,} characters; {limit} is the most that can be sent."
        )
    return text


class MessageForm(forms.Form):
    """A question. Whether it may be sent is for services.sending to say."""

    send_id = forms.UUIDField(error_messages={"required": "Reload the page and send again."})
    # Not stripped: code that begins with spaces keeps them.
    text = forms.CharField(required=False, strip=False)
    model_name = forms.CharField(required=False, max_length=200)
    attachment_ids = ManyIds(required=False)
    tools = forms.MultipleChoiceField(required=False)
    # Of the first question alone: its conversation is erased after a day.
    is_temporary = forms.BooleanField(required=False)
    assistant_id = forms.UUIDField(required=False)
    # Who answers this one question, as services.assistants.Once.key has it.
    ask_once = forms.CharField(required=False, max_length=220)
    # The models that answer beside the chosen one.
    compare = ManyNames(required=False)

    def __init__(self, data: QueryDict | None = None) -> None:
        # The page's names are shorter than the service's.
        renamed = None
        if data is not None:
            renamed = data.copy()
            renamed.setlist("attachment_ids", data.getlist("attachments"))
            renamed.setlist("model_name", data.getlist("model"))
            renamed.setlist("is_temporary", data.getlist("temporary"))
            renamed.setlist("assistant_id", data.getlist("assistant"))
        super().__init__(renamed)
        self._shows_tools = data is not None and "tools_shown" in data
        field = self.fields["tools"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - it is declared above
        field.choices = [(tool.name, tool.name) for tool in registry.all()]

    def clean_tools(self) -> list[str] | None:
        """Return the chosen names; None from a page that showed no tools: then nothing changes."""
        return list(self.cleaned_data["tools"]) if self._shows_tools else None

    def clean_text(self) -> str:
        return clean_words(self.cleaned_data["text"])


class VersionForm(forms.Form):
    """A request for another version of an answer: by another model, or with a hint."""

    send_id = forms.UUIDField()
    model_name = forms.CharField(required=False, max_length=200)
    hint = forms.ChoiceField(choices=[("", ""), *Hint.choices], required=False)


class SendIdForm(forms.Form):
    """A request that needs nothing but its id."""

    send_id = forms.UUIDField()


class EditForm(MessageForm):
    """A question in other words. `attachments` are those of its pictures that it keeps."""

    @property
    def edit(self) -> dict[str, Any]:
        """What services.versions takes."""
        data = self.cleaned_data
        return {
            "send_id": data["send_id"],
            "text": data["text"],
            "model_name": data["model_name"],
            "keep": data["attachment_ids"],
        }


class DeletionForm(forms.Form):
    """Which deleted branch is to come back."""

    deletion = forms.UUIDField()
