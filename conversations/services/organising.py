"""What a person does with a conversation as a whole: its settings, deletion and its undo."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from conversations.models import Conversation, Generation
from conversations.services import accepting, sending, tree


@transaction.atomic
def change_settings(
    conversation: Conversation,
    *,
    model_name: str,
    system: str,
    temperature: float | None,
    max_tokens: int | None,
    reasoning_effort: str,
) -> None:
    """Set what the next answers are asked with. Raises Refused for a model that is not offered."""
    model = conversation.model
    if model_name and (model is None or model.name != model_name):
        model = accepting.offered(model_name, person=conversation.owner)
    chosen = {
        "system": system.strip() or None,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "reasoning_effort": reasoning_effort or None,
    }
    parameters = {name: value for name, value in chosen.items() if value is not None}
    # Chosen at the composer, or when it began: not in this form.
    for name in ("tools", "assistant", "instructions"):
        if value := conversation.parameters.get(name):
            parameters[name] = value
    tree.touch(conversation, parameters=parameters, model=model)


@transaction.atomic
def delete(conversation: Conversation) -> None:
    """Put the conversation away; `restore` brings it back. What is being written is stopped."""
    unfinished = Generation.objects.unfinished().filter(message__conversation=conversation)
    for message in conversation.messages.filter(generations__in=unfinished):
        sending.stop(message)
    tree.touch(conversation, deleted_at=timezone.now())


@transaction.atomic
def restore(conversation: Conversation) -> None:
    tree.touch(conversation, deleted_at=None)
