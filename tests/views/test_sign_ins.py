"""Open sign-ins on a person's own page."""

from __future__ import annotations

import pytest
from django.test import Client

from conversations.models import AuditEntry, SignIn, User
from conversations.templatetags.browsers import browser_words

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


def signed_in(browser: str = CHROME) -> Client:
    client = Client(headers={"User-Agent": browser})
    client.post("/login/", {"username": "ada", "password": "correct horse"})
    return client


def page(client: Client) -> str:
    return client.get("/account/").content.decode()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (CHROME, "Chrome on Windows"),
        (CHROME + " Edg/140.0.0.0", "Edge on Windows"),
        (CHROME + " OPR/120.0", "Opera on Windows"),
        (SAFARI, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.6 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
            "Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
    ],
)
def test_a_browser_is_said_in_words(said, words):
    assert browser_words(said) == words


def test_the_page_lists_them_and_says_which_is_this_one(ada):
    mine, other = signed_in(), signed_in(SAFARI)

    html = page(mine)

    assert html.index("Chrome on Windows") < html.index("this one") < html.index("Safari on iPhone")
    assert html.count(">End</button>") == 1
    assert other.get("/").status_code == 200


def test_one_is_ended_and_the_others_stay(ada):
    mine, other, third = signed_in(), signed_in(SAFARI), signed_in()
    row = SignIn.objects.get(browser=SAFARI)

    answer = mine.post(f"/account/{row.public_id}/end/")

    assert answer["Location"] == "/account/"
    assert [client.get("/").status_code for client in (mine, other, third)] == [200, 302, 200]
    assert "Safari on iPhone" not in page(mine)
    assert AuditEntry.objects.filter(action="sign_in.revoked").count() == 1


def test_all_others_are_ended(ada, bob):
    mine, others, bobs = signed_in(), [signed_in(), signed_in(SAFARI)], Client()
    bobs.force_login(bob)

    mine.post("/account/sign-ins/end-others/")

    assert [client.get("/").status_code for client in (mine, *others, bobs)] == [200, 302, 302, 200]


def test_this_one_is_ended_as_by_logging_out(ada):
    mine = signed_in()

    answer = mine.post(f"/account/{SignIn.objects.get().public_id}/end/")

    assert answer["Location"] == "/login/"
    assert mine.get("/").status_code == 302
    assert not SignIn.objects.exists()


def test_another_person_s_can_t_be_ended(ada, bob_client):
    mine = signed_in()

    assert bob_client.post(f"/account/{SignIn.objects.get().public_id}/end/").status_code == 404
    assert mine.get("/").status_code == 200


def test_a_changed_password_ends_all_but_this_one_and_keeps_its_row(ada):
    mine, other = signed_in(), signed_in(SAFARI)
    new = "a much better horse"

    mine.post(
        "/account/",
        {"save": "password", "old_password": "correct horse", "new_password1": new, "new_password2": new},
    )

    assert [client.get("/").status_code for client in (mine, other)] == [200, 302]
    assert SignIn.objects.get().session_key == mine.session.session_key
    assert "this one" in page(mine)
    assert AuditEntry.objects.filter(action="person.password_changed", actor_pk=ada.pk).count() == 1


def test_the_mail_address_is_one_s_own_to_change(ada):
    mine = signed_in()
    fields = {"save": "account", "first_name": "", "last_name": "", "time_zone": "", "theme": "dark"}

    assert mine.post("/account/", fields | {"email": "no address"}).status_code == 422
    assert mine.post("/account/", fields | {"email": "ada@example.com"}).status_code == 302

    assert User.objects.get(pk=ada.pk).email == "ada@example.com"


@pytest.mark.parametrize("count", [1, 20])
def test_the_page_costs_the_same_queries_with_one_and_twenty(ada, count, django_assert_num_queries):
    clients = [signed_in() for _ in range(count)]
    clients[0].get("/account/")

    with django_assert_num_queries(6):
        clients[0].get("/account/")
