"""What a person may send."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict

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


class MessageForm(forms.Form):
    """A question. Whether it may be sent is for services.sending to say."""

    send_id = forms.UUIDField(error_messages={"required": "Reload the page and send again."})
    # Not stripped: code that begins with spaces keeps them.
    text = forms.CharField(required=False, strip=False)
    model_name = forms.CharField(required=False, max_length=200)
    attachment_ids = ManyIds(required=False)
    tools = forms.MultipleChoiceField(required=False)

    def __init__(self, data: QueryDict | None = None) -> None:
        # The page's names are shorter than the service's.
        renamed = None
        if data is not None:
            renamed = data.copy()
            renamed.setlist("attachment_ids", data.getlist("attachments"))
            renamed.setlist("model_name", data.getlist("model"))
        super().__init__(renamed)
        self._shows_tools = data is not None and "tools_shown" in data
        field = self.fields["tools"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - it is declared above
        field.choices = [(tool.name, tool.name) for tool in registry.all()]

    def clean_tools(self) -> list[str] | None:
        """Return the chosen names; None from a page that showed no tools: then nothing changes."""
        return list(self.cleaned_data["tools"]) if self._shows_tools else None

    def clean_text(self) -> str:
        # Browsers send line ends as CRLF; NUL is refused by Postgres.
        text: str = self.cleaned_data["text"].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
        if len(text) > settings.MESSAGE_MAX_CHARACTERS:
            limit = f"{settings.MESSAGE_MAX_CHARACTERS:,}"
            raise ValidationError(
                f"This text has {len(text):,} characters; {limit} is the most that can be sent."
            )
        return text


class VersionForm(forms.Form):
    """A request for another version of an answer."""

    send_id = forms.UUIDField()
    model_name = forms.CharField(required=False, max_length=200)
