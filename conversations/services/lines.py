"""Questions in line: asked while an answer was written, sent one by one when the answers before have ended.

A conversation's line follows the branch on which it was asked. It goes on by itself after an answer that
succeeded; after one that was stopped, broke or failed it stands until a person resumes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from conversations.models import (
    Conversation,
    Generation,
    GenerationState,
    Message,
    Part,
    Send,
    SendKind,
    User,
    WaitingQuestion,
)
from conversations.models.generations import UNFINISHED
from conversations.services import accepting, assistants, choosing, drafts, files, sending, tree
from conversations.services.errors import Refused

PER_CONVERSATION = 20
# Those that were removed and can still be brought back count too.
PER_PERSON = 200
_PAUSES = {
    GenerationState.STOPPED: "Paused: the last answer was stopped.",
    GenerationState.INTERRUPTED: "Paused: the last answer was interrupted.",
    GenerationState.FAILED: "Paused: the last answer failed.",
}


class NotInLine(Refused):
    """The question was sent, or removed."""

    def __init__(self) -> None:
        super().__init__("This question is not in line any more.")


@dataclass(frozen=True)
class Line:
    """The line as a page shows it. `paused` says why it stands; `running_id` is the answer it waits for."""

    entries: Sequence[WaitingQuestion] = ()
    paused: str = ""
    running_id: UUID | None = None


# --- Asking ----------------------------------------------------------------------------------------------


def send(
    conversation: Conversation | None,
    *,
    author: User,
    send_id: UUID,
    text: str,
    model_name: str,
    attachment_ids: tuple[UUID, ...] = (),
    tools: list[str] | None = None,
    is_temporary: bool = False,
    assistant_id: UUID | None = None,
    ask_once: str = "",
) -> accepting.Turn | WaitingQuestion:
    """Send a question, or put it in line while an answer of the shown branch is being made.

    What was sent leaves the draft in the same transaction. The same send again is the same place in line, or
    the turn that it became. Raises Refused, as sending.send_message does.
    """
    part = sending.part_of(text)
    content = (text, *map(str, attachment_ids))
    with transaction.atomic():
        accepting.in_turn(author)
        before = WaitingQuestion.objects.filter(author=author, send_id=send_id).first()
        if before:
            if before.digest != accepting.digest_of(SendKind.SEND, content):
                raise accepting.SendIdReused
            return before
        asked: accepting.Turn | WaitingQuestion
        if conversation and _has_to_wait(conversation, author, send_id):
            waiting = WaitingQuestion(author=author, send_id=send_id, text=text, tools=tools)
            waiting.model_name = model_name
            if once := assistants.once_of(author, ask_once):
                waiting.ask_once = {"key": once.key, "name": once.name}
            waiting.digest = accepting.digest_of(SendKind.SEND, content)
            asked = _append(waiting, accepting.locked(conversation), attachment_ids)
        else:
            asked = sending.store_question(
                conversation,
                author,
                send_id,
                part,
                model_name,
                attachment_ids,
                tools,
                is_temporary,
                assistant_id,
                ask_once,
            )
            if conversation and asked.is_new:
                standing_in(conversation).update(after=asked.answer)
        drafts.sent(author, conversation, text=text)
    return asked


def _has_to_wait(conversation: Conversation, author: User, send_id: UUID) -> bool:
    conversation = accepting.locked(conversation)
    leaf = conversation.current_leaf
    if leaf is None or Send.objects.filter(author=author, send_id=send_id).exists():
        return False
    if leaf.generations.unfinished().exists() or choosing.are_being_made(leaf):
        return True
    # The answer has ended, and the next in line is just about to be sent: nobody overtakes it.
    head = standing_in(conversation).first()
    return head is not None and not _why_paused(head, leaf, _last_state(leaf))


def _append(
    waiting: WaitingQuestion, conversation: Conversation, attachment_ids: tuple[UUID, ...]
) -> WaitingQuestion:
    if not waiting.text.strip() and not attachment_ids:
        raise Refused("Write a message first.")
    accepting.offered(waiting.model_name, person=waiting.author)
    refuse_a_full_line(conversation, 1)
    if WaitingQuestion.objects.filter(author=waiting.author).count() >= PER_PERSON:
        raise Refused(f"{PER_PERSON} of your questions are in line. Wait until some of them are sent.")
    last = WaitingQuestion.objects.filter(conversation=conversation).aggregate(last=Max("position"))["last"]
    waiting.conversation, waiting.after = conversation, conversation.current_leaf
    waiting.position = 0 if last is None else last + 1
    waiting.save()
    standing_in(conversation).update(after=conversation.current_leaf)
    files.hold(waiting, attachment_ids=attachment_ids)
    tree.touch(conversation, active_at=timezone.now())
    return waiting


def refuse_a_full_line(conversation: Conversation, more: int) -> None:
    """Raise Refused where the line has no room for so many more."""
    if standing_in(conversation).count() + more > PER_CONVERSATION:
        raise Refused(
            f"{PER_CONVERSATION} questions are in line here, and more are not taken: "
            "wait until one is sent, or remove one."
        )


# --- Looking ---------------------------------------------------------------------------------------------


def of(conversation: Conversation | int) -> Line:
    """Return the line of a conversation. One query."""
    rows = standing_in(conversation).select_related(
        "after", "author", "conversation__current_leaf__comparison"
    )
    entries = list(rows.annotate(pictures=Count("attachments"), last_state=_STATE_OF_THE_LEAF))
    if not entries:
        return Line()
    head, state = entries[0], entries[0].last_state
    leaf = head.conversation.current_leaf
    running = leaf.public_id if leaf and state in UNFINISHED else None
    return Line(entries, _why_paused(head, leaf, state), running)


def due() -> list[int]:
    """Return the ids of the conversations whose line may go on. One query."""
    waiting = WaitingQuestion.objects.filter(
        removed_at=None, problem="", conversation__deleted_at=None, author__is_active=True
    )
    in_trouble = WaitingQuestion.objects.filter(conversation=OuterRef("conversation"), removed_at=None)
    free = waiting.annotate(last_state=_STATE_OF_THE_LEAF).filter(
        Q(last_state=GenerationState.SUCCEEDED) | Q(last_state=None),
        ~Exists(in_trouble.exclude(problem="")),
    )
    free = free.exclude(
        conversation__current_leaf__comparison__isnull=False,
        conversation__current_leaf__comparison__chosen_at=None,
    )
    return list(free.order_by("conversation_id").values_list("conversation_id", flat=True).distinct())


_STATE_OF_THE_LEAF = Subquery(
    Generation.objects.filter(message=OuterRef("conversation__current_leaf"))
    .order_by("-attempt")
    .values("state")[:1]
)


def standing_in(conversation: Conversation | int) -> QuerySet[WaitingQuestion]:
    """Return the rows of the line, the first one first; not those that were removed."""
    rows = WaitingQuestion.objects.filter(conversation=conversation, removed_at=None)
    return rows.order_by("position", "id")


def _last_state(leaf: Message) -> str | None:
    return leaf.generations.order_by("-attempt").values_list("state", flat=True).first()


def _why_paused(head: WaitingQuestion, leaf: Message | None, state: str | None) -> str:
    if head.problem:
        return "Paused: the first question could not be sent."
    if not _follows(leaf, head.after):
        return "Paused: another branch is shown."
    if leaf and choosing.is_open(leaf):
        return "Paused: choose the answer to go on with."
    return _PAUSES.get(GenerationState(state), "") if state else ""


def _follows(leaf: Message | None, after: Message | None) -> bool:
    """Say whether `leaf` is the answer that the line waits for, or a version of it that was made since."""
    if leaf is None or after is None:
        return False
    return leaf.pk == after.pk or (leaf.parent_id == after.parent_id and leaf.pk > after.pk)


# --- Going on --------------------------------------------------------------------------------------------


def send_next(conversation_id: int, *, by_hand: bool = False) -> accepting.Turn | None:
    """Send the first in line if its time has come; None where it has not. However many ask: it is sent once.

    `by_hand`: a person resumes the line, whatever it stood for. Only then does it raise Refused; otherwise
    the sentence is kept with the question, and the line stands.
    """
    line = of(conversation_id)
    if not line.entries or not by_hand and (line.paused or line.running_id):
        return None
    first = line.entries[0]
    if first.conversation.deleted_at or not first.author.is_active:
        return None
    part = sending.part_of(first.text)
    try:
        with transaction.atomic():
            return _send(first, part, by_hand=by_hand)
    except (accepting.AlreadyAnswering, accepting.TooManyAnswers):
        # It passes by itself: the next look finds room.
        if by_hand:
            raise
    except Refused as refusal:
        _note(first, str(refusal))
        if by_hand:
            raise
    return None


def _send(first: WaitingQuestion, part: Part, *, by_hand: bool) -> accepting.Turn | None:
    accepting.in_turn(first.author)
    conversation = accepting.locked(first.conversation)
    head = standing_in(conversation).select_related("after").first()
    # Somebody was faster, or has changed it since it was rendered.
    if head is None or (head.pk, head.text) != (first.pk, first.text):
        return None
    if conversation.deleted_at:
        return None
    leaf = conversation.current_leaf
    if leaf and not by_hand:
        state = _last_state(leaf)
        if state in UNFINISHED or _why_paused(head, leaf, state):
            return None
    turn = sending.store_question(
        conversation,
        first.author,
        head.send_id,
        part,
        head.model_name,
        files.let_go(head),
        head.tools,
        ask_once=(head.ask_once or {}).get("key", ""),
    )
    # The text may have been changed in line: whoever sends it again as it was sent first finds this turn.
    Send.objects.filter(generations=turn.generation).update(digest=head.digest)
    head.delete()
    standing_in(conversation).update(after=turn.answer)
    return turn


@transaction.atomic
def _note(waiting: WaitingQuestion, problem: str) -> None:
    conversation = accepting.locked(waiting.conversation)
    if standing_in(conversation).filter(pk=waiting.pk).update(problem=problem[:500]):
        tree.touch(conversation)
