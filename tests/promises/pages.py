"""Reads pages as a browser would: which elements there are, what they load, what drives them."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "link", "meta", "source", "wbr", "area", "base", "col", "embed", "track"}
LOADS = {
    "img": ("src", "srcset"), "script": ("src",), "link": ("href",), "iframe": ("src",), "source": ("src",
        "srcset"),
    "video": ("src", "poster"), "audio": ("src",), "embed": ("src",), "object": ("data",), "use": ("href",),
    "image": ("href",), "input": ("src",), "form": ("action",), "base": ("href",), "track": ("src",),
}  # fmt: skip


class PageReader(HTMLParser):
    """`frame` is what the page is made of outside of people's texts, `prose` what stands inside them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.frame: list[tuple[str, tuple[str, ...]]] = []
        self.prose: list[tuple[str, dict[str, str | None]]] = []
        self.loads: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self._prose_from = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._take(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)
            if not self._prose_from and "prose" in (dict(attrs).get("class") or "").split():
                self._prose_from = len(self._open)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._take(tag, attrs)

    def _take(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.loads += [values[name] or "" for name in LOADS.get(tag, ()) if name in values]
        if self._prose_from:
            self.prose.append((tag, values))
        # <mark> stands wherever a word was found.
        elif tag != "mark":
            self.frame.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while self._open.pop() != tag:
            pass
        if len(self._open) < self._prose_from:
            self._prose_from = 0

    def handle_data(self, data: str) -> None:
        self.text += data


def drives_something(tag: str, attributes: dict[str, str | None]) -> bool:
    """Whether an element inside a text could drive the page."""
    names = set(attributes)
    return (
        tag
        in {"script", "style", "iframe", "object", "embed", "form", "input", "base", "meta", "link", "svg"}
        or tag.startswith("hx-")
        or any(name.startswith(("hx-", "data-hx-", "on")) for name in names)
        or bool(names & {"style", "id", "name", "form", "formaction", "action", "srcdoc", "srcset"})
    )


def is_ours(address: str) -> bool:
    return address == "" or (address.startswith("/") and not address.startswith(("//", "/\\")))
