"""The implementations: laid side by side they differ only by the framework."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import plan
from harness.launch import ROOT
from harness.model import Implementation

ALL = [one for one in plan.discover() if not one.run]
WORDS = {
    "echo": ("backpressure", "end", "idle", "limit", "drain", "reset"),
    "fetch": ("end", "limit", "reset", "deadline", "cancel", "reuse"),
}
PARTS = {
    "echo": ("receive", "echo", "run", "serve"),
    "fetch": ("connect", "close", "reuse", "talk", "fetch", "work", "run", "fetch_all"),
}

each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
HAVING = [(one, workload) for one in ALL for workload in one.workloads]
each_program = pytest.mark.parametrize(
    ("one", "workload"), HAVING, ids=[f"{workload}-{one.name}" for one, workload in HAVING]
)


def source(one: Implementation, name: str) -> str:
    """Return the text of a workload's file."""
    return (Path(one.folder) / f"{name}.py").read_text("utf-8")


def sibling(one: Implementation, workload: str) -> str:
    """Return the text of the file whose run() a variant puts on another loop; empty: none."""
    pattern = rf"(?m)^from implementations\.(\w+)\.{workload} import .*\brun\b"
    found = re.search(pattern, source(one, workload))
    file = ROOT / "implementations" / found[1] / f"{workload}.py" if found else None
    return file.read_text("utf-8") if file else ""


def functions(text: str) -> dict[str, str]:
    """Return the docstrings of the functions and methods of a file, by name, in order."""
    nodes = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    nodes.sort(key=lambda node: node.lineno)
    return {node.name: ast.get_docstring(node) or "" for node in nodes}


@each_program
def test_parts_and_order(one: Implementation, workload: str) -> None:
    """The parts that a file has stand in the common order, and the public one comes last."""
    names = [name for name in functions(source(one, workload)) if name in PARTS[workload]]
    assert names == [name for name in PARTS[workload] if name in names]
    assert names[-1] == PARTS[workload][-1]
    assert "run" in names or sibling(one, workload)


@each_program
def test_the_same_sentence_for_the_same_part(one: Implementation, workload: str) -> None:
    """A part's docstring is the one that asyncio's file has for it."""
    pattern = functions(
        (ROOT / "implementations" / "asyncio" / f"{workload}.py").read_text("utf-8")
    )
    own = functions(source(one, workload))
    for name in PARTS[workload]:
        if name in own:
            assert own[name] == pattern[name]


@each_program
def test_spec_words_are_marked(one: Implementation, workload: str) -> None:
    """Each SPEC word stands in a comment of the file, or of the one whose code it runs."""
    text = source(one, workload) + sibling(one, workload)
    comments = " ".join(re.findall(r"#(.*)", text))
    missing = [word for word in WORDS[workload] if not re.search(rf"\b{word}\b", comments)]
    assert not missing


@each_program
def test_nothing_but_the_framework(one: Implementation, workload: str) -> None:
    """No parser, no printing, no port and no main block."""
    text = source(one, workload)
    assert not re.search(r"argparse|\bprint\(|__main__|sys\.argv", text)


@each
def test_its_framework_is_the_real_one(one: Implementation) -> None:
    """A folder named like a module never shadows it; one named like none has none to shadow."""
    if one.cannot_run:
        pytest.skip(one.cannot_run)
    package = one.name
    code = (
        f"import sys, importlib; sys.path[:0] = ['.'];"
        f"[importlib.import_module(f'implementations.{one.name}.{{w}}') for w in {one.workloads}];"
        f"module = sys.modules.get({package!r});"
        f"print(module.__file__ if module else 'no module of that name')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "implementations" not in done.stdout


def test_pyproject_names_no_framework() -> None:
    """What a framework needs stands in its meta.toml alone."""
    text = (ROOT / "pyproject.toml").read_text("utf-8").lower()
    dependencies = text.partition("[tool.ruff")[0]
    assert not [
        name for name in ("trio", "curio", "twisted", "gevent", "tornado") if name in dependencies
    ]


def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the launcher as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "implementations", *words],
        cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing", "echo", "--port", "7"], "no implementation 'nothing'"),
        (["../tests", "echo", "--port", "7"], "no implementation"),
        (["asyncio", "swim"], "swim"),
        (["asyncio", "echo"], "--fd"),
        (["asyncio", "echo", "--port", "x"], "'x' is not a whole number"),
        (["asyncio", "echo", "--port", "70000"], "70000"),
        (["asyncio", "echo", "--fd", "77"], "descriptor 77"),
        (["asyncio", "fetch", "--limit", "0", "http://a/"], "'0' is not a whole number above 0"),
        (["asyncio", "fetch", "--deadline-s", "nan", "http://a/"], "'nan' is not a number"),
        (["asyncio", "fetch", "ftp://a/"], "ftp://a/"),
    ],
)
def test_bad_arguments_are_one_line(words: list[str], said: str) -> None:
    """A bad argument is one line on stderr that names it, and exit status 2."""
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_no_urls_is_success() -> None:
    """Nothing to fetch: no line, status 0."""
    done = run("asyncio", "fetch")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_twisted_hears_of_a_half_close_through_an_endpoint() -> None:
    """An endpoint's wrapper hands on one interface of several: that of the half-close is it."""
    from twisted.internet.endpoints import _WrappingFactory  # noqa: PLC0415  slow to import
    from twisted.internet.interfaces import IHalfCloseableProtocol  # noqa: PLC0415
    from twisted.internet.protocol import Factory  # noqa: PLC0415

    from implementations.twisted.fetch import Connection  # noqa: PLC0415

    wrapped = _WrappingFactory(Factory.forProtocol(Connection)).buildProtocol(None)
    assert IHalfCloseableProtocol.providedBy(wrapped)
