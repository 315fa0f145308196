"""By what the audit log is filtered."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from conversations.services import audit
from conversations.services.audit_reading import Wanted


def _actions() -> list[tuple[str, str]]:
    return [("", "Every action"), *sorted(audit.ACTIONS.items(), key=lambda pair: pair[1])]


class AuditFilterForm(forms.Form):
    """All fields are optional; an address names them. Days are those of the reader's time zone."""

    action = forms.ChoiceField(
        choices=_actions,
        required=False,
        error_messages={"invalid_choice": "There is no such action. Choose one of the list."},
    )
    person = forms.CharField(
        max_length=150,
        required=False,
        label="Who",
        widget=forms.TextInput(attrs={"list": "audit-people", "autocomplete": "off"}),
    )
    words = forms.CharField(max_length=200, required=False, label="What it was done to, or from where")
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, zone: ZoneInfo) -> None:
        super().__init__(data)
        self._zone = zone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        for name in ("since", "until"):
            if (day := cleaned.get(name)) and not 1970 <= day.year <= 9000:
                self.add_error(name, "There is nothing of that year.")
        return cleaned

    @property
    def wanted(self) -> Wanted:
        """What was asked for, of a valid form."""
        cleaned = self.cleaned_data
        since, until = cleaned["since"], cleaned["until"]
        return Wanted(
            action=cleaned["action"],
            person=cleaned["person"],
            words=cleaned["words"],
            since=datetime.combine(since, time.min, self._zone) if since else None,
            until=datetime.combine(until + timedelta(days=1), time.min, self._zone) if until else None,
        )
