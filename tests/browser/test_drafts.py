"""What is typed is never lost: reloads, other tabs, other devices, and sign-ins that run out."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.driving import ask, sign_in_context, wait_for_state
from tests.site import PASSWORD, USERNAME, Site
from tests.waiting import until


def message(page: Page):
    return page.get_by_role("textbox", name="Message")


def type_and_save(page: Page, text: str) -> None:
    with page.expect_response(lambda answer: answer.url.endswith("/draft/") and answer.ok):
        message(page).fill(text)


def end_the_sign_in(page: Page, site: Site) -> None:
    """Remove the session of this browser alone, as its running out would."""
    key = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "sessionid")
    connection = site.database()
    with connection:
        connection.execute("DELETE FROM django_session WHERE session_key = ?", [key])
    connection.close()


def sign_in_again(page: Page) -> None:
    page.get_by_role("textbox", name="Username").fill(USERNAME)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def sent(site: Site, text: str) -> int:
    return len(
        site.rows(
            """SELECT 1 FROM conversations_part p JOIN conversations_message m ON m.id = p.message_id
               WHERE m.role = 'user' AND p.text = ?""",
            text,
        )
    )


def forget(page: Page) -> None:
    type_and_save(page, "")


def test_a_draft_with_a_picture_is_there_after_a_reload_and_on_another_device(
    page: Page, browser: Browser, site: Site, picture: Path
) -> None:
    page.locator("[data-files]").set_input_files(picture)
    expect(page.get_by_role("button", name="Remove boat.png")).to_be_visible()
    type_and_save(page, "What is on this picture of mine?")

    page.reload()
    expect(message(page)).to_have_value("What is on this picture of mine?")
    expect(page.get_by_role("button", name="Remove boat.png")).to_be_visible()
    other = sign_in_context(browser.new_context(), site)
    expect(message(other)).to_have_value("What is on this picture of mine?")
    other.get_by_role("button", name="Remove boat.png").click()
    forget(other)

    page.reload()
    expect(message(page)).to_have_value("")
    expect(page.get_by_role("button", name="Remove boat.png")).to_have_count(0)
    other.context.close()


def test_the_last_words_before_the_page_goes_are_kept_too(page: Page) -> None:
    message(page).fill("Typed a moment ago")
    page.goto(page.url.replace("/c/", "/") + "account/")
    page.goto(page.url.replace("account/", ""))

    expect(message(page)).to_have_value("Typed a moment ago")
    forget(page)


def test_nothing_of_it_stays_in_the_browser(page: Page) -> None:
    type_and_save(page, "Confidential")

    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    forget(page)


def test_a_send_leaves_no_draft_and_what_was_typed_since_stays(page: Page) -> None:
    type_and_save(page, "2000 tokens every 50 ms")
    ask(page, "2000 tokens every 50 ms", "practice-steady")
    wait_for_state(page, "running")
    expect(message(page)).to_have_value("")
    type_and_save(page, "And then?")

    page.reload()

    expect(message(page)).to_have_value("And then?")
    page.get_by_role("button", name="Stop").click()
    wait_for_state(page, "stopped")


def test_two_tabs_lose_neither_text(page: Page, browser: Browser, site: Site) -> None:
    other = sign_in_context(browser.new_context(), site)
    type_and_save(page, "A long thought")

    type_and_save(other, "A short one")

    notice = other.get_by_text("This draft was changed in another tab.")
    expect(notice).to_be_visible()
    other.get_by_role("button", name="Take the other text").click()
    expect(message(other)).to_have_value("A long thought")
    expect(notice).to_be_visible()
    other.get_by_role("button", name="Dismiss the other text").click()
    expect(notice).to_be_hidden()
    forget(other)
    other.context.close()


def test_typed_then_expired_then_sent_is_sent_once_after_the_sign_in(page: Page, site: Site) -> None:
    type_and_save(page, "Typed before the sign-in ran out")
    end_the_sign_in(page, site)
    page.get_by_role("combobox", name="Model").select_option("practice-chat")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_text("Your message is kept and will be sent when you sign in.")).to_be_visible()
    assert sent(site, "Typed before the sign-in ran out") == 0
    sign_in_again(page)

    wait_for_state(page, "succeeded")
    expect(page.locator("article.question")).to_contain_text("Typed before the sign-in ran out")
    expect(message(page)).to_have_value("")
    assert sent(site, "Typed before the sign-in ran out") == 1
    page.goto(site.url)
    expect(message(page)).to_have_value("")


def test_in_a_conversation_what_was_typed_after_the_sign_in_ran_out_is_not_lost_either(
    page: Page, site: Site
) -> None:
    ask(page, "First")
    wait_for_state(page, "succeeded")
    end_the_sign_in(page, site)
    message(page).fill("Typed when nobody was signed in")
    # The stream learns of it while the text is only here: the page stays, and says so.
    page.evaluate("document.dispatchEvent(new CustomEvent('chat:signed-out', { cancelable: true }))")
    expect(page.get_by_text("You are signed out.")).to_be_visible()

    page.get_by_role("button", name="Send").click()
    sign_in_again(page)

    expect(page.locator("article.question")).to_have_count(2)
    wait_for_state(page, "succeeded")
    assert sent(site, "Typed when nobody was signed in") == 1


def test_without_a_script_the_message_is_sent_after_the_sign_in_too(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = sign_in_context(context, site)
    message(page).fill("Without a script")
    end_the_sign_in(page, site)
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_text("Your message is kept")).to_be_visible()
    sign_in_again(page)

    page.locator("article.question").wait_for()
    until(lambda: sent(site, "Without a script") == 1)
    context.close()
