"""Mail: plain text, one letter to one person. Where EMAIL_URL is not set, nothing is sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMessage

from conversations.services.errors import Refused

logger = logging.getLogger(__name__)

# One thread: a mail server that hangs holds up other mail, and no page.
_line = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


@dataclass(frozen=True)
class Letter:
    """A mail that is about to be sent."""

    to: str
    subject: str
    text: str


def is_possible() -> bool:
    """Tell whether this site can send mail at all."""
    return bool(settings.EMAIL_URL)


def send(to: str, subject: str, text: str) -> None:
    """Hand a letter to the mail server, and wait for it (EMAIL_TIMEOUT seconds at most for each step).

    Not inside a transaction: it is a network call. Raises Refused where the site sends no mail, or the mail
    server took it not; why is in the log, without the address or the text.
    """
    if not is_possible():
        raise Refused("This site sends no mail: EMAIL_URL is not set.")
    try:
        sent = EmailMessage(_one_line(subject), text, to=[to]).send()
    except (OSError, ValueError) as error:  # ValueError: an address that no header may hold
        # The text of such an error quotes addresses, and what the server said to them.
        logger.error("A mail could not be sent: %s", type(error).__name__)
        raise Refused("The mail could not be sent. Try again in a while, or tell an admin.") from error
    if not sent:
        logger.error("A mail could not be sent: the mail server took no recipient")
        raise Refused("The mail could not be sent. Try again in a while, or tell an admin.")


def send_soon(write: Callable[[], Iterable[Letter]]) -> None:
    """Have the letters that `write` returns written and sent by another thread: nobody waits for them.

    What fails is in the log. `write` must not ask the database.
    """
    _line.submit(_send_all, write)


def _send_all(write: Callable[[], Iterable[Letter]]) -> None:
    for letter in write():
        try:
            send(letter.to, letter.subject, letter.text)
        except Refused:
            # Said in the log by `send`; the next letter has a chance of its own.
            continue


def wait_for_the_line() -> None:
    """Wait until all letters that were given to `send_soon` so far were tried."""
    _line.submit(lambda: None).result()


def _one_line(subject: str) -> str:
    return " ".join(subject.split())
