"""Promises 8 and 20: whatever is huge or packed costs a bounded amount of work, and delays nobody."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
import uuid
import zlib
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conversations.chainhub import sse
from conversations.chainhub.client import ChainHub, Timeouts
from conversations.chainhub.errors import ChainHubError
from conversations.chainhub.messages import ChatRequest, Message, Text
from conversations.models import Part, User
from conversations.rendering.streaming import BlockStream
from tests import factories
from tests.chainhub.loopback import Connection, gateway

ADDRESSES = "https://a.b/c " * (160_000 // 14)
BARE = "http://a.b?" * (160_000 // 11)
NESTED = "> " * 40_000 + "x\n" + "- " * 40_000
EMPHASIS = "*a **b " * 23_000
HOSTILE_CODE = "```python\n" + "'''" * 7_000 + "\n```"
# A guard against a hang, not a measure: each of them takes well under a second.
HANG = 20


def within(seconds: float, work: object) -> object:
    """Do `work` in a thread; fail where it does not come back."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)  # type: ignore[operator]
    thread.start()
    thread.join(seconds)
    assert found, f"it took more than {seconds} s"
    return found[0]


# --- 8: the budget, on the way that a text takes --------------------------------------------------------


@pytest.mark.parametrize("text", [ADDRESSES, BARE, NESTED, EMPHASIS, HOSTILE_CODE], ids=range(5))
def test_a_hostile_text_is_a_question_like_any_other(ada: User, ada_client: Client, text: str) -> None:
    factories.model(is_default=True)

    answer = ada_client.post("/send/", {"send_id": str(uuid.uuid4()), "text": text, "model": ""})

    assert answer.status_code == 302
    part = Part.objects.get()
    assert part.text == text
    assert len(part.html) < 20 * len(text)
    assert ada_client.get(answer["Location"]).status_code == 200
    assert ada_client.get("/search/?q=a.b").status_code == 200


@pytest.mark.parametrize("text", [ADDRESSES, BARE, NESTED, EMPHASIS, HOSTILE_CODE], ids=range(5))
def test_another_answer_goes_on_while_a_hostile_one_streams(text: str) -> None:
    """Each piece of each answer is rendered by one writer: no piece may take long."""
    hostile, other = BlockStream(), BlockStream()
    pieces = [text[start : start + 8_000] for start in range(0, len(text), 8_000)]

    def take_turns() -> int:
        for piece in pieces:
            hostile.feed(piece)
            other.feed("word ")
        return len(other.snapshot())

    assert within(HANG, take_turns)
    assert within(HANG, lambda: BlockStream().feed(text))


# --- 20: what is packed ------------------------------------------------------------------------------------


@pytest.fixture
def memory() -> object:
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def bomb(megabytes: int, *, pack: str = "gzip") -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if pack == "gzip" else 15)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


def read_answer(hub: ChainHub) -> None:
    with hub.open_answer(QUESTION) as answer:
        list(answer)


QUESTION = ChatRequest("gpt-4o", (Message("user", (Text("Hi"),)),), stream=True)


@pytest.mark.parametrize(
    ("pack", "status", "what"),
    [
        ("gzip", "200 OK", "answer"),
        ("deflate", "200 OK", "models"),
        ("gzip", "500 Broken", "answer"),
        ("gzip", "403 No", "models"),
    ],
)
def test_a_packed_bomb_of_the_gateway_is_refused_before_it_fills_the_memory(
    wire: None, memory: object, pack: str, status: str, what: str
) -> None:
    packed = bomb(150, pack=pack)

    def play(connection: Connection) -> None:
        connection.read_request()
        head = f"HTTP/1.1 {status}\r\nContent-Encoding: {pack}\r\nContent-Length: {len(packed)}\r\n\r\n"
        connection.send(head.encode() + packed)

    with gateway(play) as server:
        hub = ChainHub(server.url, "sk-test", timeouts=Timeouts(connect=5, first_byte=20, idle=20))
        ask = hub.models if what == "models" else partial(read_answer, hub)
        with pytest.raises(ChainHubError):
            ask()

    assert memory() < 120_000_000


def test_an_event_without_an_end_is_refused(memory: object) -> None:
    with pytest.raises(ChainHubError):
        list(sse.decode((b"data: " + b"x" * 1_000_000 for _ in range(1_000)), limit=4_000_000))

    assert memory() < 40_000_000


# --- 20: what browsers send --------------------------------------------------------------------------


def form(count: int, *, size: int = 1, name: str = "x") -> bytes:
    part = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + b"x" * size + b"\r\n"
    return part * count + b"--b--\r\n"


@pytest.mark.parametrize("address", ["/send/", "/attachments/", "/account/", "/account/theme/", "/logout/"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (form(10_000), "multipart/form-data; boundary=b"),
        (form(1, size=50_000_000), "multipart/form-data; boundary=b"),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n' * 10_000
            + b"--b--",
            "multipart/form-data; boundary=b",
        ),
        (b"x=1&" * 10_000, "application/x-www-form-urlencoded"),
        (b"text=" + b"x" * 50_000_000, "application/x-www-form-urlencoded"),
    ],
    ids=["fields", "one field", "files", "pairs", "one pair"],
)
def test_a_form_beyond_all_bounds_is_refused_in_words(
    ada: User, address: str, body: bytes, content_type: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    # The token is looked for in the form: it is read before anything else is decided.
    client.cookies["csrftoken"] = "a" * 32

    answer = client.post(address, body, content_type=content_type)

    assert answer.status_code == 413
    assert b"too large" in answer.content


def test_many_long_fields_together_are_bounded_too(ada_client: Client) -> None:
    answer = ada_client.post(
        "/send/", form(60, size=1_000_000), content_type="multipart/form-data; boundary=b"
    )

    assert answer.status_code == 413


def test_the_sign_in_reads_no_more_than_others(db: None) -> None:
    answer = Client().post(
        "/login/", b"username=" + b"x" * 50_000_000, content_type="application/x-www-form-urlencoded"
    )

    assert answer.status_code == 413


def test_a_packed_body_is_not_unpacked(ada_client: Client) -> None:
    body = gzip.compress(b"theme=dark")
    headers = {"Content-Encoding": "gzip"}

    answer = ada_client.post(
        "/account/theme/", body, content_type="application/x-www-form-urlencoded", headers=headers
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "address", ["/", "/search/", "/sidebar/", "/login/", "/account/", "/healthz", "/nowhere/"]
)
def test_a_long_query_is_no_fault(address: str, ada_client: Client) -> None:
    for query in (
        "q=" + "x" * 200_000,
        "&".join(f"q{n}=x" for n in range(4_000)),
        "%00" * 50_000,
        "&" * 100_000,
    ):
        assert ada_client.get(f"{address}?{query}").status_code < 500
    # More fields than a form may have.
    assert ada_client.get(f"{address}?{'q&' * 10_000}").status_code < 500


def test_a_file_of_many_megabytes_is_let_go_of_while_it_arrives(
    ada_client: Client, settings: pytest.FixtureRequest
) -> None:
    settings.ATTACHMENT_MAX_BYTES = 1_000_000

    answer = ada_client.post("/attachments/", {"file": SimpleUploadedFile("a.png", bytes(60_000_000))})

    assert answer.status_code == 422
    assert "at most 1 MB" in answer.content.decode()
