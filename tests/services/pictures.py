"""Pictures for tests, made with Pillow or by hand, and kept as a person would."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile
from PIL import Image

from conversations.models import Attachment, User
from conversations.services import files

EXIF_ORIENTATION, EXIF_GPS, EXIF_MAKE = 0x0112, 0x8825, 0x010F


def picture(
    kind: str = "PNG", size: tuple[int, int] = (32, 20), *, mode: str = "RGB", **options: Any
) -> bytes:
    """A gradient, so that no two corners are alike."""
    gradient = Image.linear_gradient("L").resize(size)
    return encoded(
        Image.merge("RGB", [gradient, gradient.rotate(180), gradient]).convert(mode), kind, **options
    )


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with an orientation, a maker's name, and a place on earth."""
    data = Image.Exif()
    data[EXIF_ORIENTATION] = orientation
    data[EXIF_MAKE] = "Secret Camera"
    data.get_ifd(EXIF_GPS)[1] = "N"
    data.get_ifd(EXIF_GPS)[2] = (52.0, 30.0, 0.0)
    return data


def frames(count: int, size: tuple[int, int] = (16, 16)) -> list[Image.Image]:
    return [Image.new("RGB", size, (index * 37 % 256, index * 11 % 256, 90)) for index in range(count)]


def animation(kind: str = "GIF", count: int = 3, size: tuple[int, int] = (16, 16), **options: Any) -> bytes:
    first, *others = frames(count, size)
    return encoded(first, kind, save_all=True, append_images=others, duration=70, loop=0, **options)


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A few bytes that unpack to gigabytes."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + png_chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + png_chunk(b"IEND", b"")
    )


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG that claims to be `width` by `height`."""
    content = bytearray(picture("JPEG"))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def gif_of_size(width: int, height: int) -> bytes:
    """A small GIF whose only frame is larger than its screen."""
    content = bytearray(picture("GIF", (4, 4)))
    at = content.index(b"\x2c")
    content[at + 5 : at + 9] = struct.pack("<HH", width, height)
    return bytes(content)


def webp_of_size(width: int, height: int) -> bytes:
    """The header of an extended WebP, at most 16,384 on a side."""
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def store(owner: User, content: bytes | None = None, name: str = "a.png") -> Attachment:
    return files.store_picture(owner, upload=io.BytesIO(content or picture()), name=name)


def bytes_of(field: FieldFile) -> bytes:
    with default_storage.open(field.name) as file:
        return file.read()


def written(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]
