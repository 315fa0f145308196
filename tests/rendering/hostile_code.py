"""Code that once held a lexer for seconds or for ever. Run by test_lexers in a process that can be killed."""

import resource
import sys

from pygments.lexers import find_lexer_class_by_name

from conversations.rendering import highlighting
from conversations.rendering.lexers import LEXERS, TAKEN_OUT, lexer_for

# All together need about 10 s.
CPU_SECONDS = 60

_SIZE = 19_990

_FOR_ALL = [" \n", '\\"', "0", "a(\n"]

# Beginning, and what is repeated after it.
_FOR_ONE = {
    "bash": [("$'", "\\\\"), ("<<", "a"), ("<<", "ab\n")],
    "c": [("class ", "\n"), ("a ", "//a\n"), ('#include "a"', " "), ("a b(", "a\n")],
    "cpp": [("class ", "\n"), ("a ", "/*a*/"), ("#include <a>", "\n"), ("a b(", "a\n")],
    "csharp": [("", "a<"), ("a", "[]"), ("public ", "a.")],
    "docker": [("CMD ", "\\ "), ("RUN $'", "\\\\")],
    "fsharp": [("", "0"), ("1", "_")],
    "html": [("<script>super", "\n"), ("<script>super(", " \n")],
    "javascript": [("super", "\n"), ("super(", " \n")],
    "julia": [('"%', "0")],
    "markdown": [("```\n", "\n"), ("```a\n", " \n")],
    "objective-c": [("@interface a:", "\n"), ("- ", "\n"), ("a ", "//a\n")],
    "php": [("<?php <<<A\n", "\n"), ("<?php <<<", "a")],
    "python": [("'%", "0"), ("match ", " "), ('"%(a)', " 0")],
    "ruby": [("<<", "a"), ("x <<A\n", "<<A\n")],
    "terraform": [("", " "), ("<<", "a"), ("data ", "\n")],
    "typescript": [("super", "\n")],
}


def main():
    """Print the rules that are to be taken out and are not there, and the languages that were measured."""
    # CPU time: on a busy machine the clock says nothing. The kernel ends even an endless expression.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for name, parts in TAKEN_OUT.items():
        rules = find_lexer_class_by_name(name)()._tokens.values()
        expressions = [
            rule[0].__self__.pattern for state in rules for rule in state if hasattr(rule[0], "__self__")
        ]
        for part in parts:
            if not any(part in expression for expression in expressions):
                sys.stdout.write(f"gone: {name} {part}\n")
    # What is looked for is one step that never ends; the many short ones have their own limit.
    highlighting.MAX_SECONDS = 0.02
    for name in sorted(set(LEXERS.values())):
        lexer_for(name)
        for beginning, repeated in [("", text) for text in _FOR_ALL] + _FOR_ONE.get(name, []):
            code = beginning + repeated * (_SIZE // len(repeated))
            highlighting._coloured(code, lexer_for(name))
        sys.stdout.write(f"measured: {name}\n")


if __name__ == "__main__":
    main()
