"""Markdown -> safe HTML: whole (`markdown.render`), or block by block as it grows (`streaming.BlockStream`).

The text of models, tools and people is hostile until it has been through here. The way of a text:

    budgets       what a text may cost before the rest of it is shown plain
    grammar       the Markdown that is read: CommonMark, tables, strikethrough, tasks, footnotes, addresses
    addresses     which addresses may become a link or a picture
    elements      tokens -> HTML; what carries our own buttons and pictures becomes a slot
    sanitising    the allow-list that every piece of HTML made from text must pass
    components    the HTML of our own that is put into the slots afterwards
    highlighting  colours for code: classes, from lexers that were measured (`lexers`)
    tail          the end of a growing text; `fences` while it is code, `open_blocks` for what its tokens tell
    live_page     what the browser shows meanwhile, and the steps that change it
    plain         titles and snippets without marks

The room imports no other room and keeps no state between texts.
"""
