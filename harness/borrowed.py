"""What a program runs beside its own file: the lines of code of its folder and of its siblings.

Rules: files are parsed and never imported. Of its own folder a file that is imported counts whole;
of another implementation's what is used of it, and what that uses in turn. Neither what only a type
checker sees counts, nor what lies beside the folders, for all of them to use.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.lines import code_numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from harness.model import Implementation


class _Target(NamedTuple):
    """What an import names: a file of an implementation, and which name of it (empty: it all)."""

    folder: str
    file: str
    name: str = ""


class _Module(NamedTuple):
    """What a file defines and imports."""

    numbers: frozenset[int]
    """Of its lines of code."""
    defines: Mapping[str, tuple[frozenset[int], frozenset[str]]]
    """Top-level name -> the lines of code of its definition, and the names that these use."""
    imports: Mapping[str, tuple[tuple[str, ...], str]]
    """Local name -> the dotted path behind `implementations`, and the name that is taken of it."""


def _seen_by_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _run(node: ast.AST, out: Collection[int] = ()) -> Iterator[ast.AST]:
    """Yield a node and all below it that runs; nodes whose id is in `out` do not."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not _seen_by_types_alone(child) and id(child) not in out:
            yield from _run(child, out)


def _imports(tree: ast.AST) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for node in _run(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            head, *path = node.module.split(".")
            for alias in node.names:
                if head == "implementations":
                    yield alias.asname or alias.name, tuple(path), alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                head, *path = alias.name.split(".")
                if head == "implementations":
                    yield alias.asname or alias.name, tuple(path), ""


def _names(node: ast.stmt) -> list[str]:
    """Return what a top-level statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [one.id for t in targets for one in ast.walk(t) if isinstance(one, ast.Name)]
    return []


def _used(node: ast.AST) -> frozenset[str]:
    """Return the names that a statement uses and does not bind itself; annotations use nothing."""
    hints = {
        id(hint)
        for one in _run(node)
        for hint in (getattr(one, "annotation", None), getattr(one, "returns", None))
        if hint
    }
    names = [one for one in _run(node, hints) if isinstance(one, ast.Name)]
    bound = {one.id for one in names if isinstance(one.ctx, ast.Store)}
    bound |= {one.arg for one in _run(node) if isinstance(one, ast.arg)}
    return frozenset({one.id for one in names} - bound)


@cache
def _module(source: str) -> _Module:
    """Return what a source defines and imports. Raises SyntaxError."""
    tree, numbers = ast.parse(source), code_numbers(source)
    defines: dict[str, tuple[frozenset[int], frozenset[str]]] = {}
    for node in tree.body:
        decorators = getattr(node, "decorator_list", ())
        first = min((one.lineno for one in (node, *decorators)), default=0)
        own = frozenset(numbers.intersection(range(first, (node.end_lineno or first) + 1)))
        used = _used(node)
        for name in _names(node):
            before = defines.get(name, (frozenset(), frozenset()))
            defines[name] = (before[0] | own, before[1] | used)
    imports = {local: (path, name) for local, path, name in _imports(tree)}
    return _Module(frozenset(numbers), defines, imports)


class _Reach:
    """Goes from a program's file to whatever else it runs."""

    def __init__(self, root: Path, own: Path) -> None:
        self._root, self._own = root, own
        self._seen: set[_Target] = set()
        self.lines: dict[tuple[str, str], set[int]] = {}
        """Folder and file -> the numbers of its lines that are run."""

    def _source(self, target: _Target) -> str | None:
        folder = self._own if target.folder == self._own.name else self._root / target.folder
        try:
            return (folder / target.file).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _targets(self, path: tuple[str, ...], name: str) -> Iterable[_Target]:
        """Return what an import runs: the file that it names, and that of its folder itself."""
        if not path:
            return ()  # a file for all to use
        folder, *inside = (*path, name) if len(path) == 1 else path
        package = _Target(folder, "__init__.py")
        if not inside or not (self._root / folder).is_dir():
            return ()
        file = f"{inside[0]}.py"
        whole = folder == self._own.name or len(path) == 1
        return package, _Target(folder, file, "" if whole else name)

    def go(self, target: _Target) -> None:
        """Take in a target, and all that it uses."""
        if target in self._seen or (source := self._source(target)) is None:
            return
        self._seen.add(target)
        module = _module(source)
        lines, used = module.numbers, frozenset((*module.defines, *module.imports))
        if target.name:
            lines, used = module.defines.get(target.name, (frozenset(), frozenset({target.name})))
        self.lines.setdefault(target[:2], set()).update(lines)
        for name in used:
            if target.name and name in module.defines:
                self.go(target._replace(name=name))
            if name in module.imports:
                for other in self._targets(*module.imports[name]):
                    self.go(other)


def borrowed(root: Path, folder: Path, file: str) -> dict[str, int]:
    """Return what a program runs beside its own file: folder's name -> lines of code of it.

    `root` has all implementations; the program's own folder comes first, the others by name. What
    does not parse is not counted.
    """
    reach = _Reach(root, folder)
    try:
        reach.go(_Target(folder.name, "__init__.py"))
        reach.go(_Target(folder.name, file))
    except SyntaxError:
        return {}
    found: dict[str, int] = {}
    for (name, part), lines in reach.lines.items():
        if lines and (name, part) != (folder.name, file):
            found[name] = found.get(name, 0) + len(lines)
    return dict(sorted(found.items(), key=lambda item: (item[0] != folder.name, item[0])))


def noted(root: Path, one: Implementation) -> Implementation:
    """Return an implementation with what each of its programs runs beside its own file."""
    folder, name = Path(one.folder), one.same_as or one.name
    also = {
        file: {name if whose == folder.name else whose: count for whose, count in found.items()}
        for file in (f"{workload}.py" for workload in one.workloads)
        if file in one.code_lines and (found := borrowed(root, folder, file))
    }
    return msgspec.structs.replace(one, also_lines=also)
