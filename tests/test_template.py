"""new: a template runs, fails what its comments ask for and nothing else, and is written whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run
from test_implementations import PARTS, WORDS, functions

from harness import plan, template
from harness.launch import ROOT
from harness.model import UsageError

each = pytest.mark.parametrize("style", template.STYLES)
workload = pytest.mark.parametrize("workload", ["echo", "fetch"])
_CLAUSES = r"[EF]\d\dq?"
_FILL_IN = re.compile(rf"# fill in ((?:{_CLAUSES}(?:, )?)+)")


def text(style: str, file: str) -> str:
    """Return the text of a template's file."""
    return (template.TEMPLATES / style / file).read_text("utf-8")


def asked_for(style: str) -> set[str]:
    """Return the clauses that a template's comments ask for."""
    found = _FILL_IN.findall(text(style, "echo.py") + text(style, "fetch.py"))
    return {clause for words in found for clause in re.findall(_CLAUSES, words)}


def test_there_is_a_template_for_each_style() -> None:
    """The four ways to write what waits, and each tells its own."""
    assert template.STYLES == ("callback", "coroutine", "greenlet", "thread")
    for style in template.STYLES:
        assert plan.read(template.TEMPLATES / style).style == style


@each
def test_it_is_written_whole(style: str, tmp_path: Path) -> None:
    """Every file is there under the new name, parses, can run here, and no placeholder is left."""
    folder = template.write("mine", style, tmp_path / "deep")
    assert folder == tmp_path / "deep" / "mine"
    assert {file.name for file in folder.iterdir()} == set(template.FILES)
    one = plan.read(folder)
    assert (one.name, one.title, one.style) == ("mine", "mine", style)
    assert set(one.code_lines) == {"echo.py", "fetch.py"}
    for file in template.FILES:
        assert template.PLACEHOLDER not in (folder / file).read_text("utf-8")


@each
@workload
def test_it_has_the_shape_of_its_neighbours(style: str, workload: str) -> None:
    """Parts, order, sentences and SPEC words are those that tests ask of an implementation."""
    pattern = functions((plan.IN_TREE / "asyncio" / f"{workload}.py").read_text("utf-8"))
    own = functions(text(style, f"{workload}.py"))
    names = [name for name in own if name in PARTS[workload]]
    assert names == [name for name in PARTS[workload] if name in names]
    assert {"run", PARTS[workload][-1]} <= set(names)
    assert {name: own[name] for name in names} == {name: pattern[name] for name in names}
    comments = " ".join(re.findall(r"#(.*)", text(style, f"{workload}.py")))
    assert not [word for word in WORDS[workload] if not re.search(rf"\b{word}\b", comments)]


SHOULD = ("E13q.1", "E20.1", "F22.10", "F23.1")
"""A case of each SHOULD clause that a template may ask for: --quick plays those of MUST alone."""


def verdicts(styles: list[str], file: Path, *cases: str) -> list[dict[str, str]]:
    """Check templates as a user would; return what was seen."""
    words = ["check", "--from", str(template.TEMPLATES), *styles, "--quick", "--json", str(file)]
    words += [word for case in cases for word in ("--case", case)]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert file.exists(), done.stderr
    return list(json.loads(file.read_text())["verdicts"])


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_it_fails_what_it_asks_for_and_nothing_else(tmp_path: Path) -> None:
    """Of every template the clauses that fail are those that its comments name."""
    styles = [s for s in template.STYLES if not plan.read(template.TEMPLATES / s).cannot_run]
    seen = verdicts(styles, tmp_path / "must") + verdicts(styles, tmp_path / "should", *SHOULD)
    failed: dict[str, set[str]] = {style: set() for style in styles}
    unclear: dict[str, set[str]] = {style: set() for style in styles}
    for one in seen:
        clause = one["case"].partition(".")[0]
        if one["verdict"] == "FAIL":
            failed[one["implementation"]].add(clause)
        elif one["verdict"] in {"INCONCLUSIVE", "HARNESS-ERROR"}:
            unclear[one["implementation"]].add(clause)
    for style in styles:
        assert failed[style] - asked_for(style) == set()
        assert asked_for(style) - failed[style] <= unclear[style]
    if any(asked_for(style) - failed[style] for style in styles):
        pytest.skip("the machine was too busy to tell all")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My-Own", "'My-Own' cannot be a name: it must match [a-z][a-z0-9_]*, and not be all."),
        ("../up", "'../up' cannot be a name"),
        ("all", "cannot be a name"),
        ("trio", f"the name trio is taken by {ROOT}/implementations/trio; choose another."),
        ("contract", f"the name contract is taken by {ROOT}/implementations/contract.py"),
        ("there", "there is there already; choose another name or --into."),
    ],
)
def test_what_cannot_be_is_one_sentence(
    name: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bad name, one that is taken and a folder that exists: status 2, and nothing is written."""
    (tmp_path / "there").mkdir()
    done = run(capsys, monkeypatch, "new", name, "--into", tmp_path)
    assert done.status == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [file.name for file in tmp_path.rglob("*")] == ["there"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mine", "--style", "swim"], "'swim' is not one of 'callback', 'coroutine'"),
        (["mine", "--into", "/proc/x"], "cannot write /proc/x"),
        (["mine", "--into", __file__], "cannot write"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unknown style, a place where no folder can be: status 2, one line."""
    done = run(capsys, monkeypatch, "new", *words)
    assert done.status == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_it_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files it wrote, and the command that shows the cases turn green."""
    into = tmp_path / "a folder"
    done = run(capsys, monkeypatch, "new", "mine", "--style", "thread", "--into", into)
    assert done.status == 0, done.stderr
    assert f"wrote {into}/mine/echo.py" in done.stdout
    assert f"nox -s check -- mine --from '{into}' --watch" in done.stdout


def test_without_a_place_it_is_written_into_the_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside its neighbours, where `check NAME` finds it without more words."""
    monkeypatch.setattr(plan, "IN_TREE", tmp_path / "implementations")
    monkeypatch.chdir(tmp_path)
    done = run(capsys, monkeypatch, "new", "mine")
    assert done.status == 0, done.stderr
    assert "wrote implementations/mine/meta.toml" in done.stdout
    assert "nox -s check -- mine --watch" in done.stdout
    assert [one.style for one in plan.discover() if one.name == "mine"] == ["coroutine"]


def test_a_write_that_fails_halfway_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: the file is named."""

    def full(self: Path, *_: object) -> None:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match=r"cannot write .*__init__\.py: No space left"):
        template.write("mine", "thread", tmp_path)
