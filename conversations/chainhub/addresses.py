"""The base URL as people type it: with or without /v1, or a full endpoint copied from a manual."""

import re
from urllib.parse import urlsplit

# Longest first, so that nothing of a longer one stays behind.
_ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/models",
    "/chat/completions",
    "/v1beta",
    "/v1",
)
_BARE_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?(/.*)?")
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


class UnusableSetting(ValueError):
    """What was configured cannot work. The message is a sentence for a person, and holds no secret."""


class UnusableBaseUrl(UnusableSetting):
    """The text is no address of a gateway."""


def normalise_base_url(text: str) -> str:
    """Return the gateway's root, without a trailing slash: `https://host[:port][/prefix]`.

    Raise UnusableBaseUrl for other schemes, user names, queries and fragments.
    """
    text = text.strip()
    # A parser that forgives these may connect to another host than the one that was checked.
    if not text or re.search(r"[\s\\\x00-\x1f\x7f]", text):
        raise UnusableBaseUrl("Enter the address of the gateway, for example https://api.chainhub.tech.")
    if "://" not in text and _BARE_HOST.fullmatch(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UnusableBaseUrl("The address of the gateway is not a valid URL.") from None
    if parts.scheme not in ("http", "https"):
        raise UnusableBaseUrl("The address of the gateway must begin with https:// or http://.")
    if "@" in parts.netloc:
        raise UnusableBaseUrl("The address of the gateway must not hold a user name or password.")
    if "?" in text or "#" in text:
        raise UnusableBaseUrl("The address of the gateway must not hold a query or a fragment.")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise UnusableBaseUrl("The address of the gateway has no valid host name.")
    return f"{parts.scheme}://{host}{_shown_port(parts.scheme, port)}{_prefix(parts.path)}"


def _shown_port(scheme: str, port: int | None) -> str:
    return "" if port in (None, {"http": 80, "https": 443}[scheme]) else f":{port}"


def _prefix(path: str) -> str:
    path = path.rstrip("/")
    for endpoint in _ENDPOINTS:
        if path.endswith(endpoint):
            return path.removesuffix(endpoint).rstrip("/")
    return path
