"""What a person asks of usage: which days, by what, narrowed to whom. All of it stands in the address."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict

from conversations.models import USAGE_SUMS
from conversations.services import usage_asking
from conversations.services.usage_asking import CUSTOM, PRESETS, USUAL, Asked
from conversations.services.usage_sources import TIMES, Only

_LAST_PAGE = 100_000


class UsageForm(forms.Form):
    """The days of a report, and its dimensions."""

    range = forms.ChoiceField(label="Days", choices=list(PRESETS.items()), required=False)
    first = forms.DateField(label="From", required=False, widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label="To", required=False, widget=forms.DateInput({"type": "date"}))
    by = forms.ChoiceField(label="By", required=False)
    then = forms.ChoiceField(label="And by", required=False)
    person = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)
    group = forms.CharField(
        required=False, max_length=150, strip=False, empty_value=None, widget=forms.HiddenInput
    )
    key = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)
    model = forms.CharField(
        required=False, max_length=200, strip=False, empty_value=None, widget=forms.HiddenInput
    )
    order = forms.CharField(required=False, max_length=40)
    page = forms.IntegerField(required=False, min_value=1, max_value=_LAST_PAGE)

    def __init__(self, data: QueryDict, *, dimensions: tuple[str, ...]) -> None:
        super().__init__(data)
        choices = [(name, name.capitalize()) for name in dimensions]
        self.dimensions = dimensions
        self.fields["by"].choices = choices  # type: ignore[attr-defined]
        self.fields["then"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]

    def asked(self, *, today: date) -> Asked:
        """Return what was asked, with what is usual in place of what can't be read."""
        self.is_valid()
        given: dict[str, Any] = {name: self.cleaned_data.get(name) for name in self.fields}
        preset = given["range"] or (CUSTOM if given["first"] or given["last"] else USUAL)
        first, last, problem = usage_asking.days_of(preset, given["first"], given["last"], today)
        unread = [name for name in self.errors if name not in ("order", "page")]
        problems = [f"“{self.fields[name].label or name.capitalize()}” can’t be read." for name in unread]
        by = given["by"] or self.dimensions[0]
        # By day and month at once would be by day.
        then = given["then"] or ""
        if then == by or {by, then} == {*TIMES}:
            then = ""
        return Asked(
            preset=preset,
            first=first,
            last=last,
            by=by,
            then=then,
            only=self._only(given),
            order=_order(given["order"] or "", (by, then)),
            page=given["page"] or 1,
            problems=(*problems, *([problem] if problem else [])),
        )

    def _only(self, given: dict[str, Any]) -> Only:
        offered = {field.name for field in fields(Only)} & {*self.dimensions}
        chosen = {name for name in offered if name in self.data and name not in self.errors}
        return Only(
            person=given["person"] if "person" in chosen else None,
            key=given["key"] if "key" in chosen else None,
            # "group=" asks for those in no group.
            group=(given["group"] or "") if "group" in chosen else None,
            model=(given["model"] or "") if "model" in chosen else None,
        )


def _order(given: str, dimensions: tuple[str, ...]) -> str:
    return given if given.removeprefix("-") in (*dimensions, *USAGE_SUMS) and given.strip("-") else ""
