"""How the streams of the models differ from the plain one."""

from __future__ import annotations

import json

from conversations.practice import Gateway
from tests.practice.asking import Answer, ask, open_stream, question, read_events, stream, wait_until


def test_thinking_comes_before_the_text(gateway: Gateway) -> None:
    answer = stream(gateway, "-thinking")
    kinds = ["thinking" if "reasoning_content" in delta else "text" for delta in answer.deltas[1:-1]]

    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"thinking", "text"}
    assert answer.usages[0]["completion_tokens_details"]["reasoning_tokens"] == kinds.count("thinking")
    whole = ask(gateway, question(model="practice-thinking")).json["choices"][0]["message"]
    assert whole["reasoning_content"].startswith("The question is short")


def test_think_tags_lead_the_text(gateway: Gateway) -> None:
    assert stream(gateway, "-think-tags").text.startswith("<think>\n")


def test_steady_takes_its_numbers_from_the_question(gateway: Gateway) -> None:
    by_default = stream(gateway, "-steady").text
    as_asked = stream(gateway, "-steady", "5 tokens every 1.5 ms, with a stamp").text

    assert by_default == "".join(f"t{number} " for number in range(1, 201))
    tokens = as_asked.split()
    assert [token.partition("@")[0] for token in tokens] == ["t1", "t2", "t3", "t4", "t5"]
    stamps = [int(token.partition("@")[2]) for token in tokens]
    assert stamps == sorted(stamps)
    assert stamps[0] > 1_700_000_000_000_000


def test_very_long_is_thousands_of_tokens(gateway: Gateway) -> None:
    assert stream(gateway, "-very-long").usages[0]["completion_tokens"] > 4000


def test_restart_changes_the_id_inside_the_stream(gateway: Gateway) -> None:
    answer = stream(gateway, "-restart")
    ids = [event["id"] for event in answer.events if isinstance(event, dict)]

    assert len(set(ids)) == 2
    assert [delta.get("role") for delta in answer.deltas].count("assistant") == 2
    assert ask(gateway, question(model="practice-restart")).text.startswith("The answer started over")


def test_pings_come_before_and_between(gateway: Gateway) -> None:
    body = stream(gateway, "-ping").body

    assert body.startswith(b": PING\n\n")
    assert body.count(b": PING\n\n") > 3


def test_crlf_ends_every_line(gateway: Gateway) -> None:
    body = stream(gateway, "-crlf").body

    assert body.count(b"\n") == body.count(b"\r\n") > 10


def test_split_writes_single_bytes(gateway: Gateway) -> None:
    with open_stream(gateway, question(model="practice-split", stream=True)) as connection:
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += connection.recv(65536)

    chunks = received.partition(b"\r\n\r\n")[2]
    assert set(chunks[:-5:6]) == {ord("1")}
    assert "👩‍🚀🇫🇷" in Answer(200, {}, b"", events=read_events(chunks[3:-5:6])).text


def test_usage_can_come_on_the_last_text(gateway: Gateway) -> None:
    last = stream(gateway, "-usage-last").events[-2]

    assert last["usage"]["total_tokens"] > 0
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["choices"][0]["delta"]["content"]


def test_empty_choices_come_in_between(gateway: Gateway) -> None:
    events = stream(gateway, "-empty-choices").events

    assert sum(event["choices"] == [] for event in events[:-1]) > 10


def test_json_and_stream_ignore_what_was_asked_for(gateway: Gateway) -> None:
    as_object = stream(gateway, "-json")
    as_stream = ask(gateway, question(model="practice-stream"))

    assert as_object.json["choices"][0]["finish_reason"] == "stop"
    assert as_stream.events[-1] == "[DONE]"


def test_usage_follows_the_stream_options(gateway: Gateway) -> None:
    asked_for = stream(gateway, "-chat", stream_options={"include_usage": True})
    refused = stream(gateway, "-chat", stream_options={"include_usage": False})

    assert (len(asked_for.usages), len(refused.usages)) == (1, 0)
    assert stream(gateway, "-no-usage", stream_options={"include_usage": True}).usages == []
    assert "usage" not in ask(gateway, question(model="practice-no-usage")).json


def test_length_is_cut_and_goes_on(gateway: Gateway) -> None:
    first = stream(gateway, "-length")
    turns = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": first.text},
        {"role": "user", "content": "Continue"},
    ]
    second = ask(gateway, {"model": "practice-length", "messages": turns, "stream": True})

    assert first.finish_reasons == ["length"]
    assert second.finish_reasons == ["stop"]
    assert (first.text + second.text).endswith("and I say what arrived.")


def test_hostile_markdown_is_as_hostile_as_promised(gateway: Gateway) -> None:
    text = stream(gateway, "-hostile-markdown").text

    for trap in ("<script>", "hx-get=", "https://tracker.example.com/", "<style>", "](javascript:"):
        assert trap in text


def test_an_answer_in_one_object_takes_its_time(gateway: Gateway) -> None:
    with open_stream(gateway, question("400 tokens every 1000 ms", "practice-steady")):
        pass

    # The gateway noticed in the middle of its wait that nobody is there any more.
    wait_until(lambda: [r["ended"] for r in gateway.seen()["requests"]] == ["client went away"], seconds=0.5)


def test_every_chunk_is_compact_json_on_one_line(gateway: Gateway) -> None:
    body = stream(gateway, "-chat").body.decode()

    for line in body.split("\n\n")[:-2]:
        event = json.loads(line.removeprefix("data: "))
        assert line == "data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        assert {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"} == set(event)
