"""Reads HTML as a browser would, and refuses all that the room has not promised to make."""

import re
from html.parser import HTMLParser

_VOID = {"br", "hr", "img"}
_PLAIN = (
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"),
    *("table", "thead", "tbody", "tr", "strong", "em", "s", "code", "figcaption"),
)
_LINK = {
    "href": r"https?://[^/?#\s].*|mailto:.+",
    "target": "_blank",
    "rel": "noopener noreferrer nofollow",
    "referrerpolicy": "no-referrer",
}
_TASK_LIST = {"class": "task-list"}
_CELL = {"class": "align-(left|center|right)"}

# tag -> the sets of attributes (with what their whole value must match) of which one must fit.
_ALLOWED: dict[str, list[dict[str, str]]] = {
    **{tag: [{}] for tag in _PLAIN},
    "a": [_LINK, {**_LINK, "title": "(?s).*"}, {**_LINK, "class": "foreign-image"}],
    "ul": [{}, _TASK_LIST],
    "ol": [{}, {"start": r"\d{1,9}"}, _TASK_LIST, {**_TASK_LIST, "start": r"\d{1,9}"}],
    "li": [{}, {"class": "task-item"}],
    "th": [{}, _CELL],
    "td": [{}, _CELL],
    "sup": [{"class": "footnote-mark"}],
    "section": [{"class": "footnotes"}],
    "figure": [{"class": "code"}],
    "pre": [{"tabindex": "0"}, {"class": "plain-text", "tabindex": "0"}],
    "img": [
        {"class": "answer-image", "src": r"/attachments/[0-9a-f-]{36}/", "alt": "(?s).*", "loading": "lazy"}
    ],
    "span": [
        {"class": "[a-z]{1,2}|code-language|open-text|foreign-image(-alt|-host)?"},
        {"class": "task-mark task-(done|open)", "role": "img", "aria-label": "Done|Not done"},
    ],
    "div": [
        {"class": "table-block|open-block"},
        {"class": "table-scroll", "tabindex": "0", "role": "group", "aria-label": "Table"},
    ],
    "button": [
        {"type": "button", "class": "code-copy", "data-action": "copy-code"},
        {"type": "button", "class": "code-wrap", "data-action": "wrap-code", "aria-pressed": "false"},
        {"type": "button", "class": "table-copy", "data-action": "copy-table"},
    ],
}


class Page(HTMLParser):
    """`problems` lists what is not allowed; `elements` and `text` are what a reader gets."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.problems = []
        self.elements = []
        self.text = ""
        self._open = []
        self.feed(html)
        self.close()
        if self._open:
            self.problems.append(f"never closed: {self._open}")

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if len(attributes) != len(attrs) or not any(
            _fits(attributes, allowed) for allowed in _ALLOWED.get(tag, [])
        ):
            self.problems.append(f"<{tag} {attrs}>")
        if tag in ("a", "button") and {"a", "button"} & set(self._open):
            self.problems.append(f"<{tag}> in {self._open}")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.problems.append(f"<{tag}/>")

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> out of place")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.problems.append(f"comment {data!r}")

    def handle_decl(self, decl):
        self.problems.append(f"declaration {decl!r}")

    def handle_pi(self, data):
        self.problems.append(f"instruction {data!r}")

    def unknown_decl(self, data):
        self.problems.append(f"declaration {data!r}")

    def with_class(self, name):
        return [tag for tag, attributes in self.elements if name in (attributes.get("class") or "").split()]

    def tags(self):
        return [tag for tag, _ in self.elements]


def _fits(attributes, allowed):
    return attributes.keys() == allowed.keys() and all(
        value is not None and re.fullmatch(allowed[name], value) for name, value in attributes.items()
    )


def inspect(html):
    """Return the page of `html`; fail if anything in it was not promised, or would end an event's line."""
    page = Page(html)
    assert page.problems == [], html
    assert "\r" not in html
    assert "\x00" not in html
    return page
