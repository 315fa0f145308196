"""Encryption keys change, and are lost, under a site that really runs."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from conversations.practice.server import Gateway, running
from conversations.services import sealing
from tests.site import ROOT, Browser, Site
from tests.waiting import until

pytestmark = [
    pytest.mark.xdist_group("rotation"),
    pytest.mark.usefixtures("wire"),
    pytest.mark.timeout(180),
]

SECRET = "sk-rotated-0123456789abcdefWXYZ"
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
KEYS = "/admin/conversations/gatewaykey/"
STATES = """SELECT g.state FROM conversations_generation g ORDER BY g.id"""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    # It takes this key and no other: whoever reads a secret wrongly is refused.
    with running(speed=1, key=SECRET) as gateway:
        yield gateway


@pytest.fixture
def site(gateway: Gateway, tmp_path: Path) -> Iterator[Site]:
    """A site whose admin has put a key in, under the old encryption key."""
    site = Site(
        tmp_path / "data",
        ENCRYPTION_KEYS=OLD,
        PRACTICE_GATEWAY="false",
        GATEWAY_RETRY_SCALE="0.05",
    )
    try:
        Browser(site.start()).send_form(f"{KEYS}add/", **form(gateway))
        until(lambda: steady_is_there(site), seconds=30)
        yield site
    finally:
        site.close()


def form(gateway: Gateway) -> dict[str, str]:
    return {
        **{"name": "Team", "base_url": gateway.url, "secret": SECRET, "is_enabled": "on"},
        **{"priority": "100", "weight": "1", "price_group": "default"},
    }


def steady_is_there(site: Site) -> bool:
    return bool(site.rows("SELECT 1 FROM conversations_model WHERE name = 'practice-steady' AND is_enabled"))


def restart(site: Site, encryption_keys: str) -> None:
    site.close()
    site.variables["ENCRYPTION_KEYS"] = encryption_keys
    site.start()


def reencrypt(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an admin would, beside the site."""
    return subprocess.run(
        [sys.executable, "manage.py", "reencrypt", *arguments],
        cwd=ROOT,
        env=site.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def states(site: Site) -> list[str]:
    return [state for (state,) in site.rows(STATES)]


def ask(browser: Browser, number: int, *, tokens: int = 100) -> str:
    return browser.ask(f"{tokens} tokens every 50 ms, please: {number}", "practice-steady")


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_encryption_keys_rotate_while_answers_stream(site: Site) -> None:
    ((sealed,),) = site.rows("SELECT ciphertext FROM conversations_gatewaykey")
    restart(site, f"{NEW},{OLD}")
    browser = Browser(site)
    assert "One key is stored under an old encryption key." in text_of(browser.page("/admin/"))
    assert reencrypt(site, "--check").returncode == 1

    # Longer than the command takes to start on a machine that does much else.
    for number in range(8):
        ask(browser, number, tokens=500)
    until(lambda: states(site).count("running") == 8, seconds=30)
    done = reencrypt(site)
    # They stream on, and what is asked now goes through the key as it is stored now.
    assert states(site).count("running") == 8
    for number in range(8, 12):
        ask(browser, number)
    until(lambda: states(site) == ["succeeded"] * 12, seconds=60)

    assert done.returncode == 0, done.stderr
    assert "Encrypted anew: 1." in done.stdout
    assert reencrypt(site, "--check").returncode == 0
    for word in (SECRET, OLD, NEW, sealed):
        assert word not in done.stdout + done.stderr + site.log()
    assert "old encryption key" not in text_of(browser.page("/admin/"))
    if "journal" not in done.stderr:
        for path in site.data_dir.glob("chat.sqlite3*"):
            assert sealed.encode() not in path.read_bytes(), path

    restart(site, NEW)
    ask(Browser(site), 12)
    until(lambda: states(site) == ["succeeded"] * 13, seconds=30)


def test_a_lost_encryption_key_is_said_and_mended(site: Site, gateway: Gateway) -> None:
    restart(site, NEW)
    fingerprint = sealing.fingerprint(OLD)
    browser = Browser(site)

    # The site starts and serves; who asks gets a sentence, without names of keys in it.
    address = ask(browser, 1)
    until(lambda: states(site) == ["failed"], seconds=30)
    chat = text_of(browser.page(address))
    assert "The key can't be read. Ask an admin." in chat
    assert fingerprint not in chat

    # The panel says which keys, which encryption key is missing, and what to do.
    for page in ("/admin/", KEYS, f"{KEYS}1/change/", f"{KEYS}1/health/"):
        told = text_of(browser.page(page))
        assert (
            "The secret of “Team” can't be read: the encryption key that it was stored with "
            f"(fingerprint {fingerprint}) is not among ENCRYPTION_KEYS. "
            "Put that encryption key back, or enter the secret again."
        ) in told, page
    done = reencrypt(site)
    assert done.returncode == 1
    assert fingerprint in done.stderr
    assert "Traceback" not in site.log() + done.stderr

    restart(site, f"{NEW},{OLD}")
    ask(Browser(site), 2)
    until(lambda: states(site) == ["failed", "succeeded"], seconds=30)

    # Without it for ever: the secret is put in again.
    restart(site, NEW)
    browser = Browser(site)
    assert browser.send_form(f"{KEYS}1/change/", **form(gateway)).status_code == 302
    ask(browser, 3)
    until(lambda: states(site) == ["failed", "succeeded", "succeeded"], seconds=30)
    assert reencrypt(site, "--check").returncode == 0
