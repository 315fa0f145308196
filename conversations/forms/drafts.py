"""What a page may keep of what is being typed."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from conversations.forms.messages import ManyIds, clean_words


class DraftForm(forms.Form):
    """The composer as it stands. `known` is the revision of the draft that the page has."""

    text = forms.CharField(required=False, strip=False)
    model_name = forms.CharField(required=False, max_length=200)
    ask_once = forms.CharField(required=False, max_length=220)
    attachment_ids = ManyIds(required=False)
    send_id = forms.UUIDField(required=False)
    known = forms.IntegerField(required=False, min_value=0, max_value=2**62)
    forget_other = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict) -> None:
        renamed = data.copy()
        renamed.setlist("attachment_ids", data.getlist("attachments"))
        renamed.setlist("model_name", data.getlist("model"))
        super().__init__(renamed)

    def clean_text(self) -> str:
        return clean_words(self.cleaned_data["text"])
