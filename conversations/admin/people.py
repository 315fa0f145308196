"""People in the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from conversations.admin.groups import GroupsField, given_by
from conversations.admin.pages import Page, say
from conversations.forms.account import PasswordAlone, zone_names
from conversations.models import User
from conversations.services import audit, people, roles, sign_ins
from conversations.services.errors import Refused
from conversations.services.roles import RoleName

_RIGHTS = ("is_active", "role")


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

    role = forms.ChoiceField(
        label="Role",
        choices=[(role.value, role.value) for role in RoleName],
        help_text=(
            "Members chat. Reviewers also read what people hand in for review. Admins run this panel. "
            "Owners do too, and say who is an admin or an owner."
        ),
        error_messages={"invalid_choice": "This role is not yours to give. Choose one of the list."},
    )
    # Who fills the form in; PersonPage.get_form says.
    acting_person: User | None = None
    # roles.give, people.activate and people.deactivate write their own entries.
    audited_elsewhere = _RIGHTS

    class Meta:
        labels = {"email": "Mail address", "is_active": "May sign in"}
        help_texts = {
            "username": "What the person types to sign in. Letters, digits and @ . + - _ only.",
            "is_active": "Switch this off instead of deleting a person: it ends all their sign-ins at once.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields and self.acting_person:
            given = roles.gives(self.acting_person)
            present = roles.role_of(self.instance) if self.instance.pk else RoleName.MEMBER
            self.initial["role"] = present.value
            shown = [role for role in RoleName if role in given or role == present]
            self.fields["role"].choices = [(role.value, role.value) for role in shown]  # type: ignore[attr-defined]

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        try:
            roles.refuse_to_give(self.instance, role, by=self.acting_person)
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return role


class PersonForm(_PersonFields, UserChangeForm):
    # Not even its hash is shown. A new one is set on a page of its own.
    password = None  # type: ignore[assignment]

    groups = GroupsField(
        required=False,
        queryset=Group.objects.none(),
        help_text="Some tools may be limited to groups. New groups are made on the page “Groups”.",
    )

    class Meta(_PersonFields.Meta):
        model = User
        fields = ("username", "first_name", "last_name", "email", "time_zone", "is_active", "groups")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "groups" in self.fields and self.acting_person:
            shown = given_by(self.acting_person)
            self.fields["groups"].queryset = shown  # type: ignore[attr-defined]
            # What is not shown, the role above all, is no change of what is.
            self.initial["groups"] = list(shown.filter(user=self.instance)) if self.instance.pk else []

    def clean_groups(self) -> list[Group]:
        """Return what was chosen, and the groups that the acting person was not shown."""
        shown = self.fields["groups"].queryset  # type: ignore[attr-defined]
        kept = self.instance.groups.exclude(pk__in=shown.values("pk"))
        return [*self.cleaned_data["groups"], *kept]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance == self.acting_person:
            for right in _RIGHTS:
                if right in cleaned and cleaned[right] != self.initial.get(right):
                    self.add_error(
                        right,
                        "This is your own account: you would lock yourself out. Ask another admin to do it.",
                    )
        elif cleaned.get("is_active") is False and self.initial.get("is_active"):
            try:
                roles.refuse_to_lose_the_last_owner(self.instance)
            except Refused as refusal:
                self.add_error("is_active", str(refusal))
        return cleaned


class NewPersonForm(_PersonFields, UserCreationForm):
    class Meta(_PersonFields.Meta):
        model = User
        fields = ("username", "first_name", "last_name", "email", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password2"].label = "Password, once more"
        self.fields[
            "password2"
        ].help_text = "Tell it to the person in a safe way; they can change it themselves."


class NewPasswordForm(PasswordAlone, AdminPasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whoever shall not sign in any more is deactivated; there is no other door to sign in by.
        self.fields.pop("usable_password", None)
        self.base_fields.pop("usable_password", None)


class RoleFilter(admin.SimpleListFilter):
    title = "role"
    parameter_name = "role"
    _NOT_SIGN_IN = "nothing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((role.value, role.value) for role in RoleName), (self._NOT_SIGN_IN, "May not sign in")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() == self._NOT_SIGN_IN:
            return queryset.filter(is_active=False)
        if self.value() not in list(RoleName):
            return queryset
        return queryset.filter(pk__in=roles.people_in(RoleName(self.value() or "")), is_active=True)


@admin.register(User)
class PersonPage(Page, UserAdmin):
    subject = "People"
    subject_one = "person"
    permission = "manage_people"
    audit_kind = "person"
    presses = {"deactivate": "press_deactivate", "activate": "press_activate"}
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
        ("Rights", {"fields": ("role",)}),
    )

    def get_urls(self) -> list[Any]:
        found = super().get_urls()
        for pattern in found:
            if pattern.name == "auth_user_password_change":
                # Django's view asks has_change_permission; here it only names what that asks for.
                pattern.callback.permission = self.permission  # type: ignore[attr-defined]
        return found

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("PersonFormFor", (form,), {"acting_person": request.user})

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("last_login", "date_joined") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # Whoever could set an owner's password would be one.
        if obj is not None and not roles.may_change(request.user, obj):
            return False
        return super().has_change_permission(request, obj)

    def _record(self, request: HttpRequest, verb: str, obj: Any) -> None:
        if set(getattr(request, "_audited_changes", ())) == {"password"}:
            audit.record("person.password_changed", subject=obj)
            self._note(request, {})
        super()._record(request, verb, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        wanted = obj.is_active
        if change and "is_active" in form.changed_data:
            # The verbs below do more than set it: sign-ins end, answers stop.
            obj.is_active = not wanted
        super().save_model(request, obj, form, change)
        if obj.is_active != wanted:
            (people.activate if wanted else people.deactivate)(obj, by=_person(request))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        key_before = request.session.session_key
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            # Sign-ins with the old password count for nothing any more; their rows go too.
            is_own = str(request.user.pk) == id
            if is_own:
                sign_ins.renamed(request.session, before=key_before)
            sign_ins.end_all(User.objects.get(pk=id), but=request.session if is_own else None)
        return response

    def press_deactivate(self, request: HttpRequest, person: User) -> None:
        sentence = f"{person} is signed out and may not sign in any more."
        self._press(request, person, people.deactivate, sentence)

    def press_activate(self, request: HttpRequest, person: User) -> None:
        self._press(request, person, people.activate, f"{person} may sign in again.")

    def _press(self, request: HttpRequest, person: User, verb: Callable[..., bool], sentence: str) -> None:
        try:
            changed = verb(person, by=_person(request))
        except Refused as refusal:
            say(request, messages.ERROR, str(refusal))
        else:
            say(request, messages.SUCCESS, sentence if changed else "Nothing was to be changed.")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "role" in form.cleaned_data:
            roles.give(form.instance, form.cleaned_data["role"], by=_person(request))

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # A person's conversations and calls stay: people are deactivated.
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        return found

    @admin.display(description="Name")
    def full_name(self, person: User) -> str:
        return person.get_full_name()

    @admin.display(description="Role")
    def role(self, person: User) -> str:
        role = roles.role_of(person).value if person.pk else RoleName.MEMBER.value
        return role if person.is_active else f"{role}, may not sign in"

    @admin.display(description="Last sign-in", ordering="last_login", empty_value="never")
    def last_seen(self, person: User) -> Any:
        return person.last_login


def _person(request: HttpRequest) -> Any:
    return request.user
