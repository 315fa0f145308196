"""By what the panel's list of models is filtered."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from conversations.models import GatewayKey, Model
from conversations.services import model_settings, price_list, roles

_EVERYBODY = "everybody"


class ServedFilter(admin.SimpleListFilter):
    title = "served by a key in use"
    parameter_name = "served"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        served: Any = Model.objects.served().values("pk")
        match self.value():
            case "yes":
                return queryset.filter(pk__in=served)
            case "no":
                return queryset.exclude(pk__in=served)
        return queryset


class CapabilityFilter(admin.SimpleListFilter):
    title = "what it can do"
    parameter_name = "can"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(model_settings.CAPABILITIES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        value = self.value()
        return queryset.filter(**{value: True}) if value in model_settings.CAPABILITIES else queryset


class GroupFilter(admin.SimpleListFilter):
    title = "who may use it"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups = roles.team_groups().values_list("pk", "name")
        return [(_EVERYBODY, "Everybody"), *((str(pk), name) for pk, name in groups)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        value = self.value()
        if value == _EVERYBODY:
            return queryset.filter(groups=None)
        return queryset.filter(groups=int(value)) if value and _is_id(value) else queryset


class KeyFilter(admin.SimpleListFilter):
    title = "key"
    parameter_name = "key"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in GatewayKey.objects.order_by("name").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        value = self.value()
        return queryset.filter(key_models__key=int(value)) if value and _is_id(value) else queryset


class UnpricedFilter(admin.SimpleListFilter):
    title = "price"
    parameter_name = "unpriced"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Enabled without a price")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        unpriced: Any = price_list.unpriced_models().order_by().values("pk")
        return queryset.filter(pk__in=unpriced) if self.value() == "yes" else queryset


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < 18
