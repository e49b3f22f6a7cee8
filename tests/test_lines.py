"""lines: what counts as a line of code."""

import pytest

from harness.lines import code_lines


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("", 0),
        ('"""Only a docstring,\nover two lines."""\n', 0),
        ("# a comment\n\nx = 1  # and a remark\n", 1),
        ('def f():\n    """Docs."""\n    return 1\n', 2),
        ('text = """a string\nover two lines"""\n', 2),
        ("f(\n    1,\n)\n", 3),
        ('class A:\n    """Docs."""\n\n    async def f(self):\n        """Docs."""\n', 2),
    ],
)
def test_counts(source: str, count: int) -> None:
    """Blanks, comments and docstrings are none; every other line is one."""
    assert code_lines(source) == count
