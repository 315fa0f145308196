"""What the client makes of each status and body: README §4.1 as a table."""

import json

import pytest
import requests
import responses

from conversations.chainhub import errors
from conversations.chainhub.client import ChainHub
from conversations.chainhub.events import Finished, TextDelta
from conversations.chainhub.refusals import PASSING_FAULTS, REQUEST_FAULTS, complaint_in, seconds_in
from tests.chainhub.questions import DONE, KEY, QUESTION, piece

URL = "https://gateway.test/v1/chat/completions"
HTML = "<html><body>Bad gateway</body></html>"


@pytest.fixture
def mock():
    with responses.RequestsMock() as mock:
        yield mock


def ask(**options) -> list:
    with ChainHub("https://gateway.test", KEY).open_answer(QUESTION, **options) as answer:
        return list(answer)


def openai(code: object = "", kind: object = "new_api_error", message: str = "no") -> str:
    return json.dumps({"error": {"message": message, "type": kind, "param": "", "code": code}})


def claude(kind: str = "<nil>") -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": "no"}})


def row(status, body, expected, kind, *, retryable=False, billed=False, retries=2):
    return pytest.param(status, body, (expected, kind, retryable, billed, retries), id=f"{status}-{kind}")


DOWN = (errors.GatewayUnavailable, "gateway_unavailable")
REFUSED = (errors.RequestRefused, "request_refused")
UNREASONABLE = (errors.ReasoningRefused, "reasoning_refused")
UNKNOWN = (errors.UnknownModel, "unknown_model")
WRONG = (errors.WrongAddress, "wrong_address")
LIMITED = (errors.RateLimited, "rate_limited")

TABLE = [
    row(400, openai("prompt_blocked"), *REFUSED),
    row(400, claude(), *REFUSED),
    row(400, HTML, *REFUSED),
    row(400, openai("invalid_encrypted_content", "invalid_request_error"), *UNREASONABLE),
    row(400, openai(None, message="The encrypted content gAAA… could not be verified."), *UNREASONABLE),
    row(400, openai("", message="Item 'rs_1' of type 'reasoning' was provided without …"), *UNREASONABLE),
    row(404, openai(None, message="Item with id 'rs_1' not found."), *UNREASONABLE),
    row(400, openai("invalid_value", message="encrypted_content is too long"), *REFUSED),
    row(401, openai(), errors.KeyRejected, "key_rejected"),
    row(401, "", errors.KeyRejected, "key_rejected"),
    row(401, HTML, errors.KeyRejected, "key_rejected"),
    row(401, openai("invalid_api_key", "invalid_request_error"), *DOWN, retryable=True),
    row(401, claude("<nil>"), *DOWN, retryable=True),
    row(402, openai(), errors.QuotaExhausted, "quota_exhausted"),
    row(403, openai("insufficient_user_quota"), errors.QuotaExhausted, "quota_exhausted"),
    row(403, openai("pre_consume_token_quota_failed"), errors.QuotaExhausted, "quota_exhausted"),
    row(403, openai("access_denied"), errors.KeyRejected, "key_rejected"),
    row(404, openai("model_not_found", "invalid_request_error"), *UNKNOWN),
    row(404, openai("", "invalid_request_error", "Invalid URL (POST /v1/x)"), *WRONG),
    row(404, HTML, *WRONG),
    row(404, "", *WRONG),
    row(408, openai(), *DOWN, billed=True),
    row(413, openai("read_request_body_failed"), *REFUSED),
    row(422, openai(), *REFUSED),
    row(429, openai(), *LIMITED, retryable=True),
    row(429, "", *LIMITED, retryable=True),
    row(429, HTML, *LIMITED, retryable=True),
    row(500, openai(None, "new_api_panic"), *DOWN, billed=True),
    row(500, openai(500), *DOWN, billed=True),
    row(500, HTML, *DOWN, billed=True),
    row(500, openai("channel:no_available_key"), *DOWN, retryable=True),
    *[row(500, openai(code), *REFUSED) for code in sorted(REQUEST_FAULTS)],
    *[row(500, openai(code), *DOWN, retryable=True) for code in sorted(PASSING_FAULTS)],
    row(501, openai("api_not_implemented"), *REFUSED),
    *[row(status, HTML, *DOWN, billed=True) for status in (502, 504, 520, 521, 522, 523, 524)],
    row(503, openai("model_not_found"), *UNKNOWN, retryable=True, retries=1),
    row(503, openai("system_cpu_overloaded"), *DOWN, retryable=True),
    row(503, "", *DOWN, retryable=True),
]


@pytest.mark.parametrize(("status", "body", "expected"), TABLE)
def test_a_status_becomes_the_right_error(mock, status, body, expected):
    # A streaming request's refusal may carry an event-stream type: the status counts, then the first byte.
    mock.post(URL, status=status, body=body, content_type="text/event-stream")

    with pytest.raises(errors.StatusError) as caught:
        ask()

    error = caught.value
    assert (type(error), error.kind, error.retryable, error.may_be_billed, error.max_retries) == expected
    assert error.status == status
    assert "<" not in error.message
    assert not (error.retryable and error.may_be_billed)


def test_the_codes_are_those_of_the_table():
    assert len(REQUEST_FAULTS) == 8
    assert len(PASSING_FAULTS) == 9


def test_an_error_speaks_in_the_gateways_words_without_the_key(mock):
    mock.post(
        URL,
        status=401,
        body=openai(message=f"bad key {KEY} " + "x" * 5000),
        headers={"X-Oneapi-Request-Id": "2026" + "r" * 300, "Retry-After": "7"},
    )

    with pytest.raises(errors.KeyRejected) as caught:
        ask()

    error = caught.value
    assert str(error).startswith("bad key [redacted] xxx")
    assert len(error.message) <= 2000
    assert KEY not in repr(error)
    assert error.args == (error.message,)
    assert (error.type, error.code, error.retry_after) == ("new_api_error", "", 7.0)
    assert (error.request_id[:5], len(error.request_id)) == ("2026r", 200)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "m", "type": "<nil>", "code": 7}}, ("m", "<nil>", "7")),
        ({"error": {"message": "m", "type": None, "code": None}}, ("m", "", "")),
        ({"error": {"message": ["m"], "code": True, "type": "t"}}, ("", "t", "")),
        ({"error": "words", "code": 1.5}, ("words", "", "1.5")),
        ({"success": False, "message": "no", "code": "c"}, ("no", "", "c")),
        ({"error": None, "choices": []}, None),
        ({"error": {}}, None),
        ({"error": ""}, None),
        ({"error": {"message": "", "type": "", "code": None}}, None),
        ({"success": True}, None),
        ([], None),
    ],
)
def test_a_complaint_is_found_in_every_shape(body, expected):
    complaint = complaint_in(body)

    assert (complaint and (complaint.message, complaint.type, complaint.code)) == expected


def test_a_200_with_an_error_is_an_error(mock):
    mock.post(URL, body=openai(message=f"upstream says {KEY}"), headers={"X-Oneapi-Request-Id": "r1"})

    with pytest.raises(errors.StreamRefused, match=r"upstream says \[redacted\]") as caught:
        ask()

    assert caught.value.request_id == "r1"


def test_a_200_with_a_page_is_unreadable(mock):
    mock.post(URL, body=HTML, content_type="text/html")

    with pytest.raises(errors.UnreadableReply) as caught:
        ask()

    assert caught.value.may_be_billed


def test_the_key_is_blanked_out_of_what_the_model_says(mock):
    mock.post(URL, body=piece(f"your key is {KEY}") + piece("", "stop") + DONE)

    assert TextDelta("your key is [redacted]") in ask()


def test_the_key_is_blanked_out_of_a_whole_reply_too(mock):
    reply = {"choices": [{"message": {"content": f"it is {KEY}"}, "finish_reason": "stop"}]}
    mock.post(URL, json=reply)

    assert ask()[1:] == [TextDelta("it is [redacted]"), Finished("stop")]


def test_a_short_key_is_left_in_the_text(mock):
    mock.post(URL, body=piece("a practice run") + piece("", "stop") + DONE)

    with ChainHub("https://gateway.test", "practice").open_answer(QUESTION) as answer:
        assert TextDelta("a practice run") in list(answer)


@pytest.mark.parametrize(
    ("failure", "kind", "sent", "retryable"),
    [
        (requests.ConnectionError("refused"), "connection_refused", False, True),
        (requests.ConnectTimeout("late"), "connect_timeout", False, True),
        (requests.ReadTimeout("late"), "first_byte_timeout", True, False),
        (requests.exceptions.InvalidURL("what"), "bad_address", False, False),
    ],
)
def test_what_mocks_raise_means_what_it_says(mock, failure, kind, sent, retryable):
    mock.post(URL, body=failure)

    with pytest.raises(errors.ConnectionFailed) as caught:
        ask()

    assert (caught.value.kind, caught.value.sent, caught.value.retryable) == (kind, sent, retryable)


def test_what_is_no_failure_of_the_network_rises(mock):
    mock.post(URL, body=ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        ask()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), (" 12 ", 12.0), ("soon", None), ("9" * 30, None), ("²", None), ("-3", None)],
)
def test_retry_after_in_seconds(header, seconds):
    assert seconds_in(header) == seconds


def test_retry_after_as_a_date():
    assert seconds_in("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_in("Wed, 21 Oct 2099 07:28:00 GMT") > 10**6
