"""Pictures drawn anew: from anybody's bytes to a picture without metadata, or a refusal in words."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from PIL import Image, ImageCms, ImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from conversations.services import picture_headers
from conversations.services.errors import Refused
from conversations.services.picture_headers import Header

THUMBNAIL_TYPE = "image/webp"
_THUMBNAIL_SIDE = 640
# An animation is kept where all its frames together are no more work than one large picture;
# of a larger one the first frame stays.
_ANIMATION_FRAMES = 200
_ANIMATION_PIXELS = 20_000_000
# A progressive JPEG has about ten; each one more walks over the whole picture again.
_JPEG_SCANS = 100
# A picture of 50 megapixels takes 500 to 900 MB while it is drawn.
_AT_ONCE = threading.BoundedSemaphore(2)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# All that Pillow was seen to raise on damaged bytes.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Warning,  # raised where warnings are errors
)


@dataclass(frozen=True)
class Format:
    """How one type of picture is read and written."""

    opener: type[ImageFile.ImageFile]
    extension: str
    name: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A picture that was drawn anew, and its thumbnail (WebP)."""

    content: bytes
    thumbnail: bytes
    media_type: str
    extension: str
    width: int
    height: int


# The openers themselves, not Image.open(): nothing but the type that the bytes say gets to read them.
_FORMATS = {
    "image/png": Format(PngImageFile, "png", "PNG", {}),
    "image/jpeg": Format(JpegImageFile, "jpg", "JPEG", {"quality": 88, "optimize": True}),
    "image/webp": Format(WebPImageFile, "webp", "WEBP", {"quality": 88}),
    "image/gif": Format(GifImageFile, "gif", "GIF", {}),
}


def clean(content: bytes) -> Picture:
    """Draw a picture anew: upright, in sRGB, of bounded size, without metadata.

    Raise Refused for what is no picture, is damaged, or is larger than the settings allow.
    """
    header = picture_headers.read(content)
    _refuse_oversize(header)
    if header.media_type == "image/jpeg" and content.count(b"\xff\xda") > _JPEG_SCANS:
        raise Refused("This JPEG is built in a way that takes too long to read. Save it again and retry.")
    with _AT_ONCE:
        try:
            return _draw(content, header)
        except _DAMAGE as damage:
            raise Refused("This picture is damaged or incomplete, and cannot be read.") from damage


def first_frame(content: bytes, media_type: str) -> bytes:
    """Return the picture itself, or the first frame of an animation: models take no others."""
    if media_type not in ("image/gif", "image/webp") or picture_headers.read(content).frames == 1:
        return content
    with _AT_ONCE, _FORMATS[media_type].opener(io.BytesIO(content)) as opened:
        return _encode([_still(opened, opened.size)], media_type)


def _refuse_oversize(header: Header) -> None:
    if header.width * header.height > settings.ATTACHMENT_MAX_PIXELS:
        raise Refused(
            f"This picture has {header.width:,} × {header.height:,} pixels; "
            f"at most {settings.ATTACHMENT_MAX_PIXELS / 1_000_000:g} million are taken."
        )


def _draw(content: bytes, header: Header) -> Picture:
    with _FORMATS[header.media_type].opener(io.BytesIO(content)) as opened:
        if opened.size != (header.width, header.height):
            raise OSError("two readings of the header differ")
        size = _fitting(opened.size, settings.ATTACHMENT_MAX_SIDE)
        durations: list[int] = []
        if _is_small_animation(header) and size == opened.size:
            loop = opened.info.get("loop")
            images, durations = _frames(opened, header.frames)
        else:
            loop = None
            images = [_still(opened, size)]
    return Picture(
        content=_encode(images, header.media_type, durations=durations, loop=loop),
        thumbnail=_thumbnail(images[0]),
        media_type=header.media_type,
        extension=_FORMATS[header.media_type].extension,
        width=images[0].width,
        height=images[0].height,
    )


def _is_small_animation(header: Header) -> bool:
    pixels = header.frames * header.width * header.height
    return 1 < header.frames <= _ANIMATION_FRAMES and pixels <= _ANIMATION_PIXELS


def _fitting(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _still(opened: ImageFile.ImageFile, size: tuple[int, int]) -> Image.Image:
    orientation = _orientation(opened)
    # A JPEG can be decoded at a half, a quarter or an eighth; twice the size keeps the detail.
    opened.draft(None, (size[0] * 2, size[1] * 2))
    opened.load()
    image = _in_plain_mode(opened)
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    image = _in_srgb(image, opened.info.get("icc_profile"))
    if (turn := _TURNS.get(orientation)) is not None:
        image = image.transpose(turn)
    return _without_metadata(image)


def _frames(opened: ImageFile.ImageFile, count: int) -> tuple[list[Image.Image], list[int]]:
    images, durations = [], []
    for index in range(count):
        opened.seek(index)
        opened.load()
        durations.append(int(opened.info.get("duration", 100)))
        images.append(_without_metadata(opened.convert("RGBA")))
    return images, durations


def _orientation(opened: ImageFile.ImageFile) -> int:
    try:
        return int(opened.getexif().get(_ORIENTATION, 1))
    except _DAMAGE:
        return 1  # unreadable EXIF goes away with the rest of the metadata


def _in_plain_mode(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits a pixel: convert() alone would cut at 255 instead of scaling.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode == "CMYK":
        return image
    opaque = "L" if image.mode in ("1", "L") else "RGB"
    mode = "RGBA" if image.has_transparency_data else opaque
    # convert() copies hundreds of megabytes even where nothing is to be done.
    return image if image.mode == mode else image.convert(mode)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGB" if image.mode == "CMYK" else image.mode
    if profile and mode != "L":
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, source, target, outputMode=mode) or image.convert(mode)
        except (ImageCms.PyCMSError, *_DAMAGE):
            pass  # a profile that nobody can read is dropped like the other metadata
    return image.convert(mode)


def _without_metadata(image: Image.Image) -> Image.Image:
    plain = image.copy()
    # Encoders write what they find here: comments, profiles.
    plain.info = {}
    return plain


def _encode(
    images: list[Image.Image], media_type: str, *, durations: list[int] | None = None, loop: int | None = None
) -> bytes:
    kind = _FORMATS[media_type]
    options = dict(kind.options)
    if len(images) > 1:
        options |= {"save_all": True, "append_images": images[1:], "duration": durations}
        if loop is not None:
            options["loop"] = loop
    target = io.BytesIO()
    images[0].save(target, kind.name, **options)
    return target.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    target = io.BytesIO()
    small.save(target, "WEBP", quality=80)
    return target.getvalue()
