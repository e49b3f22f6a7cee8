"""The tutorial is followed to the letter: every file it shows is written, every command run.

Rules of the page: a file's content is the fenced block after a line that is its path alone; `sh` is
a command a line; `text` after it is what the command's output must hold, in any order, white space
apart, three dots for anything. A command ends with status 0, or with 1 where its text says FAIL.
Only `nox -s NAME --` is replaced: by the running interpreter, which has everything installed.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import files, offered
from harness.summary import Summary

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "add-a-framework.md"

_BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of the page: `file` is empty where it is none."""

    file: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return a page's fenced blocks in their order."""
    return [Block(*match.groups(default="")) for match in _BLOCK.finditer(page.read_text("utf-8"))]


def fresh_copy(into: Path) -> Path:
    """Copy what git knows of, or would, and the compiled gauge, which a session would build."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    names += [str(so.relative_to(ROOT)) for so in (ROOT / "harness/gauge").glob("*.so")]
    for name in names:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, into / name)
    return into


def run(line: str, tree: Path) -> subprocess.CompletedProcess[str]:
    """Run one command of the page in the tree."""
    words = shlex.split(line)
    if words[:2] == ["nox", "-s"]:
        session, rest = words[2], words[3:]
        assert rest[0] == "--", line
        words = [sys.executable, "-m", "harness", session, *rest[1:]]
    env = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        words, cwd=tree, env=env, capture_output=True, text=True, check=False, timeout=240
    )


def holds(seen: str, promised: str) -> bool:
    """Tell whether a line of output has a promised one in it; three dots stand for anything."""
    return bool(re.search(".*".join(map(re.escape, promised.split("..."))), seen))


def squeezed(text: str) -> list[str]:
    """Return the lines, each with single spaces alone."""
    return [" ".join(line.split()) for line in text.splitlines()]


def judge(line: str, done: subprocess.CompletedProcess[str], promised: str) -> str:
    """Compare what a command did with what the page promises.

    Return the command where an INCONCLUSIVE verdict hides it, and nothing where all is as promised.
    """
    said = f"{line}\n{done.stdout}{done.stderr}"
    seen = squeezed(done.stdout + done.stderr)
    missing = [want for want in squeezed(promised) if not any(holds(got, want) for got in seen)]
    wrong = done.returncode != (1 if "FAIL" in promised else 0)
    if (missing or wrong) and "INCONCLUSIVE" in said:
        return line
    assert not missing, f"not said: {missing}\n{said}"
    assert not wrong, f"exit status {done.returncode}\n{said}"
    return ""


def row_of(title: str, name: str, run_folder: Path) -> tuple[str, str]:
    """Return an implementation's row in a report, and where its echo stands in the summary."""
    report = (run_folder / "REPORT.md").read_text("utf-8").splitlines()
    row = next((line for line in report if line.startswith("|") and title in line), "")
    found = files.read_json(run_folder / "summary.json", Summary)
    standings = {row.implementation: row.status for row in found.workloads[0].standings}
    return row, standings[name]


@pytest.mark.slow
@pytest.mark.timeout(600)  # a minute of it is the page's own --budget
def test_the_page_is_true(tmp_path: Path) -> None:
    """From an empty folder the page's own steps lead to a row in a report."""
    tree = fresh_copy(tmp_path / "evenloop")
    page, doubts = blocks(PAGE), []
    for at, block in enumerate(page):
        if block.file:
            (tree / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            promised = page[at + 1].text if page[at + 1].language == "text" else ""
            for line in block.text.splitlines():
                if " compare " in line and len(os.sched_getaffinity(0)) < 2:
                    pytest.skip("measuring needs two cores")
                doubts.append(judge(line, run(line, tree), promised))
    row, status = row_of("My threads", "mythreads", tree / "runs" / "mine")
    assert row
    assert status == "ok" or (status == "unproven" and any(doubts))
    if any(doubts):
        pytest.skip(f"the machine was too busy for every verdict of {[d for d in doubts if d]}")


@pytest.mark.skipif(importlib.util.find_spec("trio") is None, reason="trio is not installed")
def test_what_the_readme_breaks_is_caught(tmp_path: Path) -> None:
    """The tour's fault is planted by its own command, and its check sees it."""
    tree = fresh_copy(tmp_path / "evenloop")
    [tour] = [one.text for one in blocks(ROOT / "README.md") if "sed -i" in one.text]
    plant, check, mend = (line.strip() for line in tour.splitlines() if line.strip())
    assert run(plant, tree).returncode == 0
    file = tree / mend.removeprefix("git checkout ")
    assert file.read_bytes() != (ROOT / file.relative_to(tree)).read_bytes()
    assert not judge(check, run(check, tree), "FAIL trio E01.1")


def test_the_package_that_the_page_shows_offers_what_it_wrote() -> None:
    """Its entry points are of the group that is looked for, and name packages with a meta.toml."""
    page = blocks(PAGE)
    [project] = [one for one in page if one.file.endswith("pyproject.toml")]
    told = tomllib.loads(project.text)
    points = told["project"]["entry-points"][offered.GROUP]
    folder = Path(project.file).parent
    for package in points.values():
        assert f"{folder}/{package}/meta.toml" in {one.file for one in page}
        assert package in told["tool"]["setuptools"]["packages"]
        assert "meta.toml" in told["tool"]["setuptools"]["package-data"][package]


def test_the_page_has_what_the_test_follows() -> None:
    """No block of the page is of a kind that nobody runs, writes or compares."""
    page = blocks(PAGE)
    assert PAGE.read_text("utf-8").count("```") == 2 * len(page)
    for before, block in zip([None, *page], page, strict=False):
        assert bool(block.file) == (block.language not in {"sh", "text"}), block
        assert block.language != "text" or (before and before.language == "sh"), block
