"""What the friendly model says: the first thing that a new user reads."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from conversations.practice import Gateway
from conversations.practice.pictures import look_at
from tests.practice.asking import ask, question, say
from tests.practice.images import GIF, JPEG, PNG, WEBP, WEBP_EXTENDED, WEBP_LOSSLESS, data_uri, image_part
from tests.practice.test_tools import TOOL


def test_it_greets_and_says_that_it_is_practice(gateway: Gateway) -> None:
    text = say(gateway, "Good morning").text

    assert "This is a practice answer" in text
    assert "> Good morning" in text
    assert "This is the first turn" in text
    assert "Ask me for a **table**" in text


def test_it_counts_turns_and_quotes_the_system_prompt(gateway: Gateway) -> None:
    text = say(
        gateway,
        {"role": "system", "content": "Speak like\na pirate."},
        "One",
        {"role": "assistant", "content": "First"},
        "Two",
        {"role": "assistant", "content": "Second"},
        "Three",
    ).text

    assert "I was also sent 2 earlier turns" in text
    assert "The system prompt says: “Speak like a pirate.”" in text


@pytest.mark.parametrize(
    ("data", "media_type", "described"),
    [
        (PNG, "image/png", f"PNG, 320×200 pixels, {len(PNG):,} bytes"),
        (JPEG, "image/jpeg", f"JPEG, 64×48 pixels, {len(JPEG):,} bytes"),
        (GIF, "image/gif", f"GIF, 16×9 pixels, {len(GIF):,} bytes"),
        (WEBP, "image/webp", f"WebP, 176×144 pixels, {len(WEBP):,} bytes"),
        (WEBP_LOSSLESS, "image/webp", f"WebP, 75×50 pixels, {len(WEBP_LOSSLESS):,} bytes"),
        (WEBP_EXTENDED, "image/webp", f"WebP, 400×300 pixels, {len(WEBP_EXTENDED):,} bytes"),
    ],
)
def test_it_describes_a_picture(gateway: Gateway, data: bytes, media_type: str, described: str) -> None:
    text = say(gateway, [{"type": "text", "text": "Look"}, image_part(data, media_type)]).text

    assert f"You sent 1 picture: {described}." in text


def test_it_describes_all_that_came(gateway: Gateway) -> None:
    parts = [image_part(PNG), image_part(GIF, "image/gif")]
    parts += [{"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}]
    parts += [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": data_uri(b"%PDF", "application/pdf")}}
    ]
    parts += [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]
    parts += [{"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}]
    now = say(gateway, parts).text
    later = say(gateway, parts, {"role": "assistant", "content": "Seen"}, "And?").text

    assert "You sent 2 pictures: PNG, 320×200 pixels" in now
    assert (
        "You sent 4 files: a picture at https://example.com/a.png; a.pdf (application/pdf, 4 bytes); "
        "a sound (mp3, 3 bytes); a video at https://example.com/a.mp4." in now
    )
    assert "Earlier turns hold 2 pictures." in later


@pytest.mark.parametrize(
    ("asked", "shown", "not_shown"),
    [
        ("Show me a table", "| Planet |", "```"),
        ("some code please", "```python", "| Planet"),
        ("some code please", "```javascript", "| Planet"),
        ("a list", "1. Choose", "- [x]"),
        ("a task list", "- [x]", "1. Choose"),
        ("my tasks", "- [x]", "1. Choose"),
        ("a quote", "> The Analytical", "```"),
        ("a formula", "$$", "```"),
        ("everything", "# A tour of Markdown", "Ask me for"),
        ("Markdown!", "| Planet |", "Ask me for"),
        ("a long answer", "### Part 12", "Ask me for"),
        ("Decode the vegetables", "Ask me for", "| Planet"),
    ],
)
def test_it_shows_what_is_asked_for(gateway: Gateway, asked: str, shown: str, not_shown: str) -> None:
    text = say(gateway, asked).text

    assert shown in text
    assert not_shown not in text


@pytest.mark.parametrize(
    ("system", "first", "title"),
    [
        ("Write a short title.", "please tell me how do whales sleep under water all night?",
         "How do whales sleep under water"),
        ("Reply with a title of at most five words.", "Question: Plan a trip\nAnswer: Sure", "Plan a trip"),
        ("Give a title.", "Hello", "Hello"),
        ("Give a title.", "??", "Practice conversation"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "model", ["practice-chat", "practice-steady", "practice-tools", "practice-very-long"]
)
def test_a_title_is_short_and_plausible(
    gateway: Gateway, model: str, system: str, first: str, title: str
) -> None:
    answer = say(gateway, {"role": "system", "content": system}, first, model=model, tools=[TOOL])

    assert answer.text.strip() == title


def test_a_title_can_be_asked_for_in_the_question(gateway: Gateway) -> None:
    text = "Generate a title for this conversation:\n\nUser: Why is the sky blue?\nAssistant: It scatters."

    assert say(gateway, text).text == "Why is the sky blue"
    assert "practice answer" in say(gateway, "Write a poem with a title").text


def test_the_same_seed_gives_the_same_answer(gateway: Gateway) -> None:
    texts = {say(gateway, "Hello", seed=seed).text for seed in (1, 1, 1)}
    others = {say(gateway, "Hello", seed=seed).text for seed in range(4)}
    cold = {say(gateway, "Hello", temperature=0).text for _ in range(3)}

    assert (len(texts), len(others), len(cold)) == (1, 4, 1)


def test_max_tokens_and_stop_cut_the_answer(gateway: Gateway) -> None:
    cut = say(gateway, "Hello", max_tokens=3, seed=0)
    roomy = say(gateway, "Hello", max_completion_tokens=5000, seed=0)
    stopped = say(gateway, "Hello", stop=["practice", "never"], seed=0)

    assert (cut.text, cut.json["choices"][0]["finish_reason"]) == ("Hello! This is", "length")
    assert cut.json["usage"]["completion_tokens"] == 3
    assert roomy.json["choices"][0]["finish_reason"] == "stop"
    assert stopped.text == "Hello! This is a "


@pytest.mark.parametrize(
    "last",
    [[], ["Continue"], [{"role": "user", "content": "Please continue exactly where you were cut off."}]],
)
def test_a_cut_answer_goes_on_where_it_stopped(gateway: Gateway, last: list[Any]) -> None:
    cut = say(gateway, "a table please", max_tokens=30, seed=2).text
    whole = say(gateway, "a table please", seed=2).text
    rest = say(gateway, "a table please", {"role": "assistant", "content": cut}, *last).text

    assert cut + rest == whole


def test_nothing_to_continue_is_said_so(gateway: Gateway) -> None:
    text = say(gateway, "Hi", {"role": "assistant", "content": "Something else"}, "continue").text

    assert "nothing was left of it" in text
    assert (
        "> Continue the story"
        in say(
            gateway,
            "Hi",
            {"role": "assistant", "content": "Else"},
            "Continue the story of the whale and the sea",
        ).text
    )


def test_an_answer_follows_a_schema(gateway: Gateway) -> None:
    schema = {
        "type": "object",
        "properties": {
            "names": {"type": "array", "items": {"type": "string", "maxLength": 3}},
            "kind": {"enum": ["a", "b"]},
            "when": {"type": "string", "format": "date"},
            "size": {"type": ["number", "null"]},
            "sure": {"type": "boolean"},
            "inner": {"anyOf": [{"type": "object", "properties": {"x": {"const": 4}}}, {"type": "null"}]},
            "nothing": {"type": "null"},
        },
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    assert json.loads(say(gateway, "Hi", response_format=wanted).text) == {
        "names": ["pra"],
        "kind": "a",
        "when": "2026-02-08",
        "size": 1,
        "sure": True,
        "inner": {"x": 4},
        "nothing": None,
    }
    assert "answer" in json.loads(say(gateway, "Hi", response_format={"type": "json_object"}).text)


def test_a_picture_model_answers_with_a_picture(gateway: Gateway) -> None:
    cat = ask(gateway, question("a picture of a cat", "practice-picture", stream=True)).text
    dog = ask(gateway, question("an image of a dog", "practice-picture", stream=True)).text
    found = re.search(r"!\[picture\]\(data:image/png;base64,([^)]+)\)$", cat)

    assert found
    assert str(look_at(base64.b64decode(found[1]))).startswith("PNG, 320×200 pixels")
    assert cat != dog
    assert len(cat) < 10_000


def test_a_lone_surrogate_does_no_harm(gateway: Gateway) -> None:
    messages = b'[{"role":"user","content":"half \\ud83d a face"}]'
    answer = ask(gateway, b'{"model":"practice-chat","stream":true,"messages":' + messages + b"}")

    assert "> half ? a face" in answer.text


def test_a_very_long_question_is_not_echoed_whole(gateway: Gateway) -> None:
    text = say(gateway, "word " * 10_000).text

    assert "(50,000 characters in all)" in text
    assert len(text) < 2000
