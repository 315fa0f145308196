"""A person decides about a tool call that waits."""

from __future__ import annotations

from django.db import models, transaction
from django.utils import timezone

from conversations.models import (
    Generation,
    GenerationState,
    ToolApproval,
    ToolCall,
    ToolCallState,
    User,
)
from conversations.services import marks, wakeups
from conversations.services.errors import Refused


class Decision(models.TextChoices):
    ONCE = "once", "Allow once"
    ALWAYS = "always", "Allow in this conversation"
    DENY = "deny", "Deny"


@transaction.atomic
def decide(call: ToolCall, *, person: User, decision: Decision) -> None:
    """Allow or deny exactly this call, once. Raises Refused where somebody was faster, or for another person.

    The approval is for what was shown: the call's own name, arguments and definition.
    """
    if call.generation.asked_by_id != person.pk:
        raise Refused("Only the person who asked may decide this.")
    state = ToolCallState.DENIED if decision == Decision.DENY else ToolCallState.QUEUED
    changes = {"state": state, "decided_by": person, "decided_at": timezone.now()}
    if decision == Decision.DENY:
        changes |= {"error": "The person denied this call.", "ended_at": timezone.now()}
    if not ToolCall.objects.filter(pk=call.pk, state=ToolCallState.WAITING).update(**changes):
        raise Refused("This was decided already.")
    message = call.generation.message
    if decision == Decision.ALWAYS:
        ToolApproval.objects.get_or_create(
            conversation_id=message.conversation_id,
            person=person,
            name=call.name,
            definition_hash=call.definition_hash,
        )
    if not call.generation.tool_calls.filter(state=ToolCallState.WAITING).exists():
        go_on(call.generation)
    wakeups.wake_on_commit(wakeups.conversation_topic(message.conversation_id))
    marks.changed(message.conversation.owner_id)


def go_on(generation: Generation) -> None:
    """Queue a generation that waited for nothing more. Inside a transaction."""
    waiting = Generation.objects.filter(pk=generation.pk, state=GenerationState.WAITING)
    waiting.update(state=GenerationState.QUEUED)
    wakeups.wake_on_commit(wakeups.QUEUE)
