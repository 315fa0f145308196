"""Pictures that a model writes into its text: taken out of the stream, so that no row ever holds one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from uuid import UUID

Store = Callable[[bytes, str], UUID | None]

UNREADABLE = "*[picture that could not be read]*"
_FLAGS = re.IGNORECASE | re.ASCII
_DATA = "data:image/"
_TYPE = r"(?P<type>[a-z0-9][a-z0-9.+-]{0,39})(?:;[a-z0-9=._-]{1,60}){0,3};base64,"
# With less behind it, it is no picture but talk about data URIs, and stays text.
_SHORTEST = 32
# Without brackets inside, and bounded: so each sign of a hostile text is looked at a few times only.
_WORDS = rf"(?:(?!{_DATA})[^\[\]\n]){{0,300}}"
_MARK = rf"!\[(?P<alt>{_WORDS})\]\([ \t]?<?"
_OPENER = re.compile(rf"(?:{_MARK})?{_DATA}{_TYPE}(?=[a-z0-9+/]{{{_SHORTEST}}})", _FLAGS)
_PAYLOAD_END = re.compile(r"[^A-Za-z0-9+/]")
_SPACE = r"[ \t\n]{0,20}"
_TAIL = re.compile(rf"""{_SPACE}>?{_SPACE}(?:"[^"\n]{{0,200}}"|'[^'\n]{{0,200}}')?{_SPACE}\)""")


def _begun(literal: str, then: str) -> str:
    """Return a pattern for every beginning of `literal`, and for all of it followed by `then`."""
    pattern = then
    for sign in reversed(literal):
        pattern = rf"{re.escape(sign)}(?:{pattern})?"
    return pattern


# What stands at the end of the text so far, and may yet become an opener or a tail.
_BEGUN_PAYLOAD = rf"(?:(?<=;base64),[a-z0-9+/]{{0,{_SHORTEST}}})?"
_BEGUN_DATA = _begun(_DATA, rf"[a-z0-9.+-]{{0,40}}(?:;[a-z0-9=._-]{{0,60}}){{0,4}}{_BEGUN_PAYLOAD}")
_BEGUN_MARK = rf"!(?:\[{_WORDS}(?:\](?:\([ \t]?<?(?:{_BEGUN_DATA})?)?)?)?"
_BEGUN_OPENER = re.compile(rf"(?:{_BEGUN_MARK}|{_BEGUN_DATA})\Z", _FLAGS)
_BEGUN_TITLE = rf"""(?:"[^"\n]{{0,200}}(?:"{_SPACE})?|'[^'\n]{{0,200}}(?:'{_SPACE})?)?"""
_BEGUN_TAIL = re.compile(rf"{_SPACE}>?{_SPACE}{_BEGUN_TITLE}\Z")


class PictureLifter:
    """Passes text on, and leaves `![alt](attachment:<id>)` where a picture stood in it as a data URI.

    `store` gets the decoded bytes and the declared type, and returns the id of what it kept, or None.
    A picture of more than `limit` bytes is not collected, but not passed on as text either.
    """

    def __init__(self, store: Store, *, limit: int = 40_000_000) -> None:
        self._store = store
        self._limit = limit
        self._held = ""
        self._last = ""  # the last signs that were passed on
        self._picture: _Picture | None = None

    def feed(self, delta: str) -> str:
        """Take the next piece of the stream; return what of the text may go on."""
        text, self._held = self._held + delta, ""
        passed: list[str] = []
        at = 0
        # A place in the text and no slices: many small pictures in one large piece stay linear.
        while at < len(text):
            if self._picture is None:
                said, at = self._read_text(text, at)
            else:
                said, at = self._read_picture(self._picture, text, at)
            if said:
                passed.append(said)
                self._last = (self._last + said)[-3:]
        return "".join(passed)

    def finish(self) -> str:
        """Return what was held back: no more comes, or something else than text comes next."""
        text, self._held = self._held, ""
        if self._picture:
            text = self._leave(self._picture) + text
        return text

    def _read_text(self, text: str, at: int) -> tuple[str, int]:
        if opener := _OPENER.search(text, at):
            said = text[at : opener.start()]
            self._picture = _Picture(opener, is_in_mark=(self._last + said).endswith(("](", "](<")))
            return said, opener.end()
        begun = _BEGUN_OPENER.search(text, at)
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        return text[at:end], len(text)

    def _read_picture(self, picture: _Picture, text: str, at: int) -> tuple[str, int]:
        at = picture.take(text, at, limit=self._limit)
        if at == len(text):
            return "", at
        if picture.alt is not None:
            if tail := _TAIL.match(text, at):
                at = tail.end()
            elif _BEGUN_TAIL.match(text, at):
                self._held = text[at:]
                return "", len(text)
        return self._leave(picture), at

    def _leave(self, picture: _Picture) -> str:
        """Keep the picture, and return what stands in its place."""
        self._picture = None
        content = picture.decoded()
        kept = None if content is None else self._store(content, picture.media_type)
        if kept is None:
            return UNREADABLE
        if picture.is_in_mark:
            return f"attachment:{kept}"
        return f"![{'Picture' if picture.alt is None else picture.alt}](attachment:{kept})"


class _Picture:
    """One data URI on its way."""

    def __init__(self, opener: re.Match[str], *, is_in_mark: bool) -> None:
        self.alt: str | None = opener["alt"]
        self.media_type = f"image/{opener['type'].lower()}"
        self.is_in_mark = is_in_mark
        self._payload = bytearray()
        self._padding = ""
        self._is_oversize = False
        self._is_ended = False

    def take(self, text: str, at: int, *, limit: int) -> int:
        """Take what belongs to the picture; return where the rest begins, the end while more may come."""
        if not self._is_ended and not self._padding:
            at = self._take_payload(text, at, limit=limit)
        while not self._is_ended and at < len(text):
            if text[at] == "=" and len(self._padding) < 2:
                self._padding += "="
                at += 1
            else:
                self._is_ended = True
        return at

    def _take_payload(self, text: str, at: int, *, limit: int) -> int:
        found = _PAYLOAD_END.search(text, at)
        end = found.start() if found else len(text)
        if not self._is_oversize:
            self._payload += text[at:end].encode()
            if len(self._payload) * 3 // 4 > limit:
                self._is_oversize = True
                self._payload.clear()
        return end

    def decoded(self) -> bytes | None:
        # Some gateways leave the padding out; its length follows from the rest.
        padding = b"=" * (-len(self._payload) % 4)
        if self._is_oversize or (self._padding and len(self._padding) != len(padding)):
            return None
        try:
            return base64.b64decode(self._payload + padding, validate=True)
        except binascii.Error:
            return None
