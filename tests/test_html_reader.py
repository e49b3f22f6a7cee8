"""The sources in report.html are the files' own, cut at their parts, their SPEC words linked."""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from test_html_page import GOLDEN, SPEC, TEXT

from harness import files, plan
from harness.model import Plan
from harness.report.html import clauses, reader, sources
from harness.report.html.sources import Source
from harness.summary import Summary

if TYPE_CHECKING:
    from harness.report.html.reader import File

KNOWN = clauses.clauses(clauses.SPEC.read_text("utf-8"))
IN_TREE = {one.name: one for one in plan.discover()}


@pytest.fixture(scope="module")
def summary() -> Summary:
    """Return the golden run's summary."""
    return files.read_json(GOLDEN, Summary)


def read(text: str, *, shown: tuple[str, ...] = ("E04", "E10")) -> File:
    """Return a text as the page shows it."""
    source = Source("trio", "echo", text, "measured")
    (file,) = reader.reader([source], IN_TREE, clauses.clauses(SPEC), shown)
    return file


def plain(code: str) -> str:
    """Return coloured code as text."""
    return html.unescape(re.sub(r"<[^>]*>", "", code))


def test_parts_are_functions_and_classes_with_what_stands_above_them() -> None:
    """A comment above a class is its own; the parts put together are the file."""
    file = read(TEXT)
    assert [(part.name, part.begin) for part in file.parts] == [
        ("opening", 1),
        ("receive", 6),
        ("Connection", 11),
    ]
    assert plain(file.parts[2].code).startswith("# Why so.\nclass Connection:")
    lines = TEXT.rstrip("\n").split("\n")
    for part in file.parts:
        own = plain(part.code).split("\n")
        assert own == lines[part.begin - 1 : part.begin - 1 + len(own)]


def test_words_are_linked_in_comments_alone() -> None:
    """Each word of a comment that begins with it; not in a string, not in a sentence."""
    file = read(TEXT)
    found = [re.findall(r'href="#(\w+)"[^>]*>(\w+)<', part.code) for part in file.parts]
    assert found == [[], [("E10", "idle"), ("E04", "end")], []]


def test_a_word_without_its_clause_on_the_page_is_marked() -> None:
    """Where the clause was not played there is nothing to lead to."""
    code = read(TEXT, shown=()).parts[1].code
    assert "href" not in code
    assert code.count("<mark>") == 2


@pytest.mark.parametrize("text", ["def broken(:\n", "x = 1\x00\n", "", "\n\n", "x = '\\d'\n"])
def test_what_does_not_parse_is_shown_whole(text: str) -> None:
    """Neither a syntax error nor a warning ends the report."""
    parts = read(text).parts
    assert [part.name for part in parts] in (["opening"], [])
    assert bool(parts) == bool(text.strip())


def test_every_word_in_the_sources_leads_to_a_clause() -> None:
    """The words of every implementation in this repository, in both workloads."""
    texts = [
        (workload, file.read_text("utf-8"))
        for workload in ("echo", "fetch")
        for file in plan.IN_TREE.glob(f"*/{workload}.py")
    ]
    seen = {
        (workload, word)
        for workload, text in texts
        for said in re.findall(r"# ((?:[a-z]+, )*[a-z]+)(?=:|$)", text, re.MULTILINE)
        for word in said.split(", ")
        if word in clauses.WORDS
    }
    assert len(seen) >= 12
    for workload, word in seen:
        assert clauses.clause_of(KNOWN, workload, word), (workload, word)  # type: ignore[arg-type]


def test_the_clauses_are_those_of_the_specification() -> None:
    """Every row of both tables, once."""
    ids = [clause.id for clause in KNOWN]
    assert len(ids) == len(set(ids))
    rows = re.findall(r"^\| ([EF]\d\w+) ", clauses.SPEC.read_text("utf-8"), re.MULTILINE)
    assert ids == rows
    assert {clause.level for clause in KNOWN} == {"MUST", "SHOULD", "INFO"}


def test_both_sides_have_most_parts_in_common() -> None:
    """Any two frameworks share the parts that the contract names; a variant may borrow them."""
    usual = [Path(one.folder) for one in plan.discover() if one.default and not one.run]
    assert len(usual) >= 6
    for workload, names in (("echo", {"run", "serve"}), ("fetch", {"talk", "run", "fetch_all"})):
        for file in (folder / f"{workload}.py" for folder in usual):
            source = Source("trio", workload, file.read_text("utf-8"), "measured")  # type: ignore[arg-type]
            (shown,) = reader.reader([source], IN_TREE, KNOWN, ())
            assert names <= {part.name for part in shown.parts}, file


def test_the_digest_tells_whether_a_text_was_measured(summary: Summary) -> None:
    """The same file, another one, and a run of before there were digests."""
    trio = next(one for one in summary.implementations if one.name == "trio")
    data = (plan.IN_TREE / "trio" / "echo.py").read_bytes()
    right = {"echo.py": hashlib.sha256(data).hexdigest(), "fetch.py": "0" * 64}
    assert IN_TREE["trio"].digests["echo.py"] == right["echo.py"]
    for digests, states in (
        (right, ["measured", "changed"]),
        ({}, ["unrecorded", "unrecorded"]),
    ):
        one = msgspec.structs.replace(trio, folder="implementations/trio", digests=digests)
        found = sources.sources(msgspec.structs.replace(summary, implementations=(one,)), GOLDEN)
        assert [source.state for source in found] == states
        assert found[0].text == data.decode()
        shown = reader.reader(found, IN_TREE, KNOWN, ())
        assert [file.says for file in shown] == [reader.SAYS[state] for state in states]


def test_a_folder_elsewhere_is_found_by_the_plan(summary: Summary, tmp_path: Path) -> None:
    """What --from added lies where the run's plan.json says; a program in C has no Python text."""
    folder = tmp_path / "mine" / "odd"
    folder.mkdir(parents=True)
    (folder / "echo.py").write_text("def serve() -> None: ...\n")
    the_plan = files.read_json(GOLDEN.with_name("plan.json"), Plan)
    own = msgspec.structs.replace(the_plan.implementations[0], name="odd", folder=str(folder))
    kept = msgspec.structs.replace(the_plan, implementations=(own,))
    files.write_json(tmp_path / "plan.json", kept)
    shown = msgspec.structs.replace(own, folder="")
    found = sources.sources(msgspec.structs.replace(summary, implementations=(shown,)), tmp_path)
    assert [(one.implementation, one.workload) for one in found] == [("odd", "echo")]
