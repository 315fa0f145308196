"""What comes out of cleaning is a picture, upright, in sRGB, without a word about who made it where."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from conversations.services import pictures
from conversations.services.errors import Refused
from tests.services.pictures import (
    animation,
    encoded,
    exif,
    frames,
    gif_of_size,
    jpeg_of_size,
    opened,
    picture,
    png_bomb,
    png_chunk,
    webp_of_size,
)


@pytest.mark.parametrize(
    ("kind", "media_type", "extension"),
    [
        ("PNG", "image/png", "png"),
        ("JPEG", "image/jpeg", "jpg"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
    ],
)
def test_each_type_stays_what_it_is(kind, media_type, extension):
    cleaned = pictures.clean(picture(kind, (320, 200)))

    assert (cleaned.media_type, cleaned.extension) == (media_type, extension)
    assert (cleaned.width, cleaned.height) == (320, 200)
    assert opened(cleaned.content).format == kind
    assert opened(cleaned.content).size == (320, 200)


def test_headers_are_read_in_all_their_shapes():
    jpeg = picture("JPEG", (320, 200))
    shapes = [
        picture("WEBP", (320, 200), lossless=True),
        picture("WEBP", (320, 200), mode="RGBA"),
        picture("WEBP", (320, 200), exif=exif()),
        picture("JPEG", (320, 200), progressive=True),
        jpeg[:2] + b"\xff\xff" + jpeg[3:],  # a marker may be padded
    ]

    for content in shapes:
        cleaned = pictures.clean(content)
        assert (cleaned.width, cleaned.height) == (320, 200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(kind, orientation):
    image = Image.new("RGB", (40, 20), "blue")
    image.paste((255, 0, 0), (0, 0, 20, 10))
    upright = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}

    cleaned = pictures.clean(encoded(image, kind, exif=exif(orientation)))

    shown = opened(cleaned.content).convert("RGB")
    assert shown.size == ((40, 20) if orientation < 5 else (20, 40))
    across, down = upright[orientation]
    red, _, blue = shown.getpixel((across * (shown.width - 1), down * (shown.height - 1)))
    assert red > 200
    assert blue < 60


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_stays(kind):
    options = {"exif": exif(), "xmp": b"<x:xmpmeta>Secret Xmp</x:xmpmeta>", "icc_profile": _srgb()}
    if kind == "JPEG":
        options["comment"] = b"Secret comment"
    if kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Author", "Secret Author")
        options["pnginfo"].add_text("Note", "Secret Note", zip=True)
    content = picture(kind, **options)
    assert b"Secret" in content

    cleaned = pictures.clean(content)

    for made in (cleaned.content, cleaned.thumbnail):
        shown = opened(made)
        assert b"Secret" not in made
        assert not shown.getexif()
        assert not {"icc_profile", "xmp", "exif", "comment", "Author", "Note"} & set(shown.info)


def test_the_comment_of_a_gif_goes():
    content = picture("GIF", comment=b"Secret comment")
    assert b"Secret" in content

    assert b"Secret" not in pictures.clean(content).content


def test_what_hangs_behind_the_picture_goes():
    page = b"<html><script>alert(1)</script></html>PK\x03\x04"

    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        assert b"script" not in pictures.clean(picture(kind) + page).content


def test_colours_of_another_profile_become_srgb():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (_srgb(), lab, b"no profile at all"):
        cleaned = pictures.clean(picture("PNG", icc_profile=profile))

        assert opened(cleaned.content).mode == "RGB"


@pytest.mark.parametrize(
    ("image", "kind", "mode", "pixel"),
    [
        (Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "JPEG", "RGB", (254, 0, 0)),
        (Image.new("I;16", (9, 9), 0x8000), "PNG", "L", 128),
        (Image.new("L", (9, 9), 77), "PNG", "L", 77),
        (Image.new("1", (9, 9), 1), "PNG", "L", 255),
        (Image.new("LA", (9, 9), (70, 128)), "PNG", "RGBA", (70, 70, 70, 128)),
        (Image.new("RGBA", (9, 9), (1, 2, 3, 4)), "PNG", "RGBA", (1, 2, 3, 4)),
        (Image.new("L", (9, 9), 70), "JPEG", "L", 70),
    ],
)
def test_every_mode_is_drawn_as_it_looks(image, kind, mode, pixel):
    shown = opened(pictures.clean(encoded(image, kind)).content)

    assert shown.mode == mode
    assert shown.getpixel((4, 4)) == pixel


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_keeps_its_transparency(kind):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (4, 0, 8, 8))

    shown = opened(pictures.clean(encoded(image, kind, transparency=0)).content).convert("RGBA")

    assert shown.getpixel((1, 1))[3] == 0
    assert shown.getpixel((6, 6)) == (0, 255, 0, 255)


def test_a_large_picture_is_scaled_down_and_gets_a_thumbnail(settings):
    settings.ATTACHMENT_MAX_SIDE = 1000

    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        cleaned = pictures.clean(picture(kind, (3000, 1500)))

        assert (cleaned.width, cleaned.height) == opened(cleaned.content).size == (1000, 500)
        assert opened(cleaned.thumbnail).size == (640, 320)
        assert opened(cleaned.thumbnail).format == "WEBP"


def test_a_strip_keeps_at_least_one_pixel():
    cleaned = pictures.clean(picture("PNG", (6000, 1)))

    assert (cleaned.width, cleaned.height) == (2048, 1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_a_small_animation_goes_on_moving(kind):
    cleaned = pictures.clean(animation(kind))

    shown = opened(cleaned.content)
    assert shown.n_frames == 3
    assert shown.info["duration"] == 70
    assert shown.info["loop"] == 0
    for index, frame in enumerate(frames(3)):
        shown.seek(index)
        assert shown.convert("RGB").getpixel((3, 3)) == pytest.approx(frame.getpixel((3, 3)), abs=8)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
@pytest.mark.parametrize("what", ["frames", "pixels", "side"])
def test_of_a_large_animation_the_first_frame_stays(kind, what, settings, monkeypatch):
    if what == "frames":
        monkeypatch.setattr(pictures, "_ANIMATION_FRAMES", 2)
    elif what == "pixels":
        monkeypatch.setattr(pictures, "_ANIMATION_PIXELS", 700)
    else:
        settings.ATTACHMENT_MAX_SIDE = 8

    shown = opened(pictures.clean(animation(kind)).content)

    assert getattr(shown, "n_frames", 1) == 1
    assert shown.convert("RGB").getpixel((3, 3)) == pytest.approx((0, 0, 90), abs=8)


def test_models_get_the_first_frame_only():
    for kind in ("GIF", "WEBP"):
        content = animation(kind)

        still = opened(pictures.first_frame(content, f"image/{kind.lower()}"))

        assert (still.format, getattr(still, "n_frames", 1)) == (kind, 1)
    assert pictures.first_frame(picture("GIF"), "image/gif") == picture("GIF")
    assert pictures.first_frame(b"anything", "image/png") == b"anything"


@pytest.mark.parametrize(
    "bomb",
    [
        png_bomb(),
        jpeg_of_size(60_000, 60_000),
        gif_of_size(60_000, 60_000),
        webp_of_size(16_000, 16_000),
        png_bomb(2**31 - 1, 2**31 - 1),
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(bomb, monkeypatch):
    monkeypatch.setattr(pictures, "_draw", None)

    with pytest.raises(Refused, match="at most 50 million are taken"):
        pictures.clean(bomb)


def test_the_limit_of_pixels_is_a_setting(settings):
    settings.ATTACHMENT_MAX_PIXELS = 1_500_000
    pictures.clean(picture("PNG", (1500, 1000)))

    with pytest.raises(Refused, match=r"1,500 × 1,001 pixels; at most 1\.5 million are taken"):
        pictures.clean(picture("PNG", (1500, 1001)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(kind, part):
    content = picture(kind, (200, 150))

    with pytest.raises(Refused):
        pictures.clean(content[: int(len(content) * part)])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xda\x00\x02",
        b"\xff\xd8\xff\xe0\x00\x02no marker",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"RIFF\x00\x00\x00\x00WEBPVP9 " + bytes(40),
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"tEXt", bytes(13)),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"II*\x00" + bytes(100),
        b"BM" + bytes(100),
        bytes(1000),
        png_bomb(0, 100),
    ],
)
def test_what_is_no_picture_is_refused_in_words(content):
    with pytest.raises(Refused, match="This is no picture"):
        pictures.clean(content)


def test_a_jpeg_of_a_thousand_scans_is_refused():
    content = picture("JPEG", progressive=True)

    with pytest.raises(Refused, match="takes too long"):
        pictures.clean(content + b"\xff\xda" * 1000)


def test_a_gif_of_a_hundred_thousand_frames_costs_one():
    content = animation("GIF", 2)
    end = content.rindex(b"\x3b")
    start = content.rindex(b"\x21\xf9", 0, end)
    many = content[:end] + content[start:end] * 100_000 + b"\x3b"

    started = time.perf_counter()
    shown = opened(pictures.clean(many).content)

    assert getattr(shown, "n_frames", 1) == 1
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_bytes_are_refused_or_drawn_and_nothing_else(kind, data):
    content = bytearray(animation(kind) if kind in ("GIF", "WEBP") else picture(kind, exif=exif(6)))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    try:
        cleaned = pictures.clean(bytes(content))
    except Refused:
        return

    assert opened(cleaned.content).size == (cleaned.width, cleaned.height)


def _srgb() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return profile.tobytes()


def test_a_picture_of_fifty_megapixels_is_drawn_in_seconds():
    content = io.BytesIO()
    Image.new("RGB", (8000, 6200), "teal").save(content, "PNG")

    started = time.perf_counter()
    pictures.clean(content.getvalue())

    assert time.perf_counter() - started < 10
