"""Whose lines of code a program runs beside its own file's, told from the files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from harness import files, plan
from harness.borrowed import borrowed, noted
from harness.report import answer, page
from harness.report.html import figures
from harness.summary import Summary

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Implementation

SIBLING = '''"""fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from implementations.common import everybody

if TYPE_CHECKING:
    from implementations.far.echo import Far

LIMIT = 10


class Stop(Exception):
    """Not for others."""

    number = LIMIT


def stop(run: Stop) -> None:
    """Two lines, and the three that it uses."""
    helped(run)


@everybody
def helped(run: Far) -> None:
    run(LIMIT)


def run() -> None:
    stop(Stop())
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree of two implementations, and a file for all."""
    for name, texts in {
        "near": {"fetch.py": SIBLING},
        "far": {"echo.py": "class Far:\n    pass\n"},
        "mine": {"__init__.py": "VERSION = 1\n", "own.py": "A = 1\nB = 2\n"},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in texts.items():
            (tmp_path / name / file).write_text(text)
    (tmp_path / "common.py").write_text("def everybody(f):\n    return f\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x = 1\n", {"mine": 1}),
        ("from implementations.mine import own\n", {"mine": 3}),
        ("from implementations.mine.own import A\n", {"mine": 3}),
        ("from implementations.near.fetch import stop\n", {"mine": 1, "near": 6}),
        ("from implementations.near.fetch import Stop as Other\n", {"mine": 1, "near": 3}),
        ("from implementations.near.fetch import run\n", {"mine": 1, "near": 10}),
        ("from implementations.near import fetch\n", {"mine": 1, "near": 15}),
        ("def f():\n    import implementations.near.fetch\n", {"mine": 1, "near": 15}),
        ("from implementations.common import everybody\n", {"mine": 1}),
        ("from implementations.nobody.fetch import run\n", {"mine": 1}),
        ("def f(:\n", {}),
    ],
)
def test_what_is_used_is_counted(root: Path, text: str, found: dict[str, int]) -> None:
    """Of one's own folder whole files, of another's what is used and what that uses in turn."""
    (root / "mine" / "fetch.py").write_text(text)
    assert borrowed(root, root / "mine", "fetch.py") == found


def test_the_tree_is_as_its_files_say() -> None:
    """A variant runs its sibling's code, and who has a file of its own alone runs nobody's."""
    ones = {one.name: noted(plan.IN_TREE, one) for one in plan.discover()}
    for one in ones.values():
        assert one.also_lines is not None
        for file, whose in one.also_lines.items():
            for name, count in whose.items():
                assert 0 < count <= sum(ones[name].code_lines.values()), (one.name, file)
    variants = [one for one in ones.values() if one.variant_of and not one.cannot_run]
    borrows = [one for one in variants if any(len(w) > 0 for w in (one.also_lines or {}).values())]
    assert len(borrows) >= len(variants) - 1


def test_both_pages_show_the_sum_and_one_of_them_whose_it_is() -> None:
    """The first table and report.html add up; the table of programs names the others."""
    summary = files.read_json(plan.IN_TREE.parent / "tests/golden/run/summary.json", Summary)

    def changed(one: Implementation) -> Implementation:
        also = (
            {"echo.py": {"gevent": 3, "asyncio": 40}, "fetch.py": {}}
            if one.name == "gevent"
            else {}
        )
        return msgspec.structs.replace(
            one, code_lines={"echo.py": 7, "fetch.py": 9}, also_lines=also
        )

    ones = tuple(changed(one) for one in summary.implementations)
    found = msgspec.structs.replace(summary, implementations=ones)
    text = page.page(found, {})
    here = "implementations/gevent"
    assert f"[7 + 43]({here}/echo.py)<br>[9]({here}/fetch.py)" in answer.answer(found)
    assert f"[7 + 3]({here}/echo.py)" in text
    assert "<sub>+ 40 of asyncio</sub>" in text
    assert "what is used of another implementation's" in text
    (row,) = [r for r in figures.answer(found, found.workloads[0]).rows if r[1].text == "gevent"]
    assert [(c.text, c.by) for c in row if "7 +" in c.text] == [("7 + 43", 50.0)]
