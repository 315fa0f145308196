"""Pictures by their bytes: what kind, how large; and a small PNG to send back."""

from __future__ import annotations

import binascii
import struct
import zlib
from dataclasses import dataclass

_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
_JPEG_SIZES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class NotAPicture(Exception):
    """The bytes are no whole PNG, JPEG, GIF or WebP."""


@dataclass(frozen=True)
class Picture:
    kind: str
    width: int
    height: int
    size: int

    @property
    def media_type(self) -> str:
        return f"image/{self.kind.lower()}"

    def __str__(self) -> str:
        return f"{self.kind}, {self.width}×{self.height} pixels, {self.size:,} bytes"


def decode_base64(text: str) -> bytes:
    """Raise ValueError for anything but whole, strict base64."""
    return binascii.a2b_base64(text, strict_mode=True)


def look_at(data: bytes) -> Picture:
    """Read kind and size from the header. Raise NotAPicture also where the end of the file is missing."""
    for kind, measure in (("PNG", _png), ("JPEG", _jpeg), ("GIF", _gif), ("WebP", _webp)):
        try:
            size = measure(data)
        except (struct.error, IndexError):
            size = None
        if size and size[0] > 0 and size[1] > 0:
            return Picture(kind=kind, width=size[0], height=size[1], size=len(data))
    raise NotAPicture


def _png(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR") or b"IEND" not in data:
        return None
    if zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _gif(data: bytes) -> tuple[int, int] | None:
    if data[:6] not in (b"GIF87a", b"GIF89a") or b"\x3b" not in data[13:]:
        return None
    width, height = struct.unpack("<HH", data[6:10])
    return width, height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the first frame header, which holds the size."""
    if not data.startswith(b"\xff\xd8\xff") or b"\xff\xd9" not in data:
        return None
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # padding
            at += 1
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        if marker in (0xD9, 0xDA):
            return None
        at += 2 if marker in _JPEG_WITHOUT_LENGTH else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        return None
    form = data[12:16]
    if form == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if form == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def paint(words: str, *, width: int = 320, height: int = 200) -> bytes:
    """Return a PNG with a disc before a sky; its colours follow from the words."""
    hue = zlib.crc32(words.encode(errors="replace"))
    red, green, blue = hue & 0xFF, hue >> 8 & 0xFF, hue >> 16 & 0xFF
    palette = bytearray()
    for shade in range(64):  # 0-62 the sky from top to bottom, 63 the disc
        palette += bytes((red * shade // 63, green * shade // 63, (blue + 4 * shade) % 256))
    palette[-3:] = bytes((255, 210, 90))
    rows = bytearray()
    x_centre, y_centre, radius = width * 2 // 3, height // 3, height // 5
    for y in range(height):
        row = bytearray([y * 62 // height]) * width
        half = int(max(0, radius * radius - (y - y_centre) ** 2) ** 0.5)
        row[x_centre - half : x_centre + half] = bytes([63]) * (2 * half)
        rows += b"\x00" + row
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", bytes(palette)),
        (b"IDAT", zlib.compress(bytes(rows), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
