"""How many lines of code a Python file has: no blanks, no comments, no docstrings.

Rules: pure functions over source text; a line counts once, however much stands on it.
"""

from __future__ import annotations

import ast
import io
import tokenize
from functools import cache

_SILENT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}


def code_lines(source: str) -> int:
    """Return the number of lines that carry code. Raises SyntaxError for what is not Python."""
    return len(code_numbers(source))


@cache
def code_numbers(source: str) -> frozenset[int]:
    """Return the numbers, from 1, of the lines that carry code. Raises SyntaxError."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        (node.body[0].lineno, node.body[0].col_offset)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _SILENT and token.start not in docstrings:
            lines.update(range(token.start[0], token.end[0] + 1))
    return frozenset(lines)
