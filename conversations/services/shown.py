"""What a page shows of a conversation: plain values, made by services.turns, read by templates."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.safestring import SafeString

from conversations.models import (
    Attachment,
    Call,
    Conversation,
    Generation,
    GenerationState,
    Hint,
    Message,
    PartKind,
)
from conversations.services import continuing, key_words
from conversations.services.spending import Spent

RETRIABLE = (GenerationState.FAILED, GenerationState.INTERRUPTED, GenerationState.STOPPED)


@dataclass(frozen=True)
class ShownPart:
    """One part. `html` is safe; `text` is what Copy takes. An open one goes on growing, block by block."""

    position: int
    kind: str
    html: SafeString
    text: str
    seconds: int | None = None
    is_open: bool = False
    tool: ShownTool | None = None
    round: int = 0


@dataclass(frozen=True)
class ShownTool:
    """One tool call as its card shows it: text alone, pretty-printed where it is JSON."""

    id: str
    name: str
    state: str
    state_label: str
    arguments: str
    result: str
    error: str
    seconds: float | None


@dataclass(frozen=True)
class Block:
    """What stands one below the other in an answer: a part, or the tools that ran side by side."""

    part: ShownPart | None = None
    tools: tuple[ShownTool, ...] = ()


@dataclass(frozen=True)
class ShownMessage:
    """One message of the shown branch. Ids are public ids as text."""

    message: Message
    id: str
    is_question: bool
    author_name: str
    state: str
    parts: list[ShownPart]
    attachments: list[Attachment]
    generation: Generation | None
    call: Call | None
    version: int
    versions: int
    previous_id: str | None
    next_id: str | None
    is_last: bool
    seq: int = 0
    note: str = ""
    # All of its generation's requests, in order; `call` is the last.
    calls: tuple[Call, ...] = ()
    # The sums over all requests of all its generations; None while none has ended.
    spent: Spent | None = None
    # The comparison that it stands in; empty where there is none.
    comparison_id: str = ""

    @property
    def blocks(self) -> list[Block]:
        """The parts in order, the tool calls of one round together."""
        blocks: list[Block] = []
        last_round = -1
        for part in self.parts:
            if part.tool is None:
                if part.kind != PartKind.OPAQUE:
                    blocks.append(Block(part))
            elif blocks and blocks[-1].tools and part.round == last_round:
                blocks[-1] = Block(tools=(*blocks[-1].tools, part.tool))
            else:
                blocks.append(Block(tools=(part.tool,)))
            last_round = part.round
        return blocks

    @property
    def text(self) -> str:
        """What Copy takes: the words of the message without its thinking."""
        said = [p.text for p in self.parts if p.kind in (PartKind.TEXT, PartKind.REFUSAL)]
        return "\n\n".join(said)

    @property
    def error_text(self) -> str:
        return self.generation.error_text if self.generation else ""

    @property
    def error_detail(self) -> str:
        return self.generation.error_detail if self.generation else ""

    @property
    def key_story(self) -> str:
        """How it went from key to key, where one failed. For who may manage keys."""
        return key_words.story(self.calls)

    @property
    def is_cut(self) -> bool:
        return bool(self.generation and self.generation.finish_reason == "length")

    @property
    def is_unfinished(self) -> bool:
        return bool(self.generation and self.generation.is_unfinished)

    @property
    def can_retry(self) -> bool:
        return self.state in RETRIABLE

    @property
    def can_continue(self) -> bool:
        """Whether it was cut after its first words."""
        has_text = any(part.kind == PartKind.TEXT for part in self.parts)
        return bool(self.generation and has_text and continuing.is_cut(self.generation))

    @property
    def hints(self) -> list[tuple[str, str]]:
        """How another version may be asked for: value and label."""
        return list(Hint.choices)

    @property
    def hint(self) -> str:
        """How it was asked to be, in a word; empty where nobody said so."""
        hint = self.generation.parameters.get("hint", "") if self.generation else ""
        return Hint(hint).label if hint in Hint.values else ""

    @property
    def asked_once(self) -> str:
        """Who was asked for this one answer, where that was not its conversation's own; empty elsewhere."""
        once = self.generation.parameters.get("asked_once") if self.generation else None
        return str(once.get("name", "")) if isinstance(once, dict) else ""

    @property
    def assistant(self) -> str:
        """The name of the assistant that answered; empty where there was none."""
        return str(self.generation.parameters.get("assistant", "")) if self.generation else ""

    @property
    def can_regenerate(self) -> bool:
        return not self.is_question and not self.is_unfinished

    @property
    def seconds_to_first_token(self) -> float | None:
        made = self.generation
        if made is None or made.first_token_at is None:
            return None
        return (made.first_token_at - made.created_at).total_seconds()

    @property
    def seconds_in_all(self) -> float | None:
        made = self.generation
        if made is None or made.ended_at is None:
            return None
        return (made.ended_at - made.created_at).total_seconds()


@dataclass(frozen=True)
class SideBySide:
    """The answers of a comparison as columns, in the order of their models' names."""

    id: str
    columns: list[ShownMessage]
    chosen_id: int | None = None

    @property
    def chosen(self) -> ShownMessage | None:
        return next((column for column in self.columns if column.message.pk == self.chosen_id), None)

    @property
    def next_up(self) -> ShownMessage | None:
        """The answer that a message goes on with that is sent before one was chosen."""
        return next((column for column in self.columns if column.is_last), None)


@dataclass(frozen=True)
class Branch:
    """The shown branch, and the cursor from which an open page follows it.

    Where it ends in answers side by side, these are in `comparison` and not in `messages`.
    """

    conversation: Conversation
    messages: list[ShownMessage] = field(default_factory=list)
    comparison: SideBySide | None = None
    # Where this is a part from further up: the message that the branch ends in.
    leaf: ShownMessage | None = None

    @property
    def all_messages(self) -> list[ShownMessage]:
        """What stands on the page, one below the other and side by side."""
        return [*self.messages, *(self.comparison.columns if self.comparison else ())]

    @property
    def earlier(self) -> ShownMessage | None:
        """The first message, where there are others above it."""
        first = self.messages[0] if self.messages else None
        return first if first and first.message.depth else None

    @property
    def later(self) -> ShownMessage | None:
        """The last message, where there are others below it."""
        return self.messages[-1] if self.leaf else None

    @property
    def revision(self) -> int:
        return self.conversation.revision

    @property
    def cursor(self) -> str:
        columns = self.comparison.columns if self.comparison else []
        ends = [self.leaf] if self.leaf else []
        unfinished = [m for m in (*self.messages, *columns, *ends) if m.generation and m.is_unfinished]
        seen = sorted((m.generation.pk, m.seq) for m in unfinished if m.generation)
        return "-".join([f"r{self.revision}", *(f"{pk}.{seq}" for pk, seq in seen)])

    @property
    def running(self) -> ShownMessage | None:
        if self.comparison:
            return next((column for column in self.comparison.columns if column.is_unfinished), None)
        last = self.leaf or (self.messages[-1] if self.messages else None)
        return last if last and last.is_unfinished else None

    @property
    def is_answering(self) -> bool:
        return self.running is not None
