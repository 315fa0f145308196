"""Prices in the panel: the list, a new one from a moment on, and one price with its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from conversations.admin import price_tables
from conversations.admin.pages import Page, say
from conversations.forms.prices import PriceForm
from conversations.models import Price, Tariff
from conversations.services import price_list
from conversations.services.errors import Refused
from conversations.templatetags.money import price as exactly


def _moment(value: datetime) -> str:
    return formats.date_format(timezone.localtime(value), "j M Y, H:i")


class ValidityFilter(admin.SimpleListFilter):
    title = "validity"
    parameter_name = "valid"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("future", "To come"), ("ended", "Ended"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "In force"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Price]) -> QuerySet[Price]:
        now = timezone.now()
        match self.value():
            case "future":
                return queryset.filter(valid_from__gt=now)
            case "ended":
                return queryset.filter(valid_until__lte=now)
            case "all":
                return queryset
        return queryset.filter(valid_from__lte=now).filter(Q(valid_until=None) | Q(valid_until__gt=now))


class PlaceFilter(admin.SimpleListFilter):
    title = "base URL"
    parameter_name = "at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tariffs = Tariff.objects.order_by("base_url").values_list("pk", "base_url")
        return [(str(pk), price_list.place_of(base_url)) for pk, base_url in tariffs]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Price]) -> QuerySet[Price]:
        value = self.value()
        known = value is not None and value.isascii() and value.isdecimal() and len(value) < 18
        return queryset.filter(tariff=int(value)) if known and value else queryset


class GroupFilter(admin.SimpleListFilter):
    title = "price group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        groups = Price.objects.order_by("price_group").values_list("price_group", flat=True).distinct()
        return [(f"={group}", group or "every group") for group in groups]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Price]) -> QuerySet[Price]:
        value = self.value()
        if not value or not value.startswith("=") or "\0" in value:
            return queryset
        return queryset.filter(price_group=value[1:])


@admin.register(Price)
class PricePage(Page):
    subject = "Prices"
    subject_one = "price"
    permission = "manage_prices"
    audit_kind = "price"
    audits_forms = False
    presses = {"end": "end_now", "withdraw": "withdraw"}
    form = PriceForm
    list_display = (
        "model_name", "place", "group", "input_price", "cached_price", "cache_write_price", "output_price",
        "thinking_price", "per_call_price", "begins", "origin",
    )  # fmt: skip
    list_filter = (ValidityFilter, PlaceFilter, GroupFilter)
    list_select_related = ("tariff",)
    list_per_page = 100
    list_max_show_all = 100
    search_fields = ("model_name",)
    search_help_text = "Search model names"
    actions = None
    ordering = ("model_name", "price_group", "-valid_from", "id")

    def get_urls(self) -> list[URLPattern]:
        return [
            self.address("tables/", require_safe(self._tables), "tables"),
            self.address("tables/read/", require_POST(price_tables.read), "read"),
            self.address("tables/currency/", require_POST(price_tables.set_currency), "currency"),
            self.address("proposals/<int:pk>/", require_safe(self._proposal), "proposal"),
            self.address("proposals/<int:pk>/apply/", require_POST(price_tables.apply), "apply"),
            self.address("proposals/<int:pk>/dismiss/", require_POST(price_tables.dismiss), "dismiss"),
            *super().get_urls(),
        ]

    def _tables(self, request: HttpRequest) -> HttpResponse:
        return price_tables.tables(request, self._context(request))

    def _proposal(self, request: HttpRequest, pk: int) -> HttpResponse:
        return price_tables.proposal(request, self._context(request), pk)

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "subject": self.subject, "opts": self.opts}

    # --- What may be done: a price begins and ends, and is never another one

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_press(self, request: HttpRequest, row: Price) -> bool:
        return self.may(request)

    def get_fieldsets(self, request: HttpRequest, obj: Price | None = None) -> Any:
        tokens = ("input", "cached", "cache_write", "output", "thinking")
        return [
            (None, {"fields": ("base_url", "model_name", "price_group", "valid_from", "note")}),
            ("A million tokens", {"fields": tokens}),
            ("Otherwise", {"fields": ("per_call", "per_second", "per_image")}),
        ]

    def save_model(self, request: HttpRequest, obj: Price, form: ModelForm, change: bool) -> None:
        cleaned = form.cleaned_data
        made = price_list.add(
            cleaned["base_url"],
            price_group=cleaned["price_group"],
            new=form.new_price,  # type: ignore[attr-defined]
            valid_from=cleaned["valid_from"],
            by=request.user,  # type: ignore[arg-type]
        )
        obj.__dict__.update(made.__dict__)

    def response_add(self, request: HttpRequest, obj: Price, post_url_continue: str | None = None) -> Any:
        when = "from now on" if obj.valid_from <= timezone.now() else "from that moment on"
        say(request, messages.SUCCESS, f"The price of {obj.model_name} holds {when}.")
        return redirect("admin:conversations_price_change", obj.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """One price, and all that its model has cost and will cost there."""
        price = self.get_object(request, unquote(object_id))
        if not self.may(request):
            raise PermissionDenied
        if price is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        rows = Price.objects.filter(tariff=price.tariff_id, model_name=price.model_name)
        now = timezone.now()
        context = {
            **self._context(request),
            "title": price.model_name,
            "price": price,
            "currency": price.tariff.currency,
            "place": price_list.place_of(price.tariff.base_url),
            "is_in_force": price.valid_from <= now and (not price.valid_until or price.valid_until > now),
            "is_to_come": price.valid_from > now,
            "history": rows.select_related("made_by").order_by("price_group", "-valid_from", "-id")[:200],
            "now": now,
        }
        return TemplateResponse(request, "admin/conversations/price/detail.html", context)

    # --- Buttons

    def end_now(self, request: HttpRequest, price: Price) -> None:
        try:
            price_list.end(price, by=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            say(request, messages.ERROR, str(refusal))
            return
        say(request, messages.SUCCESS, f"The price of {price.model_name} has ended. What it counted stays.")

    def withdraw(self, request: HttpRequest, price: Price) -> None:
        try:
            price_list.withdraw(price, by=request.user)  # type: ignore[arg-type]
        except Refused as refusal:
            say(request, messages.ERROR, str(refusal))
            return
        say(request, messages.SUCCESS, f"The price of {price.model_name} that was to come is withdrawn.")

    def _back(self, request: HttpRequest, row: Any) -> HttpResponse:
        if row.pk is None or not Price.objects.filter(pk=row.pk).exists():
            return redirect("admin:conversations_price_changelist")
        return super()._back(request, row)

    # --- What is shown of a price

    @admin.display(description="Base URL", ordering="tariff__base_url")
    def place(self, price: Price) -> SafeString:
        place = price_list.place_of(price.tariff.base_url)
        return format_html("{}<small>{}</small>", place, price.tariff.currency)

    @admin.display(description="Group", ordering="price_group")
    def group(self, price: Price) -> str:
        return price.price_group or "every group"

    @admin.display(description="Input", ordering="input")
    def input_price(self, price: Price) -> str:
        return exactly(price.input) or "–"

    @admin.display(description="Cached", ordering="cached")
    def cached_price(self, price: Price) -> str:
        return exactly(price.cached) or "–"

    @admin.display(description="Cache write", ordering="cache_write")
    def cache_write_price(self, price: Price) -> str:
        return exactly(price.cache_write) or "–"

    @admin.display(description="Output", ordering="output")
    def output_price(self, price: Price) -> str:
        return exactly(price.output) or "–"

    @admin.display(description="Thinking", ordering="thinking")
    def thinking_price(self, price: Price) -> str:
        return exactly(price.thinking) or "–"

    @admin.display(description="Each", ordering="per_call")
    def per_call_price(self, price: Price) -> str:
        units = (("call", price.per_call), ("second", price.per_second), ("picture", price.per_image))
        return ", ".join(f"{exactly(value)} a {unit}" for unit, value in units if value is not None) or "–"

    @admin.display(description="From", ordering="valid_from")
    def begins(self, price: Price) -> SafeString:
        ends = _moment(price.valid_until) if price.valid_until else ""
        until = format_html("<small>until {}</small>", ends) if ends else ""
        return format_html("{}{}", _moment(price.valid_from), until)

    @admin.display(description="Set by", ordering="source")
    def origin(self, price: Price) -> str:
        return price.get_source_display()
