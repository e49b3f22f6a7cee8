"""The rules that hold the house up: layers, and who imports what."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HARNESS = ROOT / "harness"

# The higher may import the lower. A package counts as one.
LAYERS = [
    {"__main__"},
    {"commands"},
    {"stages", "repeat", "explore", "doctor", "proof", "show"},
    {"template"},
    {"report", "check", "measure", "plan", "analyse", "run_folder", "diff", "history"},
    {"tax", "canaries"},
    {"precision", "results", "units", "contrast", "traits", "judge", "pythons"},
    {"launch", "witness", "gauge", "machine", "progress", "cost", "proven", "recorded", "watched"},
    {
        "charts",
        "latencies",
        "law",
        "stats",
        "files",
        "borrowed",
        "lines",
        "sensitivity",
        "own_files",
        "interrupt",
        "offered",
        "meta",
    },
    {"summary", "alike"},
    {"model", "checked"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FRAMEWORKS = {
    "asyncio",
    "trio",
    "curio",
    "twisted",
    "gevent",
    "tornado",
    "uvloop",
    "anyio",
    "eventlet",
    "rloop",
    "aiohttp",
    "httpx",
    "requests",
    "urllib3",
}


def imports(file: Path) -> set[str]:
    """Return the dotted names that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def part(file: Path) -> str:
    """Return the part of the harness that a file belongs to."""
    inside = file.relative_to(HARNESS).parts
    return inside[0].removesuffix(".py")


FILES = sorted(
    file for file in HARNESS.rglob("*.py") if file.name != "__init__.py" or file.parent != HARNESS
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HARNESS)))
def test_imports_go_downhill(file: Path) -> None:
    """No part imports a higher one, and none another of its own layer but for a known few."""
    own = part(file)
    for name in imports(file):
        match = re.match(r"harness\.(\w+)", name)
        if match and match[1] in LEVEL and match[1] != own:
            assert LEVEL[match[1]] >= LEVEL[own], f"{own} imports {match[1]}"


def test_there_is_no_cycle() -> None:
    """The parts of the harness can be put in an order in which each imports earlier ones alone."""
    graph: dict[str, set[str]] = {}
    for file in FILES:
        uses = {m[1] for name in imports(file) if (m := re.match(r"harness\.(\w+)", name))}
        graph.setdefault(part(file), set()).update((uses & LEVEL.keys()) - {part(file)})
    while free := [name for name, uses in graph.items() if not uses & graph.keys()]:
        for name in free:
            del graph[name]
    assert not graph, f"a cycle among {sorted(graph)}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HARNESS)))
def test_the_harness_knows_no_framework(file: Path) -> None:
    """The harness imports neither a framework nor implementations/."""
    heads = {name.partition(".")[0] for name in imports(file)}
    assert not heads & (FRAMEWORKS | {"implementations"})


def test_every_part_has_its_layer() -> None:
    """A new module of the harness must be given a layer here."""
    assert {part(file) for file in FILES} <= LEVEL.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HARNESS)))
def test_every_module_opens_with_its_rules(file: Path) -> None:
    """A module says what it does and what may live in it."""
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    assert len(text) > 40, "a docstring of a sentence at least"


def test_modules_are_small() -> None:
    """No module of the harness is longer than 400 lines."""
    long = {str(f): n for f in FILES if (n := len(f.read_text("utf-8").splitlines())) > 400}
    assert not long
