"""The allow-list that every piece of HTML made from text must pass.

It is the second wall: the grammar reads no HTML, so this changes nothing unless a library has a fault. It
knows no id, name, style, data or event attribute, no form part, no picture and no button: what the page needs
of those is made in `components` and put in afterwards.
"""

import nh3

from conversations.rendering.components import LINK_REFERRER, LINK_REL, LINK_TARGET

_ALIGNMENTS = {"align-left", "align-center", "align-right"}

_cleaner = nh3.Cleaner(
    tags={
        *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "section"),
        *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
        *("strong", "em", "s", "code", "sup", "a"),
    },
    attributes={"a": {"href", "title"}, "ol": {"start"}},
    allowed_classes={
        "ul": {"task-list"},
        "ol": {"task-list"},
        "li": {"task-item"},
        "th": _ALIGNMENTS,
        "td": _ALIGNMENTS,
        "sup": {"footnote-mark"},
        "section": {"footnotes"},
    },
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel=LINK_REL,
    # Not set_tag_attribute_values: its order changes from process to process, and stored HTML is compared.
    tag_attribute_values={"a": {"target": {LINK_TARGET}, "referrerpolicy": {LINK_REFERRER}}},
)


def clean(html: str) -> str:
    """Return `html` with nothing but the allowed tags, attributes, classes and schemes."""
    return _cleaner.clean(html)
