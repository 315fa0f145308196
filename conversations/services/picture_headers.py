"""What a picture says of itself in its first bytes: read by hand, so that nothing is unpacked to learn it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from conversations.services.errors import Refused

_SIZES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


@dataclass(frozen=True)
class Header:
    media_type: str
    width: int
    height: int
    frames: int = 1


def read(content: bytes) -> Header:
    """Tell PNG, JPEG, WebP and GIF by their bytes. Raise Refused for all else."""
    readers = (
        (b"\x89PNG\r\n\x1a\n", _png),
        (b"\xff\xd8\xff", _jpeg),
        (b"GIF87a", _gif),
        (b"GIF89a", _gif),
        (b"RIFF", _webp),
    )
    for signature, reader in readers:
        if content.startswith(signature):
            try:
                header = reader(content)
            except (struct.error, IndexError):
                header = None
            if header and header.width and header.height:
                return header
    raise Refused("This is no picture that can be shown here. PNG, JPEG, WebP and GIF are taken.")


def _png(content: bytes) -> Header | None:
    if content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", content, 16)
    return Header("image/png", width, height)


def _jpeg(content: bytes) -> Header | None:
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _SIZES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return Header("image/jpeg", width, height)
        elif marker == _START_OF_SCAN:
            return None
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            at += 2 + length
    return None


def _webp(content: bytes) -> Header | None:
    if content[8:12] != b"WEBP":
        return None
    chunk = content[12:16]
    if chunk == b"VP8X":
        width = int.from_bytes(content[24:27], "little") + 1
        height = int.from_bytes(content[27:30], "little") + 1
        return Header("image/webp", width, height, frames=_webp_frames(content))
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return Header("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return Header("image/webp", width & 0x3FFF, height & 0x3FFF)
    return None


def _webp_frames(content: bytes) -> int:
    frames, at = 0, 12
    while at + 8 <= len(content):
        frames += content[at : at + 4] == b"ANMF"
        (length,) = struct.unpack_from("<I", content, at + 4)
        at += 8 + length + length % 2
    return max(frames, 1)


def _gif(content: bytes) -> Header | None:
    """Count the frames, and measure what they cover: a frame may be larger than the screen it is on."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    at = 13 + _palette_length(flags)
    frames = 0
    while at < len(content):
        block = content[at]
        if block == 0x2C:
            left, top, across, down, flags = struct.unpack_from("<HHHHB", content, at + 1)
            width, height = max(width, left + across), max(height, top + down)
            frames += 1
            at = _after_blocks(content, at + 11 + _palette_length(flags))
        elif block == 0x21:
            at = _after_blocks(content, at + 2)
        else:
            break
    return Header("image/gif", width, height, frames) if frames else None


def _palette_length(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(content: bytes, at: int) -> int:
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at + 1
