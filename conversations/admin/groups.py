"""Groups of people in the panel."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect

from conversations.admin.pages import Page, say
from conversations.forms.rows import RowsField
from conversations.models import User
from conversations.services import model_settings, roles, tool_settings
from conversations.services.errors import Refused

# Django's own page is about permissions; what a person may do in this panel is set on their page.
admin.site.unregister(Group)


class PeopleField(RowsField):
    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        name = obj.get_full_name()
        told = f"{obj.username} ({name})" if name else obj.username
        return told if obj.is_active else f"{told}, may not sign in"


class GroupsField(RowsField):
    """The groups of a person. Those that `giver` may not give are not shown, and stay as they are."""

    widget = forms.CheckboxSelectMultiple


def given_by(person: User) -> QuerySet[Group]:
    """Return the groups whose people `person` may choose: never a role, which is given on a person's page.

    A group may carry permissions, though the panel gives it none: whoever could put themselves into such
    a one would give themselves rights.
    """
    groups = roles.team_groups()
    return groups if roles.may(person, "manage_roles") else groups.filter(permissions=None)


class GroupForm(forms.ModelForm):
    members = PeopleField(
        label="Members",
        required=False,
        queryset=User.objects.none(),
        help_text="Who is in the group. It counts from their next question on.",
    )

    class Meta:
        model = Group
        fields = ("name",)
        help_texts = {"name": "For example Research. Tools that are limited to the group follow a new name."}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name.casefold() in {role.casefold() for role in roles.RoleName}:
            raise forms.ValidationError("This is the name of a role. Choose another one.")
        return name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "members" in self.fields:
            people = User.objects.filter(is_active=True)
            if self.instance.pk:
                # Who may not sign in is offered only where they are a member: to be taken out.
                members = list(self.instance.user_set.values_list("pk", flat=True))
                self.initial.setdefault("members", members)
                people = User.objects.filter(Q(is_active=True) | Q(groups=self.instance)).distinct()
            self.fields["members"].queryset = people.order_by("username", "id")  # type: ignore[attr-defined]


@admin.register(Group)
class GroupPage(Page):
    subject = "Groups"
    subject_one = "group"
    permission = "manage_people"
    audit_kind = "group"
    form = GroupForm
    list_display = ("name", "size")
    ordering = ("name", "id")
    # No box to tick: groups are deleted one by one, each with a look.
    actions = None
    fieldsets = ((None, {"fields": ("name", "members")}),)
    # Django would look for them under the name of its own app.
    change_list_template = "admin/conversations/change_list.html"
    change_form_template = "admin/conversations/change_form.html"
    delete_confirmation_template = "admin/conversations/group/delete_confirmation.html"
    object_history_template = "admin/conversations/object_history.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return roles.team_groups().annotate(number_of_people=Count("user"))

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_give(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_give(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        # Without `obj`: who may change the others may look at each.
        return super().has_view_permission(request)

    def save_model(self, request: HttpRequest, obj: Group, form: forms.ModelForm, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if change and "name" in form.changed_data:
                tool_settings.rename_group(form.initial["name"], obj.name)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "members" in form.cleaned_data:
            form.instance.user_set.set(form.cleaned_data["members"])

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refused as refusal:
            say(request, messages.ERROR, str(refusal))
            return redirect("admin:auth_group_changelist")

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        model_settings.refuse_to_open(obj)
        super().delete_model(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the group alone: its people stay."""
        return [str(obj) for obj in objs], {}, set(), []

    @admin.display(description="Members", ordering="number_of_people")
    def size(self, group: Any) -> int:
        number: int = group.number_of_people
        return number

    @admin.display(description="Members")
    def members(self, group: Group) -> str:
        """Shown to who may look at a group and not change it."""
        if not group.pk:
            return ""
        return ", ".join(group.user_set.order_by("username", "id").values_list("username", flat=True))


def _may_give(request: HttpRequest, group: Group | None) -> bool:
    return bool(group is None or roles.may(request.user, "manage_roles") or not group.permissions.exists())
