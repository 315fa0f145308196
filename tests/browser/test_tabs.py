"""Many tabs of one browser: one stream per tab that is seen, and a sidebar that is live in all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from conversations.practice.server import Gateway
from tests.driving import ask, conversation_id, sign_in_context, wait_for_state, with_models
from tests.site import Browser as Session
from tests.site import Site
from tests.waiting import until

SLOW = "2000 tokens every 50 ms"
CAP = 12

# A page that can be hidden and shown like a tab; a notice is noted instead of shown; the timers of hidden
# tabs run faster than those of people.
TAB = """
(() => {
  // Read when it is asked for: scripts of a page and of its context run in no order that could be relied on.
  const isHidden = () => Boolean(window.isHiddenTab);
  Object.defineProperty(document, "hidden", { get: isHidden });
  Object.defineProperty(document, "visibilityState", { get: () => (isHidden() ? "hidden" : "visible") });
  window.hide = (value) => {
    window.isHiddenTab = value;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  window.notices = [];
  window.asked = 0;
  window.Notification = class {
    static permission = "default";
    static async requestPermission() {
      window.asked += 1;
      return (window.Notification.permission = "granted");
    }
    constructor(title, options) { window.notices.push([title, options]); }
  };
  const wait = window.setTimeout.bind(window);
  window.setTimeout = (act, ms, ...more) => wait(act, ms === 15000 ? 200 : ms, ...more);
})();
"""


@pytest.fixture(scope="module")
def few_streams(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that takes few streams, and soon learns of those that were closed."""
    site = Site(
        tmp_path_factory.mktemp("tabs") / "data",
        CHAINHUB_BASE_URL=gateway.url,
        CHAINHUB_API_KEY="sk-made-up-for-this-test",
        STREAMS_MAX_PER_PERSON=str(CAP),
        STREAM_PING_SECONDS="0.2",
    )
    with_models(site.start())
    yield site
    site.close()


@pytest.fixture
def tab(context: BrowserContext, few_streams: Site) -> Page:
    """A signed-in tab; its errors fail the test that reads them."""
    context.add_init_script(TAB)
    return sign_in_context(context, few_streams)


@pytest.fixture
def session(few_streams: Site) -> Session:
    return Session(few_streams)


def streams(session: Session) -> int:
    """Count the person's open streams on the server: what is free is taken, and given back."""
    taken: list[requests.Response] = []
    while True:
        answer = session.get(f"{session.site.url}/events/", stream=True, timeout=10)
        if answer.status_code == 503:
            answer.close()
            break
        taken.append(answer)
    for answer in taken:
        answer.close()
    return CAP - len(taken)


def comes_to(session: Session, count: int) -> None:
    def is_so() -> bool:
        found = streams(session)
        # The server learns of those that were taken to count by its next pings.
        time.sleep(0.6)
        return found == count

    until(is_so, seconds=20)


def another(context: BrowserContext, address: str, *, hidden: bool = False) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    if hidden:
        page.add_init_script("window.isHiddenTab = true;")
    page.goto(address)
    return page


def row(page: Page, title: str):
    return page.locator("#sidebar-rows .row").filter(has_text=title)


def test_a_tab_has_one_stream_while_it_is_seen_and_none_while_it_is_not(tab: Page, session: Session) -> None:
    comes_to(session, 1)
    ask(tab, f"{SLOW}, hidden", "practice-steady")
    wait_for_state(tab, "running")
    comes_to(session, 1)

    tab.evaluate("hide(true)")
    comes_to(session, 0)
    address = tab.url.removeprefix(session.site.url)
    stop = tab.locator("article.answer").last.get_attribute("data-stop")
    assert stop
    session.send_form(stop)
    until(lambda: 'data-state="stopped"' in session.page(address), seconds=10)
    tab.evaluate("hide(false)")

    wait_for_state(tab, "stopped")
    comes_to(session, 1)
    # Away from the conversation, and the stream of the list alone takes its place.
    tab.get_by_role("link", name="New chat").click()
    comes_to(session, 1)


def test_ten_tabs_of_one_browser_are_all_usable(tab: Page, context: BrowserContext, session: Session) -> None:
    ask(tab, "5 tokens for ten tabs", "practice-steady")
    wait_for_state(tab, "succeeded")
    tabs = [another(context, tab.url, hidden=True) for _ in range(9)]
    comes_to(session, 1)

    for number, page in enumerate(tabs):
        expect(page.locator("article.answer[data-state=succeeded]")).to_have_count(1)
        page.get_by_role("textbox", name="Message").fill(f"Draft {number}")
    ask(tab, "6 tokens for ten tabs", "practice-steady")
    expect(tab.locator("article.answer[data-state=succeeded]")).to_have_count(2)

    # One after the other is brought to the front: it has all, at once; the one before gives its place back.
    seen = tab
    for page in tabs:
        seen.evaluate("hide(true)")
        page.evaluate("hide(false)")
        expect(page.locator("article.answer[data-state=succeeded]")).to_have_count(2)
        seen = page
    comes_to(session, 1)
    ask(seen, "7 tokens for ten tabs", "practice-steady")
    expect(seen.locator("article.answer[data-state=succeeded]")).to_have_count(3)


def test_the_sidebar_of_every_tab_marks_what_runs_and_what_is_unread(
    tab: Page, context: BrowserContext, few_streams: Site
) -> None:
    watching = another(context, f"{few_streams.url}/account/")
    ask(tab, f"{SLOW}, marked", "practice-steady")
    conversation = conversation_id(tab)
    expect(row(watching, "marked")).to_have_attribute("data-mark", "running")
    expect(watching.get_by_role("link", name="marked Answering")).to_be_visible()
    expect(row(tab, "marked")).to_have_attribute("data-mark", "running")

    # The one that asked goes away, so that nobody sees the end.
    stop = tab.locator("article.answer").last.get_attribute("data-stop")
    tab.get_by_role("link", name="New chat").click()
    expect(tab.get_by_role("heading", name="New chat")).to_be_attached()
    expect(row(tab, "marked")).to_have_attribute("data-mark", "running")
    Session(few_streams).send_form(stop)
    expect(row(watching, "marked")).to_have_attribute("data-mark", "")

    ask(tab, "240 tokens every 30 ms, unread", "practice-steady")
    tab.wait_for_url("**/c/*/")
    tab.get_by_role("link", name="New chat").click()
    expect(row(tab, "unread")).to_have_attribute("data-mark", "unread")
    expect(row(watching, "unread")).to_have_attribute("data-mark", "unread")
    expect(tab.get_by_role("link", name="unread Unread answer")).to_be_visible()

    row(watching, "unread").locator(".row-link").click()
    expect(row(watching, "unread")).to_have_attribute("data-mark", "")
    expect(row(tab, "unread")).to_have_attribute("data-mark", "")
    assert conversation not in watching.url


def test_whoever_looks_on_until_the_end_leaves_nothing_unread(
    tab: Page, context: BrowserContext, few_streams: Site
) -> None:
    watching = another(context, f"{few_streams.url}/search/")
    watching.evaluate(
        """() => {
          window.marks = new Set();
          new MutationObserver(() => {
            for (const row of document.querySelectorAll(".row")) {
              if (row.textContent.includes("looked on")) window.marks.add(row.dataset.mark);
            }
          }).observe(
            document.getElementById("sidebar-rows"),
            { attributes: true, childList: true, subtree: true },
          );
        }"""
    )
    ask(tab, "150 tokens every 30 ms, looked on", "practice-steady")
    wait_for_state(tab, "succeeded")
    expect(row(watching, "looked on")).to_have_attribute("data-mark", "")
    time.sleep(1)

    assert set(watching.evaluate("[...window.marks]")) == {"running", ""}


def test_a_rename_a_delete_and_its_undo_show_in_the_list_of_another_tab_without_disturbing_it(
    tab: Page, context: BrowserContext, few_streams: Site
) -> None:
    for name in ("first", "second"):
        tab.goto(few_streams.url)
        ask(tab, f"5 tokens, {name}", "practice-steady")
        wait_for_state(tab, "succeeded")
    watching = another(context, f"{few_streams.url}/account/")
    link = row(watching, "5 tokens, first").locator(".row-link")
    link.focus()

    row(tab, "5 tokens, second").locator("summary").click()
    row(tab, "5 tokens, second").get_by_role("button", name="Delete").click()
    expect(row(watching, "5 tokens, second")).to_have_count(0)
    tab.get_by_role("button", name="Undo").click()
    expect(row(watching, "5 tokens, second")).to_have_count(1)
    row(tab, "5 tokens, first").hover()
    row(tab, "5 tokens, first").locator("summary").click()
    row(tab, "5 tokens, first").get_by_role("link", name="Rename").click()
    tab.get_by_role("textbox", name="Title").fill("Renamed elsewhere")
    tab.get_by_role("button", name="Rename").click()

    expect(row(watching, "Renamed elsewhere")).to_have_count(1)
    expect(row(watching, "Renamed elsewhere").locator(".row-link")).to_be_focused()
    titles = [watching.locator(".row-title"), tab.locator(".row-title")]
    assert titles[0].all_inner_texts() == titles[1].all_inner_texts()


def make_it_long(site: Site, conversation: str) -> None:
    connection = site.database()
    with connection:
        connection.execute(
            """UPDATE conversations_generation SET created_at = datetime(created_at, '-60 seconds')
               WHERE message_id IN (SELECT m.id FROM conversations_message m
                 JOIN conversations_conversation c ON c.id = m.conversation_id WHERE c.public_id = ?)""",
            [conversation.replace("-", "")],
        )
    connection.close()


def test_a_long_answer_that_ends_unseen_notifies_once_it_was_wished_for(tab: Page, few_streams: Site) -> None:
    # Short of the wish, the title alone says it, and nobody is asked anything.
    ask(tab, "100 tokens every 30 ms, wished", "practice-steady")
    make_it_long(few_streams, conversation_id(tab))
    tab.evaluate("hide(true)")
    expect(tab).to_have_title("(1) 100 tokens every 30 ms, wished · ChainHub Chat")
    tab.evaluate("hide(false)")
    expect(tab).to_have_title("100 tokens every 30 ms, wished · ChainHub Chat")
    assert tab.evaluate("[asked, notices.length]") == [0, 0]

    tab.goto(f"{few_streams.url}/account/")
    tab.get_by_role("button", name="Notify me when a long answer is done").click()
    expect(tab.get_by_role("button", name="Stop notifying me")).to_be_visible()
    assert tab.evaluate("asked") == 1
    tab.get_by_role("link", name="New chat").click()
    ask(tab, "100 tokens every 30 ms, wished", "practice-steady")
    conversation = conversation_id(tab)
    make_it_long(few_streams, conversation)
    tab.evaluate("hide(true)")

    expect(tab).to_have_title("(1) 100 tokens every 30 ms, wished · ChainHub Chat")
    assert tab.evaluate("notices") == [["100 tokens every 30 ms, wished", {"tag": conversation}]]
    tab.evaluate("hide(false)")
    tab.goto(f"{few_streams.url}/account/")
    tab.get_by_role("button", name="Stop notifying me").click()
    expect(tab.get_by_role("button", name="Notify me when a long answer is done")).to_be_visible()


def test_no_notice_of_a_short_answer_or_of_one_that_was_seen_elsewhere(
    tab: Page, context: BrowserContext, few_streams: Site
) -> None:
    tab.evaluate("document.body.dataset.notify = ''; Notification.permission = 'granted'")
    ask(tab, "60 tokens every 30 ms, short", "practice-steady")
    tab.wait_for_url("**/c/*/")
    tab.evaluate("hide(true)")
    expect(tab).to_have_title("(1) 60 tokens every 30 ms, short · ChainHub Chat")
    assert tab.evaluate("notices") == []
    tab.evaluate("hide(false)")

    ask(tab, "60 tokens every 30 ms, seen", "practice-steady")
    elsewhere = another(context, tab.url)
    tab.evaluate("hide(true)")
    make_it_long(few_streams, conversation_id(tab))
    expect(elsewhere.locator("article.answer[data-state=succeeded]")).to_have_count(2)
    time.sleep(1.5)

    assert tab.evaluate("notices") == []
    expect(tab).to_have_title("60 tokens every 30 ms, short · ChainHub Chat")


def test_every_other_page_with_a_sidebar_is_live_too_and_leaves_no_error(
    tab: Page, few_streams: Site
) -> None:
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    session = Session(few_streams)
    pages = {"home": "/", "account": "/account/", "search": "/search/?q=tokens", "usage": "/usage/"}
    for name, address in pages.items():
        tab.goto(f"{few_streams.url}{address}")
        session.ask(f"5 tokens, seen from {name}", "practice-steady")
        expect(row(tab, f"seen from {name}")).to_have_count(1)
    # What was searched for stands while things change.
    tab.goto(few_streams.url)
    tab.get_by_role("searchbox", name="Search conversations").fill("seen from account")
    expect(tab.locator("#sidebar-rows .row")).to_have_count(1)
    session.ask("5 tokens, while searching", "practice-steady")
    time.sleep(1)
    expect(tab.locator("#sidebar-rows .row")).to_have_count(1)
    tab.get_by_role("searchbox", name="Search conversations").fill("")
    expect(row(tab, "while searching")).to_have_count(1)
    assert faults == []
