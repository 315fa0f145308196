"""Small pictures of each kind, made by hand: only their headers matter here."""

from __future__ import annotations

import base64
import struct

from conversations.practice import pictures

PNG = pictures.paint("a test", width=320, height=200)
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x0b\x08"
    + struct.pack(">HH", 48, 64)
    + b"\x01\x01\x11\x00\xff\xda\x00\x02\xff\xd9"
)
GIF = b"GIF89a" + struct.pack("<HH", 16, 9) + b"\x00\x00\x00,\x00\x00\x00\x00;"


def webp(form: bytes, data: bytes) -> bytes:
    chunk = b"WEBP" + form + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk)) + chunk


WEBP = webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 176 | 0x4000, 144) + b"\x00\x00")
WEBP_LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", (75 - 1) | (50 - 1) << 14) + b"\x00" * 4)
WEBP_EXTENDED = webp(b"VP8X", b"\x00" * 4 + (399).to_bytes(3, "little") + (299).to_bytes(3, "little"))


def data_uri(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def image_part(data: bytes, media_type: str = "image/png") -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": data_uri(data, media_type)}}
