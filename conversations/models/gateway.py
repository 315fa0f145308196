"""What admins see of ChainHub: keys, models, and which key serves which model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q

from conversations.models.constraints import known_values

if TYPE_CHECKING:
    from conversations.models.users import User


class KeySource(models.TextChoices):
    ADMIN = "admin", "Put in by an admin"
    ENVIRONMENT = "environment", "CHAINHUB_API_KEY"
    PRACTICE = "practice", "Practice gateway"


class Wire(models.TextChoices):
    CHAT_COMPLETIONS = "chat_completions", "Chat completions"
    RESPONSES = "responses", "Responses"


class GatewayKeyQuerySet(models.QuerySet["GatewayKey"]):
    def usable(self) -> Self:
        """Keys that calls may go through. The practice gateway counts only where there is no other."""
        real = GatewayKey.objects.filter(is_enabled=True).exclude(source=KeySource.PRACTICE)
        return self.filter(is_enabled=True).filter(~Q(source=KeySource.PRACTICE) | ~Exists(real))


class GatewayKey(models.Model):
    """A ChainHub key under a name. Its secret is stored encrypted and never leaves by a page."""

    name = models.CharField(max_length=100, unique=True)
    base_url = models.CharField("base URL", max_length=300)
    ciphertext = models.TextField(editable=False, blank=True)
    # Which of ENCRYPTION_KEYS made the ciphertext: tells at once what is wrong when that key is lost.
    encryption_key_fingerprint = models.CharField(max_length=16, editable=False, blank=True)
    last_four = models.CharField(max_length=4, editable=False, blank=True)
    source = models.CharField(max_length=20, choices=KeySource, default=KeySource.ADMIN, editable=False)
    note = models.CharField(max_length=300, blank=True)
    is_enabled = models.BooleanField("enabled", default=True)
    # The gateway's price group that this key is in (models-and-account.md, section 3).
    price_group = models.CharField(max_length=100, default="default")
    groups = models.ManyToManyField(
        Group, blank=True, related_name="gateway_keys", help_text="Whom it serves. None chosen: everybody."
    )
    # Names, "*" for any characters; empty: all that its list tells. No KeyModel row stands for another model.
    only_models = models.JSONField(default=list, blank=True)
    priority = models.PositiveIntegerField(default=100, help_text="Keys with a small number are taken first.")
    weight = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Among keys of the same priority: 3 takes three times as many calls as 1.",
    )
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    # Nano-units of the currency at its base URL; null: no cap.
    cap_per_day = models.PositiveBigIntegerField(null=True, blank=True)
    cap_per_month = models.PositiveBigIntegerField(null=True, blank=True)
    # What the gateway last told of the balance, in a sentence; empty where it does not tell.
    balance = models.CharField(max_length=200, blank=True, editable=False)
    balance_at = models.DateTimeField(null=True, editable=False)
    # What the gateway last said against this key (refused, quota used up); empty after a success.
    problem_kind = models.CharField(max_length=40, blank=True, editable=False)
    problem_text = models.CharField(max_length=500, blank=True, editable=False)
    problem_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    synced_at = models.DateTimeField(null=True, editable=False)
    # Its secret, its address or its limits are new: the next list is taken over without a look.
    takes_next_list = models.BooleanField(default=False, editable=False)
    sync_result = models.CharField(max_length=500, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = GatewayKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "gateway key"
        constraints = [known_values("gatewaykey", "source", KeySource)]

    def __str__(self) -> str:
        return self.name

    def allows(self, model_name: str) -> bool:
        """Say whether the admins let this key serve `model_name`; whether it can, its list says."""
        patterns = (re.escape(name).replace(r"\*", ".*") for name in self.only_models)
        return not self.only_models or any(re.fullmatch(pattern, model_name) for pattern in patterns)


class KeyCooldown(models.Model):
    """A key is left alone for a while, because of one kind of error: longer each time, until a success."""

    key = models.ForeignKey(GatewayKey, on_delete=models.CASCADE, related_name="cooldowns")
    # Set where only this model is concerned ("no channel serves it").
    model = models.ForeignKey("Model", null=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=40)
    failures = models.PositiveIntegerField(default=1)
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "reason"], condition=Q(model=None), name="keycooldown_once_per_key"
            ),
            models.UniqueConstraint(
                fields=["key", "reason", "model"],
                condition=Q(model__isnull=False),
                name="keycooldown_once_per_model",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key_id} until {self.ends_at} ({self.reason})"


class ModelQuerySet(models.QuerySet["Model"]):
    def served(self) -> Self:
        """Models that a usable key serves."""
        serving = KeyModel.objects.filter(model=OuterRef("pk"), key__in=GatewayKey.objects.usable())
        return self.filter(Exists(serving))

    def offered(self) -> Self:
        """What people may choose from, in the order of the picker."""
        return self.served().filter(is_enabled=True).order_by("order", "name", "id")

    def open_to(self, person: User | None) -> Self:
        """Models that `person` may use by the groups a model is limited to; nobody: those without any."""
        limits = Model.groups.through._default_manager.filter(model=OuterRef("pk"))
        if person is None:
            return self.filter(~Exists(limits))
        return self.filter(~Exists(limits) | Exists(limits.filter(group__user=person)))

    def offered_to(self, person: User | None) -> Self:
        """What `person` may choose from, in the order of the picker. Every service asks through this."""
        return self.offered().open_to(person)

    def for_admin(self) -> Self:
        """All but the practice gateway's models while that one does not answer."""
        of_practice = KeyModel.objects.filter(model=OuterRef("pk"), key__source=KeySource.PRACTICE)
        of_others = KeyModel.objects.filter(model=OuterRef("pk")).exclude(key__source=KeySource.PRACTICE)
        if GatewayKey.objects.usable().filter(source=KeySource.PRACTICE).exists():
            return self
        return self.filter(~Exists(of_practice) | Exists(of_others))


class Model(models.Model):
    """Something that the gateway serves, under the name that the gateway gives it."""

    name = models.CharField(max_length=200, unique=True)
    display_name = models.CharField(max_length=200, blank=True)
    description = models.CharField(max_length=300, blank=True)
    endpoint_types = models.JSONField(null=True, blank=True, editable=False)
    wire = models.CharField(max_length=30, choices=Wire, default=Wire.CHAT_COMPLETIONS)
    has_vision = models.BooleanField("sees pictures", default=False)
    has_thinking = models.BooleanField("thinking effort can be set", default=False)
    has_documents = models.BooleanField("reads documents", default=False)
    has_tools = models.BooleanField("uses tools", default=True)
    has_structured_output = models.BooleanField("answers in a given structure", default=False)
    context_size = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many tokens it takes in and gives out. Empty: not known."
    )
    max_output = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many tokens an answer may have at most. Empty: not limited here.",
    )
    groups = models.ManyToManyField(
        Group, blank=True, related_name="models", help_text="Who may use it. None chosen: everybody."
    )
    is_streaming = models.BooleanField("streams", default=True)
    default_parameters = models.JSONField(
        default=dict, blank=True, help_text="Sent with every request, for example {“top_p”: 0.9}."
    )
    is_enabled = models.BooleanField("enabled", default=False)
    is_default = models.BooleanField("default", default=False)
    order = models.IntegerField(default=100, help_text="Small numbers stand first in the picker.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    keys = models.ManyToManyField(GatewayKey, through="KeyModel", related_name="models")

    objects = ModelQuerySet.as_manager()

    class Meta:
        constraints = [
            known_values("model", "wire", Wire),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="model_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        return self.display_name or self.name


class ModelDefault(models.Model):
    """The model that a group's people begin with."""

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="model_default")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.group} begins with {self.model}"


class KeyModel(models.Model):
    """One key serves one model."""

    key = models.ForeignKey(GatewayKey, on_delete=models.CASCADE, related_name="key_models")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="key_models")
    # As the list of this key told them last: keys in different price groups are told different things.
    endpoint_types = models.JSONField(null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "model"], name="keymodel_once")]

    def __str__(self) -> str:
        return f"{self.key} serves {self.model}"
