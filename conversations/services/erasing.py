"""A conversation erased for good: its text, its files, all that was made of them. Only its calls stay."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from conversations.models import (
    Attachment,
    Call,
    Comparison,
    Conversation,
    Draft,
    Generation,
    GenerationEvent,
    Message,
    Part,
    PendingSend,
    Send,
    StoredFile,
    Summary,
    ToolApproval,
    ToolCall,
    WaitingQuestion,
)
from conversations.services import accepting, marks, sending, stored_files, traces, wakeups

_AT_ONCE = 50


def erase_expired(now: datetime) -> int:
    """Erase the temporary conversations whose time has come, a few at a time; return how many.

    One whose answer is still being made is stopped now, and erased at a later look.
    """
    expired = Conversation.objects.filter(expires_at__lte=now).order_by("expires_at", "id")
    return sum(erase(conversation) for conversation in expired[:_AT_ONCE])


def erase(conversation: Conversation) -> bool:
    """Erase one conversation; False where it is gone, or an engine still writes an answer, which is stopped.

    Stored files that nothing else uses go with it. On SQLite what is removed is overwritten in the file; its
    journal, and what backups hold, is not reached from here.
    """
    if _stop_what_runs(conversation):
        return False
    with traces.overwriting(), transaction.atomic():
        if not Conversation.objects.filter(pk=conversation.pk).exists():
            return False  # somebody else has erased it
        conversation = accepting.locked(conversation)
        if Generation.objects.unfinished().filter(message__conversation=conversation).exists():
            return False
        files = list(_attachments_of(conversation).exclude(file=None).values_list("file_id", flat=True))
        _remove_rows(conversation)
        wakeups.wake_on_commit(wakeups.conversation_topic(conversation.pk))
        marks.changed(conversation.owner_id)
    _remove_files(files)
    return True


def _stop_what_runs(conversation: Conversation) -> bool:
    unfinished = Generation.objects.unfinished().filter(message__conversation=conversation)
    running = list(Message.objects.filter(generations__in=unfinished).distinct())
    for message in running:
        sending.stop(message)
    # What had only waited has ended by that.
    return bool(running) and unfinished.exists()


def _attachments_of(conversation: Conversation) -> QuerySet[Attachment]:
    return Attachment.objects.filter(
        Q(message__conversation=conversation)
        | Q(draft__conversation=conversation)
        | Q(waiting__conversation=conversation)
    )


def _remove_rows(conversation: Conversation) -> None:
    messages = Message.objects.filter(conversation=conversation)
    generations = Generation.objects.filter(message__conversation=conversation)
    # What points here from outside, and what messages point at among each other.
    Call.objects.filter(generation__in=generations).update(generation=None)
    Conversation.objects.filter(forked_from__in=messages).update(forked_from=None)
    Conversation.objects.filter(pk=conversation.pk).update(current_leaf=None)
    messages.update(shown_leaf=None, comparison=None)
    # In this order nothing that is left points at what is gone.
    for rows in (
        _attachments_of(conversation),
        ToolCall.objects.filter(generation__in=generations),
        ToolApproval.objects.filter(conversation=conversation),
        GenerationEvent.objects.filter(generation__in=generations),
        Part.objects.filter(message__conversation=conversation),
        generations,
        Summary.objects.filter(up_to__conversation=conversation),
        Comparison.objects.filter(question__conversation=conversation),
        WaitingQuestion.objects.filter(conversation=conversation),
        Draft.objects.filter(conversation=conversation),
        PendingSend.objects.filter(conversation=conversation),
        Send.objects.filter(conversation=conversation),
        messages,
        Conversation.objects.filter(pk=conversation.pk),
    ):
        # Not delete(): it collects every row first, and refuses a message whose answer still points at it.
        rows._raw_delete(connection.alias)


def _remove_files(files: list[int]) -> None:
    for stored in StoredFile.objects.filter(pk__in=files, attachments=None).order_by("id"):
        stored_files.remove_if_unused(stored)
