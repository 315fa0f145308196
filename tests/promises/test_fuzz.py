"""Promises 12 and 22: whatever method, parameter, header, cookie or body is sent: never a 500."""

from __future__ import annotations

import re
import uuid
from itertools import islice

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chainhub_web import wsgi
from conversations.models import Model, User
from conversations.services import invites, searching
from tests import factories
from tests.promises.test_who_may import panel_address, panel_addresses
from tests.test_doors import NAMES, STREAMS, address_of

few = settings(
    max_examples=120,
    deadline=None,
    # The same every time, and without the search for the smallest: that takes minutes.
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NASTY = [
    "", " ", "0", "-1", "9" * 30, "9" * 5_000, "1e999", "NaN", "null", "true", "[]", "{}", "'", '"', "\\",
    "%", "%00",
    "\x00", "\r\n", "\n\nx: y", "\x1b[31m", "\u2028", "\ud7ff", "\uffff", "\U0001f600", "\u202e", "İ", "ﬁ",
    "ß",
    "a:b", "-x", "NEAR(", "* OR 1=1 --", "__proto__", "../../etc/passwd", "//evil.example", "http://[",
    "http://[::1", "javascript:x", "{{ x }}", "<hx-partial>", "<script>", "x" * 3_000, "٣", "½", "١٢",
    "1_000",
    "r1-2.3", "r0-99999999999999999999.1", "r99999999999999999999-1.99999999999999999999", "r-1--1.-1",
    "2024-13-45", "=?utf-8?q?x?=", "a@b", "utf-7", "UTC\x00", "Europe/../UTC", str(uuid.UUID(int=0)),
]  # fmt: skip
words = st.one_of(st.sampled_from(NASTY), st.text(max_size=30))
FIELDS = [
    "q", "page", "before", "cursor", "next", "text", "send_id", "model", "model_name", "attachments", "title",
    "url", "file", "save", "theme", "first_name", "time_zone", "old_password", "new_password1",
    "new_password2",
    "temperature", "max_tokens", "system", "reasoning_effort", "username", "password", "csrfmiddlewaretoken",
    "name", "base_url", "secret", "note", "order", "default_parameters", "served_by", "is_enabled", "action",
    "_selected_action", "select_across", "index", "_save", "_popup", "_to_field", "_changelist_filters",
    "_continue",
    "form-TOTAL_FORMS", "form-INITIAL_FORMS", "form-0-id", "form-0-order", "form-0-display_name", "post",
    "back",
    "o", "p", "e", "all", "may", "is_enabled__exact", "has_vision__exact", "username__regex", "id__in",
    "app_label", "field_name", "term", "password1", "password2", "is_superuser", "usable_password",
    "role", "person", "words", "since", "until",
    "assistant", "ask_once", "compare", "comparison", "m", "after", "removed", "deletion", "deleted", "by",
    "then", "line", "hint", "known", "forget_other", "author", "list", "tools", "tools_shown", "temporary",
    "decision", "range", "first", "last", "key", "group", "currency", "width", "description", "instructions",
    "starter_questions", "is_for_everybody", "groups", "email", "days", "public_id", "notify",
]  # fmt: skip
fields = st.dictionaries(st.one_of(st.sampled_from(FIELDS), words), words, max_size=5)
HEADERS = [
    "HX-Request", "HX-Current-URL", "HX-Current-URL-URI-AutoEncoded", "HX-Target", "HX-Trigger",
    "HX-Trigger-Name",
    "HX-Prompt", "HX-Boosted", "HX-History-Restore-Request", "HX-Request-Type", "HX-Source",
    "Triggering-Event",
    "Last-Event-ID", "Range", "If-None-Match", "If-Modified-Since", "Accept", "Accept-Encoding",
    "Accept-Language",
    "Cookie", "Host", "Origin", "Referer", "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Proto", "Authorization", "User-Agent", "Content-Length", "X-HTTP-Method-Override", "Expect",
]  # fmt: skip
headers = st.dictionaries(st.sampled_from(HEADERS), words, max_size=3).map(
    # What a server makes of the bytes of a header.
    lambda found: {name: value.encode(errors="replace").decode("latin-1") for name, value in found.items()}
)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "X"]
TYPES = [
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16",
    "application/json",
    "multipart/form-data; boundary=b", "multipart/form-data; boundary=b; charset=hex", "multipart/form-data",
    "multipart/form-data; boundary=" + "b" * 300, "multipart/form-data; boundary=b; charset=idna",
    "text/plain",
    "multipart/form-data; boundary*=utf-8''b", "text/plain; x*=nope''y", "text/html; charset=bz2", "", ";",
    "a/b; charset=undefined",
]  # fmt: skip
queries = st.one_of(
    fields.map(lambda found: "&".join(f"{name}={value}" for name, value in found.items())),
    st.binary(max_size=40).map(lambda raw: "q=" + "".join(f"%{byte:02x}" for byte in raw)),
    st.binary(max_size=20).map(lambda raw: raw.decode("latin-1")),
)


def multipart(found: dict[str, str]) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n'
        for (name, value), extra in zip(
            found.items(),
            ["", '; filename="x"', "; filename*=nope''x", "; filename*=utf-16''%d8%00", ""],
            strict=False,
        )
    ]
    return ("".join(parts) + "--b--\r\n").encode(errors="replace")


bodies = st.one_of(
    fields.map(multipart),
    fields.map(lambda found: "&".join(f"{k}={v}" for k, v in found.items()).encode(errors="replace")),
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"--b",
            b"--b--",
            b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n--b--",
            b"{",
            b"[" * 5_000,
        ]
    ),
)


def served(client: Client) -> Client:
    """Have what a client asks go the way that it goes under gunicorn."""
    handler = client.handler
    client.handler = lambda environ: handler(wsgi.mended(environ))
    return client


def ask(
    client: Client, method: str, address: str, query: str, extra: dict, content_type: str, body: bytes
) -> None:
    environ = {"QUERY_STRING": query.encode(errors="replace").decode("latin-1")}
    if cookies := extra.pop("Cookie", None):
        signed_in = f"sessionid={client.cookies['sessionid'].value}" if "sessionid" in client.cookies else ""
        environ["HTTP_COOKIE"] = (
            f"{cookies}; {signed_in}; sidebar={cookies}; csrftoken={cookies}; messages={cookies}"
        )
    if length := extra.pop("Content-Length", None):
        environ["CONTENT_LENGTH"] = length
    answer = client.generic(method, address, body, content_type=content_type, headers=extra, **environ)
    if answer.streaming and answer["Content-Type"] == "text/event-stream":
        events = answer._iterator
        list(islice(events, 3))
        events.close()
    assert answer.status_code < 500 or answer.status_code == 503, answer.content[:500]
    for name, value in answer.headers.items():
        assert "\r" not in value, name
        assert "\n" not in value, name


# --- The chat -----------------------------------------------------------------------------------------------


@few
@given(
    name=st.sampled_from(sorted(set(NAMES) - STREAMS)),
    method=st.sampled_from(["GET", "POST", *METHODS]),
    query=queries,
    extra=headers,
    content_type=st.sampled_from(TYPES),
    body=bodies,
    is_signed_in=st.sampled_from([True, True, False]),
)
def test_no_address_of_the_chat_breaks(
    of_ada: dict, ada: User, name: str, method: str, query: str, extra: dict, content_type: str, body: bytes,
    is_signed_in: bool,
) -> None:  # fmt: skip
    client = served(Client())
    if is_signed_in:
        client.force_login(ada)

    ask(client, method, address_of(name, of_ada), query, dict(extra), content_type, body)


# One of each kind of NASTY, and a number that no database holds.
NASTIEST = ["", "-1", "9" * 30, "1e999", "\x00", "\r\n", "<script>", "x" * 3_000, "½", str(uuid.UUID(int=0))]


@pytest.mark.parametrize("name", sorted(set(NAMES) - STREAMS - {"logout"}))
def test_no_nasty_value_in_every_field_at_once_breaks_an_address(
    name: str, of_ada: dict, ada_client: Client
) -> None:
    address = address_of(name, of_ada)

    for place, value in enumerate(NASTIEST):
        found = dict.fromkeys(FIELDS, value) | {"ask_once": f"{('model', 'assistant')[place % 2]}:{value}"}
        # With what is asked for first in order, too: so the other fields are reached.
        posted = found if place % 3 == 0 else found | {"send_id": str(uuid.uuid4()), "name": f"n{place}"}
        headers = {"HX-Request": "true"} if place % 2 else {}
        assert ada_client.post(address, posted, headers=headers).status_code < 500, value
        assert ada_client.get(address, found, headers=headers).status_code in (
            200,
            302,
            404,
            405,
            422,
            503,
        ), value


@pytest.mark.parametrize("number", ["9" * 19, "9" * 30, "-" + "9" * 30])
def test_no_number_of_a_row_that_no_table_holds_breaks_a_form(
    staff: User, staff_client: Client, number: str
) -> None:
    group = Group.objects.create(name="Team")
    staff.groups.add(group)
    key = factories.gateway_key()
    model = factories.model("gpt-4o", key=key)
    forms = {
        "/prompts/new/": ["groups"],
        f"/prompts/{factories.prompt(staff).public_id}/edit/": ["groups"],
        "/assistants/new/": ["groups"],
        f"/assistants/{factories.assistant(staff).public_id}/edit/": ["groups"],
        "/admin/invites/": ["groups"],
        "/admin/conversations/gatewaykey/add/": ["groups"],
        f"/admin/conversations/gatewaykey/{key.pk}/change/": ["groups"],
        "/admin/conversations/model/add/": ["groups", "default_for", "served_by"],
        f"/admin/conversations/model/{model.pk}/change/": ["groups", "default_for", "served_by"],
        "/admin/conversations/user/add/": ["groups"],
        f"/admin/conversations/user/{staff.pk}/change/": ["groups"],
        "/admin/auth/group/add/": ["members"],
        f"/admin/auth/group/{group.pk}/change/": ["members"],
        "/admin/conversations/model/": ["_selected_action", "groups"],
        "/admin/conversations/model/edit/": ["chosen", "groups", "order"],
    }
    for address, fields in forms.items():
        for field in fields:
            body = {
                "name": "New",
                "text": "x",
                "action": "edit_many",
                "limits": "groups",
                "days": "1",
                "role": "Member",
            }
            answer = staff_client.post(address, body | {field: [number, str(group.pk)]})
            assert answer.status_code < 500, (address, field)
            chosen = {"_selected_action": model.pk, "chosen": model.pk, "groups": group.pk, field: number}
            answer = staff_client.post(address, body | chosen, headers={"HX-Request": "true"})
            assert answer.status_code < 500, (address, field)
    assert not Group.objects.filter(name="New").exists()


def test_a_cursor_beyond_all_numbers_breaks_no_stream(streams: None, ada: User, ada_client: Client) -> None:
    address = f"{factories.ask(ada).conversation.get_absolute_url()}events/"

    events = ada_client.get(address, {"cursor": f"r0-{2**64}.1"})._iterator

    assert len(list(islice(events, 3))) == 3
    events.close()


# Those beyond 64 bits: see above.
cursors = words.filter(lambda text: not re.search(r"\d{19}", text))


@settings(few, max_examples=40)
@given(cursor=cursors, last=cursors)
def test_no_cursor_breaks_a_stream(streams: None, ada: User, cursor: str, last: str) -> None:
    client = Client()
    client.force_login(ada)
    conversation = ada.conversations.first() or factories.ask(ada).conversation
    address = f"{conversation.get_absolute_url()}events/"
    headers = {"Last-Event-ID": last.encode(errors="replace").decode("latin-1")} if last else {}

    answer = client.get(address, {"cursor": cursor}, headers=headers)

    events = answer._iterator
    assert b"".join(islice(events, 3)).startswith(b"retry: 1000\n\n")
    events.close()


@pytest.mark.parametrize("path", [
    "/%00", "/%ff%fe", "/c/%00/", "/c/..%2f..%2fadmin/", "//", "///login/", "/c//", "/%0d%0aX:y",
    "/admin/%00/",
    "/admin/conversations/user/%ff/change/", "/admin/..;/", "/static/../manage.py",
    "/static/%2e%2e/manage.py",
    "/static//etc/passwd", "/static/%00", "/" + "a" * 5_000, "/c/" + "0" * 36 + "/", "/.git/config", "/;/",
    "/\u202e/",
])  # fmt: skip
def test_no_path_breaks_the_site(path: str, ada_client: Client, staff_client: Client) -> None:
    for client in (Client(), ada_client, staff_client):
        for method in ("GET", "POST"):
            assert client.generic(method, path).status_code < 500


# --- The panel ----------------------------------------------------------------------------------------------


@few
@given(
    name=st.sampled_from([name for name in panel_addresses() if not name.endswith(("_test", "_sync"))]),
    method=st.sampled_from(["GET", "POST", "POST", *METHODS]),
    query=queries,
    found=fields,
    pk=st.sampled_from(["1", "2", "999", "9" * 30, "abc", "_2F", "\x00"]),
    public_id=st.sampled_from([uuid.UUID(int=0), uuid.UUID(int=1)]),
)
def test_no_address_of_the_panel_breaks(
    staff: User, name: str, method: str, query: str, found: dict, pk: str, public_id: uuid.UUID
) -> None:
    client = Client()
    staff.refresh_from_db()
    client.force_login(staff)
    if not Model.objects.exists():
        factories.model("gpt-4o", key=factories.gateway_key())
        invites.make(by=staff, public_id=uuid.UUID(int=1), role="Member", days=1)
    try:
        address = panel_address(name, int(pk) if pk.isdigit() else pk, public_id)  # type: ignore[arg-type]
    except AssertionError:
        address = panel_address(name, 1, public_id)
    body = "&".join(f"{k}={v}" for k, v in found.items()).encode(errors="replace")

    ask(client, method, address, query, {}, "application/x-www-form-urlencoded", body)


@pytest.mark.parametrize("name", ["add", "change"])
@pytest.mark.parametrize("kind", ["gatewaykey", "model", "user"])
def test_no_form_of_the_panel_breaks_on_nasty_values(
    staff_client: Client, staff: User, kind: str, name: str
) -> None:
    key = factories.gateway_key()
    model = factories.model("gpt-4o", key=key)
    rows = {"gatewaykey": key.pk, "model": model.pk, "user": staff.pk}
    address = reverse(f"admin:conversations_{kind}_{name}", args=[rows[kind]] if name == "change" else [])

    for value in NASTY:
        answer = staff_client.post(address, dict.fromkeys(FIELDS, value) | {"is_superuser": "on"})
        assert answer.status_code < 500
        answer = staff_client.post(f"/admin/conversations/{kind}/", dict.fromkeys(FIELDS, value))
        assert answer.status_code < 500


# --- 12: search words --------------------------------------------------------------------------------


@few
@given(query=words, before=words)
def test_no_words_break_the_search(ada: User, query: str, before: str) -> None:
    if not ada.conversations.exists():
        factories.ask(ada, "ß ﬁ İ \u2028 % _ \\ ' \" NEAR( a:b -x")

    searching.sidebar(ada, query=query, before=before)
    hits, _ = searching.hits(ada, query=query)

    assert all("\r" not in hit.snippet for hit in hits)


def test_words_of_sql_and_patterns_are_words(ada: User) -> None:
    factories.ask(ada, "hundred percent")

    for query in ("%", "_", "100%", "' OR 1=1 --", "h_ndred", "hundred*", '"hundred"'):
        assert searching.hits(ada, query=query)[0] == []
    assert len(searching.hits(ada, query="HUNDRED perc")[0]) == 1
