"""Settings of a client, its model list and its balance."""

from decimal import Decimal

import pytest
import responses

from conversations.chainhub import errors, exchange
from conversations.chainhub.addresses import UnusableBaseUrl, UnusableSetting, normalise_base_url
from conversations.chainhub.catalog import Balance, CatalogModel
from conversations.chainhub.client import ChainHub
from conversations.chainhub.messages import ChatRequest
from tests.chainhub.questions import KEY

MODELS = "https://gateway.test/v1/models"
SUBSCRIPTION = "https://gateway.test/v1/dashboard/billing/subscription"
USAGE = "https://gateway.test/v1/dashboard/billing/usage"


@pytest.fixture
def mock():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def hub():
    return ChainHub("https://gateway.test/v1/", KEY)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("https://api.chainhub.tech", "https://api.chainhub.tech"),
        (" https://api.chainhub.tech/ ", "https://api.chainhub.tech"),
        ("https://api.chainhub.tech/v1", "https://api.chainhub.tech"),
        ("https://api.chainhub.tech/v1/", "https://api.chainhub.tech"),
        ("https://api.chainhub.tech/v1/chat/completions", "https://api.chainhub.tech"),
        ("https://api.chainhub.tech/chat/completions/", "https://api.chainhub.tech"),
        ("https://API.ChainHub.tech:443/v1/models", "https://api.chainhub.tech"),
        ("http://127.0.0.1:8080/v1beta", "http://127.0.0.1:8080"),
        ("http://[::1]:80/v1", "http://[::1]"),
        ("https://example.com/gateway/v1/", "https://example.com/gateway"),
        ("api.chainhub.tech", "https://api.chainhub.tech"),
        ("api.chainhub.tech:8443/v1", "https://api.chainhub.tech:8443"),
    ],
)
def test_any_form_of_the_address_is_understood(text, root):
    assert normalise_base_url(text) == root
    assert normalise_base_url(root) == root


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ftp://api.chainhub.tech",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user:secret@api.chainhub.tech",
        "https://@api.chainhub.tech",
        "https://api.chainhub.tech/v1?key=x",
        "https://api.chainhub.tech?",
        "https://api.chainhub.tech/#top",
        "https://api.chainhub.tech:port",
        "https://api.chainhub.tech:99999",
        "http://127.0.0.1\\@example.com/",
        "https://api chainhub.tech",
        "https://api.chainhub.tech\r\nX: y",
        "https://[::1",
        "https://münchen.example",
        "//api.chainhub.tech",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_words(text):
    with pytest.raises(UnusableBaseUrl) as caught:
        normalise_base_url(text)

    assert str(caught.value).endswith(".")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "a\nb", "ключ", "a\x00"])
def test_a_key_that_cannot_be_sent_is_refused(key):
    with pytest.raises(UnusableSetting):
        ChainHub("https://gateway.test", key)


def test_a_proxy_must_be_an_address():
    with pytest.raises(UnusableSetting):
        ChainHub("https://gateway.test", KEY, proxy="socks5://127.0.0.1")


def test_the_client_does_not_show_its_key():
    assert KEY not in repr(ChainHub("https://gateway.test", KEY))


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_a_request_that_is_no_json_is_refused_before_it_is_sent(hub, value):
    with pytest.raises(errors.RequestRefused):
        hub.open_answer(ChatRequest("m", (), parameters={"x": value}))


def test_the_model_list_is_read_tolerantly(hub, mock):
    mock.get(
        MODELS,
        json={
            "success": True,
            "data": [
                {"id": "gpt-4o", "supported_endpoint_types": ["openai", 7]},
                {"id": "claude-sonnet-4", "supported_endpoint_types": ["anthropic", "openai"]},
                {"id": "plain"},
                {"id": "null", "supported_endpoint_types": None},
                {"id": "empty", "supported_endpoint_types": []},
                {"id": "gpt-4o", "supported_endpoint_types": []},
                {"id": " "},
                {"id": 3},
                {},
                "noise",
            ],
        },
    )

    assert hub.models() == [
        CatalogModel("gpt-4o", ("openai",)),
        CatalogModel("claude-sonnet-4", ("anthropic", "openai")),
        CatalogModel("plain", None),
        CatalogModel("null", None),
        CatalogModel("empty", ()),
    ]
    assert mock.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        ({"json": {"success": False, "message": "closed today"}}, errors.RequestRefused, "closed today"),
        ({"json": {"error": {"message": "no", "type": "t"}}}, errors.RequestRefused, "no"),
        ({"json": {"data": {}}}, errors.UnreadableReply, "what was asked for"),
        ({"json": []}, errors.UnreadableReply, "not JSON"),
        ({"body": "<html>console</html>"}, errors.UnreadableReply, "not JSON"),
        ({"body": ""}, errors.UnreadableReply, "not JSON"),
        ({"body": "not found", "status": 404}, errors.WrongAddress, "no model list at this address"),
        (
            {"json": {"error": {"message": "x", "code": "y"}}, "status": 404},
            errors.WrongAddress,
            "model list",
        ),
        ({"json": {"error": {"message": f"bad {KEY}"}}, "status": 401}, errors.KeyRejected, "bad .redacted."),
    ],
)
def test_a_model_list_that_is_none(hub, mock, reply, error, words):
    mock.get(MODELS, headers={"X-Oneapi-Request-Id": "r9"}, **reply)

    with pytest.raises(error, match=words) as caught:
        hub.models()

    assert caught.value.request_id == "r9"
    assert not caught.value.may_be_billed


def test_a_model_list_beyond_all_bounds(hub, mock, monkeypatch):
    monkeypatch.setattr("conversations.chainhub.client.BODY_BYTES", 1000)
    mock.get(MODELS, body="[" + "1," * 1000 + "1]")

    with pytest.raises(errors.UnreadableReply, match="longer than we take"):
        hub.models()


def test_an_error_body_beyond_all_bounds_is_cut(hub, mock, monkeypatch):
    monkeypatch.setattr(exchange, "ERROR_BODY_BYTES", 10)
    mock.get(MODELS, status=400, json={"error": {"message": "x" * 1000, "type": "t"}})

    with pytest.raises(errors.RequestRefused, match="status 400"):
        hub.models()


@pytest.mark.parametrize(
    ("subscription", "usage", "balance", "remaining"),
    [
        (
            {"hard_limit_usd": 12.5},
            {"total_usage": 431.2},
            Balance(Decimal("12.5"), Decimal("4.312")),
            "8.188",
        ),
        ({"hard_limit_usd": 100000000}, {"total_usage": 5}, Balance(None, Decimal("0.05")), None),
        ({"hard_limit_usd": -1}, {"total_usage": 5}, None, None),
        ({"hard_limit_usd": "12"}, {"total_usage": 5}, None, None),
        ({"hard_limit_usd": True}, {"total_usage": 5}, None, None),
        ({"hard_limit_usd": 12}, {}, None, None),
        ({"error": {"message": "no"}}, {"total_usage": 5}, None, None),
        ([], {"total_usage": 5}, None, None),
    ],
)
def test_the_balance_is_shown_only_when_it_makes_sense(hub, mock, subscription, usage, balance, remaining):
    mock.get(SUBSCRIPTION, json=subscription)
    mock.get(USAGE, json=usage)

    found = hub.balance()

    assert found == balance
    assert (found and found.remaining) == (remaining and Decimal(remaining))


@pytest.mark.parametrize("status", [401, 404, 429, 502])
def test_no_balance_is_no_error(hub, mock, status):
    mock.get(SUBSCRIPTION, status=status)

    assert hub.balance() is None
