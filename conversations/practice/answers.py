"""What the friendly practice model says: what it was sent, and the Markdown that it was asked for."""

from __future__ import annotations

import json
import re
import time

from conversations.practice import inventing, samples, titles
from conversations.practice.chats import Chat, Message

_GREETINGS = ("Hello!", "Hi there!", "Good to see you!", "Welcome!")
_SHOWN = (
    (re.compile(r"\btables?\b", re.I), "A table:", samples.TABLE),
    (re.compile(r"\bcode\b", re.I), "Some code, in Python first:", samples.CODE),
    # "task list" asks for tasks alone.
    (re.compile(r"(?<!task )(?<!task-)\blists?\b", re.I), "A list:", samples.LIST),
    (re.compile(r"\bquotes?\b", re.I), "A quote:", samples.QUOTE),
    (re.compile(r"\btask[ -]?lists?\b|\btasks\b", re.I), "A list of tasks:", samples.TASKS),
    (re.compile(r"\bmath(s|ematics)?\b|\bformulas?\b", re.I), "Mathematics:", samples.MATHS),
)
_EVERYTHING = re.compile(r"\beverything\b|\bmarkdown\b", re.I)
_LONG = re.compile(r"\blong(er)?\b", re.I)
_CONTINUE = re.compile(r"\W*(please )?(continue|go on|carry on|keep going)\b", re.I)
_HINT = (
    "Ask me for a **table**, **code**, a **list**, a **quote**, **tasks**, something **long**, or "
    "**everything** to see how answers look here. Send a picture, and I say what arrived."
)
_LONG_PARAGRAPHS = 12
_QUOTED_CHARACTERS = 300


def text_for(chat: Chat) -> str:
    """The whole answer, before limits. The same request gets the same text if it has a seed."""
    if title := titles.title_for(chat):
        return title
    if chat.json_schema is not None:
        return _in_json(chat)
    text = _continued(chat)
    if text is None:
        text = _described(chat, variant=_variant(chat))
    for stop in chat.stop:
        text = text.partition(stop)[0]
    return text


def _variant(chat: Chat) -> int:
    if chat.seed is not None:
        return chat.seed
    return 0 if chat.temperature == 0 else time.time_ns() // 1000


def _in_json(chat: Chat) -> str:
    if chat.json_schema:
        return json.dumps(
            inventing.value_for(chat.json_schema, words="practice"), ensure_ascii=False, indent=2
        )
    return json.dumps(
        {"answer": "a practice answer", "question": chat.question.text[:200]}, ensure_ascii=False
    )


def cut_in(chat: Chat) -> tuple[Message, list[Message]] | None:
    """Return the answer that is to be continued, and what was said before it; None where there is none.

    The last message may be a person's "Continue", or the cut answer itself.
    """
    *earlier, last = chat.messages
    if last.role == "assistant" and not last.tool_calls:
        return last, earlier
    if last.role == "user" and earlier and earlier[-1].role == "assistant" and _CONTINUE.match(last.text):
        return earlier.pop(), earlier
    return None


def _continued(chat: Chat) -> str | None:
    """Where an answer was cut off and the last message asks to go on: what was still to be said."""
    found = cut_in(chat)
    if found is None:
        return None
    (partial, earlier), last = found, chat.messages[-1]
    before = Chat(chat.model, tuple(earlier), json_schema=chat.json_schema)
    for variant in range(len(_GREETINGS)):
        whole = _described(before, variant=variant)
        if len(partial.text) < len(whole) and whole.startswith(partial.text):
            return whole[len(partial.text) :]
    if last.role == "assistant" or len(last.text) < 40:
        return " And here the practice answer goes on: nothing was left of it, so this sentence is its end."
    return None


def _described(chat: Chat, *, variant: int) -> str:
    question = chat.question
    blocks = [
        f"{_GREETINGS[variant % len(_GREETINGS)]} This is a practice answer: no model was asked, nothing was "
        "paid, and nothing left this machine. As soon as a gateway key is added, real models answer here.",
        *_echo(question),
        "\n".join(_facts(chat)),
    ]
    if results := chat.results:
        names = {call.id: call.name for call in chat.calls}
        lines = [_result(result, names.get(result.tool_call_id, "")) for result in results]
        blocks += ["The tools answered:", "\n".join(lines)]
    blocks += _shown(question.text) or [_HINT]
    return "\n\n".join(block.strip("\n") for block in blocks)


def _echo(question: Message) -> list[str]:
    text = question.text.strip()
    if not text:
        return []
    if len(text) > _QUOTED_CHARACTERS:
        text = f"{text[:_QUOTED_CHARACTERS]}… ({len(question.text):,} characters in all)"
    return ["You wrote:", "\n".join(f"> {line}" for line in text.splitlines())]


def _facts(chat: Chat) -> list[str]:
    question = chat.question
    turns = sum(message.role == "user" for message in chat.messages) - 1
    facts = [
        "This is the first turn of the conversation."
        if turns <= 0
        else f"I was also sent {turns} earlier turn{'s' if turns > 1 else ''} of this conversation."
    ]
    if system := chat.system_text.strip():
        shown = f"{system[:200]}…" if len(system) > 200 else system
        facts.append(f"The system prompt says: “{' '.join(shown.split())}”")
    pictures = [str(picture) for picture in question.pictures]
    files = list(question.files)
    if len(pictures) == 1:
        facts.append(f"You sent 1 picture: {pictures[0]}.")
    elif pictures:
        facts.append(f"You sent {len(pictures)} pictures: {'; '.join(pictures)}.")
    if files:
        facts.append(f"You sent {len(files)} file{'s' if len(files) > 1 else ''}: {'; '.join(files)}.")
    if earlier := sum(len(m.pictures) for m in chat.messages) - len(pictures):
        facts.append(f"Earlier turns hold {earlier} picture{'s' if earlier > 1 else ''}.")
    if chat.tools:
        facts.append("I may use these tools: " + ", ".join(f"`{tool.name}`" for tool in chat.tools) + ".")
    return [f"- {fact}" for fact in facts]


def _shown(text: str) -> list[str]:
    if _EVERYTHING.search(text):
        return [samples.EVERYTHING]
    blocks: list[str] = []
    for pattern, heading, sample in _SHOWN:
        if pattern.search(text):
            blocks += [heading, sample]
    if _LONG.search(text):
        for number in range(1, _LONG_PARAGRAPHS + 1):
            blocks.append(f"### Part {number}\n\n{samples.PARAGRAPH}")
    return blocks


def _result(result: Message, name: str) -> str:
    text = " ".join(result.text.split())
    return f"- `{name}` (`{result.tool_call_id}`): {text[:300]}"
