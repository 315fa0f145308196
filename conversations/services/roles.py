"""Who may do what: four roles, each a Django group with permissions of `Setting.Meta.permissions`.

The role is the one truth: `is_staff` and single permissions of a person count for nothing. A superuser (the
first admin, or one that Django's own command made) counts as an owner.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.db import transaction
from django.db.models import Q, QuerySet

from conversations.models import Setting, User
from conversations.services import audit
from conversations.services.errors import Refused

APP = "conversations"
Person = User | AnonymousUser


class RoleName(StrEnum):
    """The roles, the mightiest first. The value is the group's name, and the word that people read."""

    OWNER = "Owner"
    ADMIN = "Admin"
    REVIEWER = "Reviewer"
    MEMBER = "Member"


PERMISSIONS: frozenset[str] = frozenset(codename for codename, _ in Setting._meta.permissions)
_OF_ROLE: dict[RoleName, frozenset[str]] = {
    RoleName.OWNER: PERMISSIONS,
    RoleName.ADMIN: PERMISSIONS - {"manage_roles"},
    RoleName.REVIEWER: frozenset({"review"}),
    RoleName.MEMBER: frozenset(),
}
# What who may manage people, and not every role, may give and take.
_GIVEN_BY_ADMINS = (RoleName.REVIEWER, RoleName.MEMBER)


# --- What a person may -----------------------------------------------------------------------------


def may(person: Person | None, permission: str) -> bool:
    """Say whether `person` may do what `permission` names, for example "manage_keys".

    One query for the first question about one object of a person, none for the next: a request reads its
    person anew, so that what was taken away holds from the next request on. Raises ValueError for a
    permission that there is not: a slip of the pen would open or shut a page for ever.
    """
    if permission not in PERMISSIONS:
        raise ValueError(f"There is no permission {permission!r}.")
    if not isinstance(person, User) or not person.is_active:
        return False
    return bool(person.is_superuser or permission in _permissions_of(person))


class May:
    """What one person may, for templates: `{% if may.use_panel %}`. It asks when it is asked."""

    def __init__(self, person: Person | None) -> None:
        self._person = person

    def __getitem__(self, permission: str) -> bool:
        if permission not in PERMISSIONS:
            raise KeyError(permission)
        return may(self._person, permission)


def who_may(permission: str) -> QuerySet[User]:
    """Return the people who may sign in and may do what `permission` names."""
    holders = Group.objects.filter(permissions__codename=permission, permissions__content_type__app_label=APP)
    return User.objects.filter(Q(is_superuser=True) | Q(groups__in=holders), is_active=True).distinct()


def _permissions_of(person: User) -> frozenset[str]:
    known: frozenset[str] | None = getattr(person, "_permissions_by_role", None)
    if known is None:
        found = Permission.objects.filter(group__user=person, content_type__app_label=APP)
        known = frozenset(found.values_list("codename", flat=True))
        person._permissions_by_role = known  # type: ignore[attr-defined]
    return known


# --- Roles of people -------------------------------------------------------------------------------


def role_of(person: User) -> RoleName:
    """Return the role of `person`; who was given none is a member. Reads `person.groups`."""
    if person.is_superuser:
        return RoleName.OWNER
    names = {group.name for group in person.groups.all()}
    return next((role for role in RoleName if role in names), RoleName.MEMBER)


def people_in(role: RoleName) -> QuerySet[User]:
    """Return the people in `role`, also those who may not sign in."""
    if role == RoleName.OWNER:
        return User.objects.filter(Q(is_superuser=True) | Q(groups__name=role)).distinct()
    mightier = list(RoleName)[: list(RoleName).index(role)]
    above = User.objects.filter(Q(is_superuser=True) | Q(groups__name__in=mightier))
    inside = User.objects.all() if role == RoleName.MEMBER else User.objects.filter(groups__name=role)
    return inside.exclude(pk__in=above.values("pk"))


def owners() -> QuerySet[User]:
    """Return the owners who may sign in."""
    return people_in(RoleName.OWNER).filter(is_active=True)


def gives(by: Person | None) -> tuple[RoleName, ...]:
    """Return the roles that `by` may give: all for an owner, member and reviewer for an admin."""
    if may(by, "manage_roles"):
        return tuple(RoleName)
    return _GIVEN_BY_ADMINS if may(by, "manage_people") else ()


def may_change(by: Person | None, person: User) -> bool:
    """Say whether `by` may change the account of `person`: whoever sets an owner's password would be one."""
    if not may(by, "manage_people"):
        return False
    return may(by, "manage_roles") or by == person or role_of(person) in _GIVEN_BY_ADMINS


@transaction.atomic
def give(person: User, role: RoleName | str, *, by: User | None) -> bool:
    """Make `role` the one role of `person`, and return whether that is new. `by` None is the site itself.

    Raises Refused for a role that there is not, for one that `by` may not give or take, and where no owner
    would be left who may sign in.
    """
    role = _known(role)
    # Two owners who take each other's role at once take turns. (On SQLite IMMEDIATE sees to it.)
    groups = {group.name: group for group in Group.objects.select_for_update().filter(name__in=RoleName)}
    before = role_of(User.objects.get(pk=person.pk))
    refuse_to_give(person, role, by=by)
    if role != RoleName.OWNER:
        # A flag of Django's would go on to count as the role that was just taken.
        User.objects.filter(pk=person.pk).update(is_superuser=False, is_staff=False)
        person.is_superuser = person.is_staff = False
    person.groups.remove(*(group for name, group in groups.items() if name != role))
    person.groups.add(groups.get(role) or Group.objects.create(name=role))
    forget(person)
    if role != before:
        audit.record("role.given", subject=person, actor=by, changes={"role": [before, role]})
    return role != before


def refuse_to_give(person: User, role: RoleName | str, *, by: User | None) -> None:
    """Raise Refused where `give` would, and change nothing: for forms. Who is not stored yet is a member."""
    role = _known(role)
    before = role_of(User.objects.get(pk=person.pk)) if person.pk else RoleName.MEMBER
    if by is not None and role != before:
        _refuse_beyond(gives(by), before, role)
    if role != RoleName.OWNER and person.pk:
        refuse_to_lose_the_last_owner(person)


def refuse_to_lose_the_last_owner(person: User) -> None:
    """Raise Refused where `person` is the only owner who may sign in. Ask before one is deactivated, too."""
    others = list(owners().values_list("pk", flat=True))
    if others == [person.pk]:
        raise Refused(f"{person} is the only owner. Make somebody else an owner first.")


def _refuse_beyond(given: Iterable[RoleName], before: RoleName, role: RoleName) -> None:
    for which, verb in ((before, "change"), (role, "make")):
        if which not in given:
            article = "an" if which[0] in "AO" else "a"
            raise Refused(f"Only an owner may {verb} {article} {which.lower()}.")


def _known(role: RoleName | str) -> RoleName:
    try:
        return RoleName(role)
    except ValueError:
        raise Refused("There is no such role. Choose one of the list.") from None


def forget(person: Any) -> None:
    """Drop what this object of a person knows of their permissions: for what outlives a request."""
    for name in ("_permissions_by_role", "_perm_cache", "_user_perm_cache", "_group_perm_cache"):
        # Not by way of __dict__: a request's person is wrapped.
        if hasattr(person, name):
            delattr(person, name)
    getattr(person, "_prefetched_objects_cache", {}).pop("groups", None)


# --- The groups themselves -------------------------------------------------------------------------


def team_groups() -> QuerySet[Group]:
    """Return the groups that admins make, by name: those that are no roles."""
    return Group.objects.exclude(name__in=RoleName).order_by("name", "id")


@transaction.atomic
def ensure() -> None:
    """Make the four groups, or mend what they may; and let superusers be owners by name too."""
    create_permissions(apps.get_app_config(APP), verbosity=0)
    permissions = {
        permission.codename: permission
        for permission in Permission.objects.filter(content_type__app_label=APP, codename__in=PERMISSIONS)
    }
    for role, codenames in _OF_ROLE.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([permissions[codename] for codename in codenames])
    owner = Group.objects.get(name=RoleName.OWNER)
    # By their numbers alone: after a part of the migrations the table may lack a column of the model.
    without = User.objects.filter(is_superuser=True).exclude(groups=owner)
    owner.user_set.add(*without.values_list("pk", flat=True))
