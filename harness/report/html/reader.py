"""The part "Side by side": each source cut into its parts, coloured, its SPEC words linked.

Rules: texts in, HTML out; they are parsed and never run. Pygments escapes every character of a
text, and what cannot be seen is spelt out before it gets there. Which two are shown, and how their
parts stand beside each other, the page's script decides.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Text, Whitespace

from harness.report.html.clauses import WORDS, clause_of
from harness.report.html.sources import MOST_BYTES
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Implementation, Workload
    from harness.report.html.clauses import Clause
    from harness.report.html.sources import Source

STYLES = {"light": "vs", "dark": "github-dark"}  # Pygments' own; both keep 4.5:1
OPENING = "opening"  # the part before the first function or class
MOST_HTML = 1_000_000  # of all files together, so that the page stays below three megabytes

SAYS = {
    "measured": "This is the text that was measured (by its SHA-256).",
    "changed": "This is not the text that was measured: the file has changed since.",
    "unrecorded": "The run kept no digest of what it measured; this is the file as it lay there "
    "when the report was rendered.",
}

_WORD = "|".join(WORDS)
_COMMENT = re.compile(rf'(<span class="c1"># )((?:{_WORD})(?:, (?:{_WORD}))*)(?=:|</span>)')


class Part(NamedTuple):
    """A function, a class, or what stands before the first of them."""

    name: str
    begin: int
    """Its first line's number."""
    code: Markup


class File(NamedTuple):
    """One implementation of one workload, as it is shown."""

    implementation: str
    title: str
    workload: Workload
    says: str
    beyond: tuple[tuple[str, str], ...]
    """Clause -> what was added to the natural idiom."""
    parts: tuple[Part, ...]


def _clean(text: str) -> str:
    """Return a text whose every character can be seen; its lines end at newlines alone."""
    lines = text[:MOST_BYTES].replace("\r\n", "\n").expandtabs(8).split("\n")
    return "\n".join(visible(line) for line in lines)


def _cuts(text: str) -> list[tuple[str, int]]:
    """Return the parts' names and first lines; comments and decorators belong to what follows."""
    found = [(OPENING, 1)]
    try:
        with warnings.catch_warnings(action="ignore"):
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    lines = text.split("\n")
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            begin = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            while begin > 1 and lines[begin - 2].startswith("#"):
                begin -= 1
            found.append((node.name, begin))
    return found


def _linked(line: str, workload: Workload, known: list[Clause], shown: frozenset[str]) -> str:
    """Return a coloured line whose SPEC words are marked, and linked where their clause stands."""

    def mark(match: re.Match[str]) -> str:
        words = [word(one) for one in match[2].split(", ")]
        return match[1] + ", ".join(words)

    def word(name: str) -> str:
        clause = clause_of(known, workload, name)
        if clause not in shown:
            return f"<mark>{name}</mark>"
        says = f"{clause} in SPEC"
        return f'<a class="word" href="#{clause}" title="{says}">{name}</a>'

    return _COMMENT.sub(mark, line)


def _parts(source: Source, known: list[Clause], shown: frozenset[str]) -> tuple[Part, ...]:
    text = _clean(source.text)
    coloured = highlight(text, PythonLexer(stripnl=False, ensurenl=False), _formatter())
    coloured = _plain().sub(r"\1", coloured)
    lines = [_linked(line, source.workload, known, shown) for line in coloured.split("\n")]
    cuts = _cuts(text)
    ends = [begin for _, begin in cuts[1:]] + [len(lines) + 1]
    parts = []
    for (name, begin), end in zip(cuts, ends, strict=True):
        code = "\n".join(lines[begin - 1 : end - 1]).rstrip("\n")
        if code:
            parts.append(Part(name, begin, Markup(code)))  # noqa: S704  Pygments escaped it
    return tuple(parts)


@cache
def _plain() -> re.Pattern[str]:
    """Return what finds the tokens that look like plain text in both themes: most of a program."""
    looks = [get_style_by_name(name).style_for_token for name in STYLES.values()]
    own = [css for kind, css in STANDARD_TYPES.items() if all(f(kind) == f(Text) for f in looks)]
    names = "|".join(filter(None, [*own, STANDARD_TYPES[Whitespace]]))
    return re.compile(rf'<span class="(?:{names})">([^<]*)</span>')


@cache
def _formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True, style=STYLES["light"])


def style() -> str:
    """Return the colours of both themes."""
    rules: list[str] = [
        HtmlFormatter(style=name).get_style_defs("pre.code")  # type: ignore[no-untyped-call]
        for name in STYLES.values()
    ]
    light, dark = rules
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def reader(
    found: Iterable[Source],
    implementations: Mapping[str, Implementation],
    known: list[Clause],
    shown: Sequence[str],
) -> list[File]:
    """Return every file cut and coloured; `shown`: the clauses that the page has an anchor for.

    Beyond MOST_HTML files are left out, the last first.
    """
    files, left = [], MOST_HTML
    for source in found:
        one = implementations[source.implementation]
        parts = _parts(source, known, frozenset(shown))
        left -= sum(len(part.code) for part in parts)
        if left < 0:
            break
        letter = source.workload[0].upper()
        beyond = sorted((c, visible(w)) for c, w in one.beyond.items() if c.startswith(letter))
        files.append(
            File(
                one.name,
                visible(one.title),
                source.workload,
                SAYS[source.state],
                tuple((visible(clause), why) for clause, why in beyond),
                parts,
            )
        )
    return files
