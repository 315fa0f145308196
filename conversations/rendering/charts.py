"""Bars, drawn on the server as one SVG without scripts, for an <img>.

The table beside a chart says the same in text, so that the picture has no words of its own but its axes.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from xml.etree import ElementTree

# The values of app.css: raise, text, muted, line, accent.
_LIGHT = ("#ffffff", "#16201d", "#57635f", "#e0e5e3", "#0b7065")
_DARK = ("#1f2422", "#e7ecea", "#a6b2ad", "#2d3532", "#57c9b6")
_FONTS = '-apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif'
_WIDE, _NARROW = (960, 280), (400, 300)
_MOST_LABELS = 10
_LABEL_LENGTH = 22


@dataclass(frozen=True)
class Drawing:
    """An SVG, and the policy that lets its own style sheet count where it is opened as a page."""

    svg: bytes
    policy: str


def bars(
    points: Sequence[tuple[str, float]],
    *,
    title: str,
    in_words: Callable[[float], str],
    is_dark: bool,
    is_narrow: bool,
    is_lying: bool = False,
) -> Drawing:
    """Draw one bar for each label and value; `in_words` writes the values at the axis.

    Bars that lie have room for long names, each on a line of its own; those that stand are for time.
    """
    chart = _chart(is_dark=is_dark, is_narrow=is_narrow, lying=len(points) if is_lying else 0)
    chart.value_formatter = in_words
    # The library puts the first of the bars that lie at the bottom.
    ordered = points[::-1] if is_lying else points
    chart.x_labels = [_short(label) for label, _ in ordered]
    if not is_lying:
        chart.x_labels_major_count = min(len(points), 4 if is_narrow else _MOST_LABELS)
    chart.add("", [value for _, value in ordered])
    return _without_scripts(chart.render_tree(), title)


def _chart(*, is_dark: bool, is_narrow: bool, lying: int) -> Any:
    kind = _library("pygal.graph.horizontalbar").HorizontalBar if lying else _library("pygal.graph.bar").Bar
    pygal_style = _library("pygal.style")
    back, text, muted, line, accent = _DARK if is_dark else _LIGHT
    width, height = _NARROW if is_narrow else _WIDE
    height = 56 + 28 * lying if lying else height
    style = pygal_style.Style(
        background=back,
        plot_background=back,
        foreground=muted,
        foreground_strong=text,
        foreground_subtle=line,
        guide_stroke_color=line,
        major_guide_stroke_color=line,
        guide_stroke_dasharray="none",
        major_guide_stroke_dasharray="none",
        colors=(accent,),
        opacity="1",
        opacity_hover="1",
        transition="0s",
        font_family=_FONTS,
        label_font_size=13,
        major_label_font_size=13,
    )
    return kind(
        style=style,
        width=width,
        height=height,
        # No script, and nothing from elsewhere.
        js=(),
        disable_xml_declaration=True,
        show_legend=False,
        show_x_guides=False,
        show_minor_x_labels=bool(lying),
        truncate_label=-1,
        min_scale=3,
        max_scale=5,
        include_x_axis=True,
        margin=12,
        spacing=8,
        rounded_bars=2,
        no_data_text="",
    )


def _library(module: str) -> Any:
    # Eight megabytes and a tenth of a second: not for a process that never draws.
    found = import_module(module)
    # It leaves a finder of plugins behind, of a kind that Python warns of at every later import.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]
    return found


def _without_scripts(tree: Any, title: str) -> Drawing:
    """Leave what is seen: no script, nothing that waits for one, no address of the library's pages."""
    for parent in list(tree.iter()):
        for child in list(parent):
            is_comment = not isinstance(child.tag, str)
            if is_comment or child.tag.endswith(("script", "desc")) or "overlay" in child.get("class", ""):
                parent.remove(child)
    hashes = []
    for node in tree.iter():
        if node.tag.endswith("title"):
            node.text = title
        if node.tag.endswith("style"):
            digest = hashlib.sha256((node.text or "").encode()).digest()
            hashes.append(f"'sha256-{base64.b64encode(digest).decode()}'")
    policy = f"default-src 'none'; style-src {' '.join(hashes)}; frame-ancestors 'none'"
    return Drawing(ElementTree.tostring(tree, encoding="utf-8"), policy)


def _short(label: str) -> str:
    return label if len(label) <= _LABEL_LENGTH else f"{label[: _LABEL_LENGTH - 1]}…"
