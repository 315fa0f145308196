"""Things for tests, from plain functions."""

from __future__ import annotations

import uuid

from django.utils import timezone

from conversations.models import (
    Assistant,
    Conversation,
    GatewayKey,
    Generation,
    GenerationState,
    KeyModel,
    Model,
    Prompt,
    User,
    WaitingQuestion,
)
from conversations.services import keys, lines, sending
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


def in_line(author: User, conversation: Conversation, text: str = "And then?") -> WaitingQuestion:
    """A question that waits behind the answer of `conversation`, which has not ended."""
    waiting = lines.send(conversation, author=author, send_id=uuid.uuid4(), text=text, model_name="")
    assert isinstance(waiting, WaitingQuestion)
    return waiting


def end(turn: Turn, state: GenerationState = GenerationState.SUCCEEDED) -> None:
    """Have the answer of a turn end, as its engine would."""
    Generation.objects.filter(message=turn.answer).update(
        state=state, ended_at=timezone.now(), lease_owner=None, lease_until=None
    )


def prompt(owner: User, name: str = "Summary", *, groups: tuple = (), **fields: object) -> Prompt:
    made = Prompt.objects.create(owner=owner, name=name, **{"text": "Summarise this."} | fields)
    made.groups.set(groups)
    return made


def assistant(owner: User, name: str = "Reviewer", *, groups: tuple = (), **fields: object) -> Assistant:
    made = Assistant.objects.create(owner=owner, name=name, **{"instructions": "Find the flaws."} | fields)
    made.groups.set(groups)
    return made


def generation_of(turn: Turn) -> Generation:
    return Generation.objects.get(message=turn.answer)
