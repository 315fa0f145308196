"""Which addresses may become a link or a picture, judged after markdown-it has normalised them."""

import re
import uuid
from urllib.parse import urlsplit

# The slashes and a host are demanded: a browser reads `https:logout` on our page as an address of our own.
_LINK = re.compile(r"(?:https?://[^/?#\s]|mailto:[^\s])", re.IGNORECASE)
_WEB = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
_ATTACHMENT = re.compile(
    r"attachment:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", re.IGNORECASE
)
_PICTURE_ONLY = re.compile(r"(?:attachment:|data:image/)", re.IGNORECASE)


def is_link(address: str) -> bool:
    """Tell whether `address` may be followed from our page: the web or mail, never a path of this host."""
    return _LINK.match(address) is not None


def is_readable(address: str) -> bool:
    """Tell whether markdown-it shall read `[…](address)` as a mark at all; otherwise it stays text."""
    return is_link(address) or _PICTURE_ONLY.match(address) is not None


def attachment_id(address: str) -> uuid.UUID | None:
    """Return the id in `attachment:<uuid>`, or None if it is anything else."""
    match = _ATTACHMENT.fullmatch(address)
    return uuid.UUID(match[1]) if match else None


def web_host(address: str) -> str | None:
    """Return the host that a browser would ask for the picture at `address`; None if it is not on the web."""
    if not _WEB.match(address):
        return None
    try:
        return urlsplit(address).hostname
    except ValueError:  # "Invalid IPv6 URL"
        return None
