"""Markdown whose every word from outside stays a word.

Rules: text is escaped unless it is `Markdown`, which only this module and the templates make: what
an implementation wrote (names, reasons, notes, wire bytes) can neither end a table nor start a tag,
a link or an image. Templates escape by default (`environment`).
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&$!^])")
# What GitHub turns into links by itself: schemes, www and addresses. A zero-width break would be
# copied along with the text; an entity is not.
_LINKS = re.compile(r"://|www\.|@", re.IGNORECASE)
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~%/+#-]*)?")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*(#[A-Za-z0-9_=,.-]+)?")


class Markdown(str):
    """Text that is Markdown already, and is not escaped again."""

    __slots__ = ()

    def strip_end(self) -> Markdown:
        """Return it without the spaces at its end."""
        return Markdown(self.rstrip())


def visible(text: str) -> str:
    """Return text on one line, with what cannot be seen (controls, bidi marks) spelt out."""
    if text.isprintable():  # exactly what the rest would leave as it is
        return text
    return "".join(
        char
        if char == " " or unicodedata.category(char)[0] not in "CZ"
        else " "
        if char.isspace()
        else f"\\u{ord(char):04x}"
        for char in text
    )


def text(value: object) -> Markdown:
    """Return a value as Markdown that shows it literally."""
    if isinstance(value, Markdown):
        return value
    escaped = _SPECIAL.sub(r"\\\1", visible(str(value)))
    return Markdown(_LINKS.sub(lambda m: f"&#{ord(m[0][0])};" + m[0][1:], escaped))


def prose(value: str) -> Markdown:
    """Return a sentence in which `a plain name in backticks` stays code; all else is escaped."""
    parts = re.split(r"(`[A-Za-z0-9_.()=:,/ -]+`)", visible(value))
    return Markdown("".join(part if i % 2 else text(part) for i, part in enumerate(parts)))


def attribute(value: str) -> Markdown:
    """Return text for an attribute of an HTML tag, between double quotes."""
    return Markdown(html.escape(visible(value), quote=True))


def join(parts: Iterable[object], between: str = ", ") -> Markdown:
    """Return the parts as Markdown, each escaped, with `between` (Markdown itself) between."""
    return Markdown(between.join(text(part) for part in parts))


def strong(value: object) -> Markdown:
    """Return bold text."""
    return Markdown(f"**{text(value)}**")


def small(value: object) -> Markdown:
    """Return small text; nothing for nothing."""
    return Markdown(f"<sub>{text(value)}</sub>" if value else "")


def details(head: str, body: Markdown) -> Markdown:
    """Return what is folded away behind its head, which is plain text; nothing for nothing."""
    if not body:
        return body
    said = f"<details>\n<summary>{attribute(head)}</summary>"
    return Markdown(f"{said}\n\n{body}\n\n</details>")


def is_url(target: str) -> bool:
    """Tell whether this is a plain URL, which no markup can be hidden in."""
    return bool(_URL.fullmatch(target))


def link(label: object, target: str) -> Markdown:
    """Return a link, or the label alone where the target is no plain URL or path."""
    plain = _PATH.fullmatch(target) and ".." not in target
    if not (is_url(target) or plain):
        return text(label)
    return Markdown(f"[{text(label)}]({target})")


def code(lines: Sequence[str]) -> Markdown:
    """Return a fenced block, its fence longer than any within."""
    shown = [visible(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown("\n".join([fence + "text", *shown, fence]))


def table(heads: Sequence[object], rows: Iterable[Sequence[object]], align: str) -> Markdown:
    """Return a table; `align` has a letter a column: l, c, r."""
    rules = {"l": ":--", "c": ":-:", "r": "--:"}
    lines = ["| " + " | ".join(text(head) for head in heads) + " |"]
    lines.append("|" + "|".join(rules[letter] for letter in align) + "|")
    lines += ["| " + " | ".join(text(one) for one in row) + " |" for row in rows]
    return Markdown("\n".join(lines))


def environment() -> jinja2.Environment:
    """Return the templates, in which whatever is put in is escaped unless it is Markdown."""

    def finalize(value: Any) -> str:
        return str(text("" if value is None else value))

    return jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report"),
        finalize=finalize,
        autoescape=False,  # noqa: S701  it is not HTML; finalize escapes for Markdown
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
