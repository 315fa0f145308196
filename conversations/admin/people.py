"""People in the panel."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from conversations.admin.groups import GroupsField, given_by
from conversations.admin.pages import Page
from conversations.forms.account import zone_names
from conversations.models import User

_RIGHTS = ("is_active", "is_staff", "is_superuser")


def _zones() -> list[tuple[str, str]]:
    names = [name for name in zone_names() if "/" in name and not name.startswith("Etc/")]
    return [("", f"As the site ({settings.TIME_ZONE})"), ("UTC", "UTC"), *((name, name) for name in names)]


class _PersonFields(forms.ModelForm):
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=_zones,
        required=False,
        help_text="In which the person's days begin: “Today”, “Yesterday”.",
    )

    class Meta:
        labels = {
            "email": "Mail address",
            "is_active": "May sign in",
            "is_staff": "May open the admin panel",
            "is_superuser": "May do everything in it",
        }
        help_texts = {
            "username": "What the person types to sign in. Letters, digits and @ . + - _ only.",
            "is_active": "Switch this off instead of deleting a person: it ends all their sign-ins at once.",
            "is_staff": "Members leave this off.",
            "is_superuser": "Keys, models and people. Without it they see only what was granted one by one.",
        }


class PersonForm(_PersonFields, UserChangeForm):
    # Who fills the form in; PersonPage.get_form says.
    acting_person: User | None = None

    # Not even its hash is shown. A new one is set on a page of its own.
    password = None  # type: ignore[assignment]

    groups = GroupsField(
        required=False,
        queryset=Group.objects.none(),
        help_text="Some tools may be limited to groups. New groups are made on the page “Groups”.",
    )

    class Meta(_PersonFields.Meta):
        model = User
        fields = ("username", "first_name", "last_name", "email", "time_zone", *_RIGHTS, "groups")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "groups" in self.fields and self.acting_person:
            self.fields["groups"].queryset = given_by(self.acting_person)  # type: ignore[attr-defined]

    def clean_groups(self) -> list[Group]:
        """Return what was chosen, and the groups that the acting person was not shown."""
        shown = self.fields["groups"].queryset  # type: ignore[attr-defined]
        kept = self.instance.groups.exclude(pk__in=shown.values("pk"))
        return [*self.cleaned_data["groups"], *kept]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance == self.acting_person:
            for right in _RIGHTS:
                if self.initial.get(right) and cleaned.get(right) is False:
                    self.add_error(
                        right,
                        "This is your own account: you would lock yourself out. Ask another admin to do it.",
                    )
        return cleaned


class NewPersonForm(_PersonFields, UserCreationForm):
    class Meta(_PersonFields.Meta):
        model = User
        fields = ("username", "first_name", "last_name", "email", "time_zone", "is_staff", "is_superuser")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password2"].label = "Password, once more"
        self.fields[
            "password2"
        ].help_text = "Tell it to the person in a safe way; they can change it themselves."


class NewPasswordForm(AdminPasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whoever shall not sign in any more is deactivated; there is no other door to sign in by.
        self.fields.pop("usable_password", None)
        self.base_fields.pop("usable_password", None)


class RoleFilter(admin.SimpleListFilter):
    title = "what they may"
    parameter_name = "may"
    _CONDITIONS = {
        "chat": {"is_active": True, "is_staff": False},
        "panel": {"is_active": True, "is_staff": True},
        "nothing": {"is_active": False},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("chat", "Chat"), ("panel", "Open the panel"), ("nothing", "Not sign in")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(**self._CONDITIONS.get(self.value() or "", {}))


@admin.register(User)
class PersonPage(Page, UserAdmin):
    subject = "People"
    subject_one = "person"
    form = PersonForm
    add_form = NewPersonForm
    add_form_template = None
    change_password_form = NewPasswordForm
    change_user_password_template = "admin/conversations/user/change_password.html"  # noqa: S105
    list_display = ("username", "full_name", "email", "role", "last_seen")
    list_filter = (RoleFilter,)
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = "Search names and mail addresses"
    ordering = ("username", "id")
    filter_horizontal = ()
    actions = None
    fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "time_zone")}),
        ("Rights", {"fields": _RIGHTS}),
        ("Groups", {"fields": ("groups",)}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2")}),
        ("About the person", {"fields": ("first_name", "last_name", "email", "time_zone")}),
        ("Rights", {"fields": ("is_staff", "is_superuser")}),
    )

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("PersonFormFor", (form,), {"acting_person": request.user})

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        dates: tuple[str, ...] = ("last_login", "date_joined") if obj else ()
        if obj and not request.user.has_perm("auth.change_group"):
            dates = (*dates, "groups")
        # Nobody gives away a right that they do not have.
        return dates if _is_superuser(request) else (*dates, "is_staff", "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # Whoever could set a superuser's password would be one.
        if obj is not None and obj.is_superuser and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # A person's conversations and calls stay: people are deactivated.
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request)
        return found

    @admin.display(description="Name")
    def full_name(self, person: User) -> str:
        return person.get_full_name()

    @admin.display(description="May", ordering="is_staff")
    def role(self, person: User) -> SafeString | str:
        if not person.is_active:
            return "not sign in"
        if person.is_superuser:
            return "chat, administer everything"
        return "chat, open the panel" if person.is_staff else "chat"

    @admin.display(description="Last sign-in", ordering="last_login", empty_value="never")
    def last_seen(self, person: User) -> Any:
        return person.last_login


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated and request.user.is_superuser)
