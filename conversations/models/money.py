"""Prices and what was spent. Money is an integer of nano-units of its currency."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from conversations.models.constraints import known_values
from conversations.models.gateway import GatewayKey


class PriceSource(models.TextChoices):
    IMPORT = "import", "The gateway's table"
    HAND = "hand", "Put in by hand"


class ProposalState(models.TextChoices):
    OPEN = "open", "Open"
    APPLIED = "applied", "Applied"
    DISMISSED = "dismissed", "Dismissed"


class Tariff(models.Model):
    """The prices at one base URL, and the currency that they are in."""

    base_url = models.CharField("base URL", max_length=300, unique=True)
    # A currency's code, or "credits": what a gateway counts in is not always money.
    currency = models.CharField(max_length=20, default="credits")
    read_at = models.DateTimeField(null=True, editable=False)
    read_problem = models.CharField(max_length=500, blank=True, editable=False)

    def __str__(self) -> str:
        return self.base_url


class PriceQuerySet(models.QuerySet["Price"]):
    def valid_at(self, moment: datetime) -> Self:
        return self.filter(valid_from__lte=moment).filter(Q(valid_until=None) | Q(valid_until__gt=moment))


class Price(models.Model):
    """What a model costs, from a moment on, for the keys of one price group. Only its end is ever set later.

    Null means that no table told it; services.pricing says what counts instead. Token prices are nano-units
    per million tokens: a price like 0.015 a million would vanish in nano-units per token.
    """

    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, related_name="prices")
    # The gateway's name, not a row: prices outlive a model that was removed, and come before one is added.
    model_name = models.CharField(max_length=200)
    price_group = models.CharField(max_length=100, default="default")
    source = models.CharField(max_length=20, choices=PriceSource)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)
    input = models.PositiveBigIntegerField("input, a million tokens", null=True, blank=True)
    cached = models.PositiveBigIntegerField("cached input, a million tokens", null=True, blank=True)
    cache_write = models.PositiveBigIntegerField("cache write, a million tokens", null=True, blank=True)
    output = models.PositiveBigIntegerField("output, a million tokens", null=True, blank=True)
    thinking = models.PositiveBigIntegerField("thinking, a million tokens", null=True, blank=True)
    per_call = models.PositiveBigIntegerField("a call", null=True, blank=True)
    per_second = models.PositiveBigIntegerField("a second", null=True, blank=True)
    per_image = models.PositiveBigIntegerField("a picture", null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            known_values("price", "source", PriceSource),
            models.UniqueConstraint(
                fields=["tariff", "model_name", "price_group", "valid_from"], name="price_one_at_a_moment"
            ),
            models.UniqueConstraint(
                fields=["tariff", "model_name", "price_group"],
                condition=Q(valid_until=None),
                name="price_one_without_an_end",
            ),
            models.CheckConstraint(
                name="price_ends_after_its_begin",
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} from {self.valid_from:%Y-%m-%d}"


class PriceProposal(models.Model):
    """What the gateway's price table would change for one price group; nothing does before it is applied."""

    tariff = models.ForeignKey(Tariff, on_delete=models.CASCADE, related_name="proposals")
    price_group = models.CharField(max_length=100)
    # What services.price_import documents: the table as it was understood.
    rows = models.JSONField()
    state = models.CharField(max_length=20, choices=ProposalState, default=ProposalState.OPEN)
    made_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [known_values("priceproposal", "state", ProposalState)]

    def __str__(self) -> str:
        return f"Prices of {self.tariff_id} for {self.price_group}"


class ModelProposal(models.Model):
    """What a key's model list would change; nothing does before it is applied."""

    key = models.ForeignKey(GatewayKey, on_delete=models.CASCADE, related_name="model_proposals")
    # [{"name": …, "endpoint_types": […] or null}, …], as the gateway listed them.
    listed = models.JSONField()
    state = models.CharField(max_length=20, choices=ProposalState, default=ProposalState.OPEN)
    made_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            known_values("modelproposal", "state", ProposalState),
            models.UniqueConstraint(
                fields=["key"], condition=Q(state=ProposalState.OPEN), name="modelproposal_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"Models of {self.key_id}"


class UsageSums(models.Model):
    """What is added up, and for whom. Written with the end of each call, in the same transaction.

    Numbers and names stand for people and keys: a row outlives both. 0 and "" mean nobody, or none.
    """

    day = models.DateField()
    person_pk = models.BigIntegerField(default=0)
    person_name = models.CharField(max_length=150, blank=True)
    group_name = models.CharField(max_length=150, blank=True)
    key_pk = models.BigIntegerField(default=0)
    key_name = models.CharField(max_length=100, blank=True)
    model_name = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=20, blank=True)
    calls = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)
    unpriced = models.PositiveBigIntegerField(default=0)
    estimated = models.PositiveBigIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    cache_written_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    thinking_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.PositiveBigIntegerField(default=0)

    class Meta:
        abstract = True


# What one row is the sum of, and what is added up: an index with both answers a report by itself.
USAGE_PLACE = ("day", "currency", "person_pk", "group_name", "key_pk", "model_name")
USAGE_SUMS = (
    "calls",
    "failed",
    "unpriced",
    "estimated",
    "input_tokens",
    "cached_tokens",
    "cache_written_tokens",
    "output_tokens",
    "thinking_tokens",
    "cost",
)


class UsageDay(UsageSums):
    """The sums of one day's calls for one person, group, key, model and currency: nothing is finer."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=USAGE_PLACE, name="usageday_once")]
        indexes = [
            # For services.usage.report where no cut is enough: read from the index alone.
            models.Index(fields=[*USAGE_PLACE, *USAGE_SUMS], name="usageday_whole"),
            # For one person's own page.
            models.Index(fields=["person_pk", "day"], name="usageday_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.person_name} {self.model_name}"


class Cut(models.TextChoices):
    """How coarse a sum is. What a cut leaves out is 0 or "" in its rows; a month stands as its first day."""

    DAYS = "days", "Days"
    DAYS_PEOPLE = "days_people", "Days, people and groups"
    DAYS_MODELS = "days_models", "Days, keys and models"
    MONTHS_PEOPLE = "months_people", "Months, people, groups and keys"
    MONTHS_MODELS = "months_models", "Months, people, groups and models"
    MONTHS_KEYS = "months_keys", "Months, keys and models"


class UsageCut(UsageSums):
    """The same sums, coarser, once for each cut: what a page shows is never added up from a million rows."""

    cut = models.CharField(max_length=20, choices=Cut)

    class Meta:
        constraints = [
            known_values("usagecut", "cut", Cut),
            models.UniqueConstraint(fields=["cut", *USAGE_PLACE], name="usagecut_once"),
        ]
        indexes = [
            # For services.usage.report: read from the index alone.
            models.Index(fields=["cut", *USAGE_PLACE, *USAGE_SUMS], name="usagecut_whole"),
            # For one person's own page, and the rows of one person.
            models.Index(fields=["cut", "person_pk", "day"], name="usagecut_of_person"),
            # For a key's caps, asked before each call, and the rows of one key.
            models.Index(fields=["cut", "key_pk", "day"], name="usagecut_of_key"),
        ]

    def __str__(self) -> str:
        return f"{self.cut} {self.day} {self.person_name} {self.model_name}"
