r"""The languages that are coloured, and the rules of their lexers that are not used.

Measured with Pygments 2.21 in two ways, each in a process that can be killed: whole lexers on 600 hostile
codes of 20 KB (one thing repeated, nested, or opened and never closed); and each single expression of a
lexer on texts made from its own tree, with one of its repeats grown to 20 KB. A regular expression holds
the interpreter's lock until it ends, so what counts is the longest single step. Rules that took over 0.1 s
are taken out below (many never ended, among them those of Python's "%-10s", of Bash's $'…', of functions in
C); what they coloured is plain, or coloured by another rule. Languages that would lose too much are not
coloured at all: Perl, Scala, OCaml, MATLAB, batch files, Common Lisp, Scheme, Vim, Jinja, assembler, INI
(shown as TOML).

`tests/rendering/test_lexers.py` runs the hostile codes again, and tells if a rule named here is gone.
"""

from functools import cache
from threading import Lock

from pygments.lexer import Lexer, RegexLexer
from pygments.lexers import find_lexer_class_by_name

# Pygments' name, and what else people call it.
_NAMES = {
    "bash": "sh shell zsh ksh shellscript fish",
    "c": "h",
    "clojure": "clj cljs edn",
    "cmake": "",
    "console": "shell-session terminal",
    "cpp": "c++ cc cxx hpp arduino",
    "csharp": "c# cs",
    "css": "",
    "dart": "",
    "diff": "patch udiff",
    "docker": "dockerfile containerfile",
    "elixir": "ex exs",
    "elm": "",
    "erlang": "erl",
    "fsharp": "f# fs",
    "go": "golang",
    "graphql": "gql",
    "groovy": "gradle",
    "haskell": "hs",
    "html": "htm xhtml vue svelte",
    "http": "",
    "java": "",
    "javascript": "js mjs cjs node",
    "json": "jsonc json5 jsonl geojson",
    "jsx": "",
    "julia": "jl",
    "kotlin": "kt kts",
    "latex": "tex",
    "less": "",
    "lua": "",
    "make": "makefile mk",
    "markdown": "md",
    "mysql": "mariadb",
    "nginx": "",
    "nim": "",
    "objective-c": "objc objectivec",
    "php": "",
    "postgresql": "postgres psql plpgsql",
    "powershell": "ps1 pwsh",
    "protobuf": "proto",
    "pycon": "python-console",
    "python": "py python3 py3 pyi",
    "r": "rscript",
    "ruby": "rb",
    "rust": "rs",
    "scss": "",
    "sql": "sqlite tsql plsql",
    "swift": "",
    "terraform": "tf hcl",
    "toml": "ini cfg conf",
    "tsx": "",
    "typescript": "ts mts cts",
    "xml": "svg xsd xslt plist rss",
    "yaml": "yml",
    "zig": "",
}
LEXERS = {alias: name for name, aliases in _NAMES.items() for alias in (name, *aliases.split())}

# Lexers that call others, by class.
_EMBEDDED = {
    "console": ("bash",),
    "docker": ("bash",),
    "html": ("javascript", "css"),
    "make": ("bash",),
    "pycon": ("python",),
}

_PERCENT_FORMAT = r"[-#0 +]*([0-9]+|[*])?"
_SUPER = r"(super)(\s*)(\("
_C_FUNCTION = r"(?:[&*\s])+)("
_C_INCLUDE = r")(include)("

# A rule is taken out if one of these is part of its expression.
TAKEN_OUT: dict[str, tuple[str, ...]] = {
    "bash": (r"<<-?\s*(\'?)\\?(\w+)", r"(?s)\$'("),
    "c": (_C_FUNCTION, _C_INCLUDE),
    "cpp": (_C_FUNCTION, _C_INCLUDE),
    "csharp": (r"^([ \t]*)((?:",),
    "docker": (r"(VOLUME|ENTRYPOINT",),
    "fsharp": (r"-?\d[\d_]*(.[\d_]*)?",),
    "javascript": (_SUPER,),
    "jsx": (_SUPER,),
    "julia": (_PERCENT_FORMAT,),
    "markdown": (r"^(\s*```\n", r"^(?P<initial>"),
    "objective-c": (_C_FUNCTION, _C_INCLUDE, r"(\s*:\s*)([a-zA-Z$_]", r"^([-+])(\s*)(\("),
    "php": ("(<<<)(",),
    "python": (_PERCENT_FORMAT, r"(\s+)([^\n_]*)(_\b)"),
    "ruby": (r"(<<[-~]?)([",),
    "terraform": (r"(\s*)([0-9a-zA-Z-_]+)(\s*)(=?)", r"|data|module|output|", r"(<<-?)\s*([a-zA-Z_]"),
    "tsx": (_SUPER,),
    "typescript": (_SUPER,),
}

_preparing = Lock()


@cache
def lexer_for(name: str) -> Lexer:
    """Return the lexer of a language of `LEXERS`, without the rules that could hold up everybody."""
    with _preparing:
        for language in (name, *_EMBEDDED.get(name, ())):
            _prepare(language)
    # Without handlecodeblocks=False the Markdown lexer calls any lexer that a text names.
    lexer: Lexer = find_lexer_class_by_name(name)(handlecodeblocks=False)
    return lexer


def _prepare(name: str) -> None:
    """Compile the lexer, and take its slow rules out. In place: lexers call each other by class."""
    lexer_class = find_lexer_class_by_name(name)
    lexer = lexer_class()  # the rules of a class are compiled when its first lexer is made
    if not isinstance(lexer, RegexLexer):
        return
    # C# has sets of rules to choose from, and would compile its set again for each lexer.
    lexer_class._tokens = lexer._tokens  # type: ignore[attr-defined]
    for rules in lexer._tokens.values():  # type: ignore[attr-defined]
        rules[:] = [rule for rule in rules if not _is_taken_out(name, rule[0])]


def _is_taken_out(name: str, match: object) -> bool:
    # A rule begins with the bound `match` of its compiled expression; "default" rules have none.
    expression = getattr(match, "__self__", None)
    return expression is not None and any(part in expression.pattern for part in TAKEN_OUT.get(name, ()))
