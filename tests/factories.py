"""Things for tests, from plain functions."""

from __future__ import annotations

import uuid

from django.utils import timezone

from conversations.models import Conversation, GatewayKey, Generation, KeyModel, Model, User
from conversations.services import keys, sending
from conversations.services.accepting import Turn

GATEWAY = "http://gateway.test"
SECRET = "sk-test-0123456789abcdef"


def person(username: str, **fields: object) -> User:
    return User.objects.create_user(username, password="correct horse", **fields)


def gateway_key(
    name: str = "Team key", *, base_url: str = GATEWAY, secret: str = SECRET, **fields: object
) -> GatewayKey:
    # Synced just now: an engine that runs in a test leaves it alone.
    key = GatewayKey(name=name, base_url=base_url, **{"synced_at": timezone.now()} | fields)
    keys.put_secret(key, secret)
    key.save()
    return key


def model(name: str = "gpt-4o", *, key: GatewayKey | None = None, **fields: object) -> Model:
    """A model that a key serves and people may choose."""
    fields = {"is_enabled": True, "has_vision": True} | fields
    made = Model.objects.create(name=name, **fields)
    key = key or GatewayKey.objects.first() or gateway_key()
    KeyModel.objects.create(key=key, model=made)
    return made


def ask(
    author: User,
    text: str = "What is a monad?",
    *,
    conversation: Conversation | None = None,
    model_name: str = "",
) -> Turn:
    """A question as its page would send it; its answer is queued."""
    if not Model.objects.exists():
        model(is_default=True)
    return sending.send_message(
        conversation, author=author, send_id=uuid.uuid4(), text=text, model_name=model_name
    )


def generation_of(turn: Turn) -> Generation:
    return Generation.objects.get(message=turn.answer)
