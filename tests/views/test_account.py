"""A person's own page, and whether the site is well."""

from __future__ import annotations

from django.test import Client

from conversations.models import User


def test_the_account_page_keeps_zone_and_theme(ada: User, ada_client: Client) -> None:
    answer = ada_client.post(
        "/account/",
        {"save": "account", "first_name": "Ada", "last_name": "", "time_zone": "Asia/Tokyo", "theme": "dark"},
    )

    assert answer.status_code == 302
    ada.refresh_from_db()
    assert (ada.time_zone, ada.theme, ada.first_name) == ("Asia/Tokyo", "dark", "Ada")
    assert 'data-theme="dark"' in ada_client.get("/").content.decode()


def test_a_changed_password_keeps_this_sign_in(ada: User, ada_client: Client) -> None:
    new = "a much better horse"

    answer = ada_client.post(
        "/account/",
        {"save": "password", "old_password": "correct horse", "new_password1": new, "new_password2": new},
    )

    assert answer.status_code == 302
    assert ada_client.get("/").status_code == 200
    ada.refresh_from_db()
    assert ada.check_password(new)


def test_a_wrong_old_password_changes_nothing(ada: User, ada_client: Client) -> None:
    new = "a much better horse"

    answer = ada_client.post(
        "/account/", {"save": "password", "old_password": "wrong", "new_password1": new, "new_password2": new}
    )

    assert answer.status_code == 422
    ada.refresh_from_db()
    assert ada.check_password("correct horse")


def test_health_tells_what_is_missing(db: None) -> None:
    assert Client().get("/healthz").json() == {"status": "up"}
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["engine"])
