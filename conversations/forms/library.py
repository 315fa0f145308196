"""What a person may say of a prompt or an assistant."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from conversations.forms.messages import clean_words
from conversations.forms.rows import RowsField
from conversations.models import Assistant, Model, Prompt
from conversations.services import assistants

_STARTER_LENGTH = 300
# Characters of a prompt, or of instructions.
_LONGEST = 100_000


class _SharedForm(forms.Form):
    """A name, a description, and who may use it besides its owner. `groups` are those to share with."""

    name = forms.CharField(
        label="Name", max_length=60, error_messages={"required": "It needs a name to be called by."}
    )
    description = forms.CharField(
        label="Description", max_length=200, required=False, help_text="One line, for the lists."
    )
    is_for_everybody = forms.BooleanField(label="Share with everybody", required=False)
    groups = RowsField(
        label="Share with groups",
        required=False,
        queryset=Group.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "You may share only with groups that you are in."},
    )

    def __init__(
        self, data: Any = None, *, row: Prompt | Assistant, groups: QuerySet[Group], **initial: object
    ) -> None:
        names = ("name", "description", "is_for_everybody")
        values: dict[str, Any] = {name: getattr(row, name) for name in names} | initial
        if row.pk:
            values["groups"] = list(row.groups.values_list("pk", flat=True))
        super().__init__(data, initial=values)
        field = self.fields["groups"]
        assert isinstance(field, RowsField)  # noqa: S101 - it is declared above
        field.queryset = groups
        self.fields["name"].widget.attrs["autocomplete"] = "off"

    def clean_name(self) -> str:
        return " ".join(str(self.cleaned_data["name"]).split())

    def clean_description(self) -> str:
        return " ".join(str(self.cleaned_data["description"]).split())


class PromptForm(_SharedForm):
    """A prompt."""

    text = forms.CharField(
        label="Text",
        strip=False,
        max_length=_LONGEST,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="{{words}} in double braces are variables: you are asked for them each time.",
        error_messages={"required": "A prompt needs a text."},
    )

    field_order = ("name", "description", "text", "is_for_everybody", "groups")

    def __init__(self, data: Any = None, *, row: Prompt, groups: QuerySet[Group]) -> None:
        super().__init__(data, row=row, groups=groups, text=row.text)

    def clean_text(self) -> str:
        text = clean_words(self.cleaned_data["text"])
        if not text.strip():
            raise ValidationError("A prompt needs a text.")
        return text


class AssistantForm(_SharedForm):
    """An assistant. `offered` are the models, `tools` the names of the tools, that its owner may use."""

    instructions = forms.CharField(
        label="Instructions",
        required=False,
        max_length=_LONGEST,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=(
            "Said to the model before every question. Whoever this assistant is shared with can read them."
        ),
    )
    model = forms.ChoiceField(
        label="Model", required=False, help_text="Who may not use it gets their usual model instead."
    )
    tools = forms.MultipleChoiceField(
        label="Tools",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Each person uses only those that they may use.",
    )
    starter_questions = forms.CharField(
        label="Questions to begin with",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"One per line, at most {assistants.STARTERS}. They stand on the empty page as buttons.",
    )

    field_order = (
        "name",
        "description",
        "instructions",
        "model",
        "tools",
        "starter_questions",
        "is_for_everybody",
        "groups",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        row: Assistant,
        groups: QuerySet[Group],
        offered: list[Model],
        tools: list[str],
    ) -> None:
        super().__init__(
            data,
            row=row,
            groups=groups,
            instructions=row.instructions,
            model=row.model.name if row.model else "",
            tools=row.tools,
            starter_questions="\n".join(row.starter_questions),
        )
        models = [("", "The usual one of each person"), *((m.name, m.shown_name) for m in offered)]
        if row.model and row.model.name not in dict(models):
            models.append((row.model.name, f"{row.model.shown_name} (not offered to you any more)"))
        self.fields["model"].choices = models  # type: ignore[attr-defined]
        names = [*tools, *(name for name in row.tools if name not in tools)]
        self.fields["tools"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        if not names:
            del self.fields["tools"]

    def clean_instructions(self) -> str:
        return clean_words(self.cleaned_data["instructions"])

    def clean_starter_questions(self) -> list[str]:
        lines = clean_words(self.cleaned_data["starter_questions"]).split("\n")
        questions = [" ".join(line.split()) for line in lines if line.strip()]
        if len(questions) > assistants.STARTERS:
            raise ValidationError(
                f"These are {len(questions)} questions; at most {assistants.STARTERS} can be offered."
            )
        if any(len(question) > _STARTER_LENGTH for question in questions):
            raise ValidationError(f"A question to begin with has at most {_STARTER_LENGTH} characters.")
        return questions
