"""A template -> the folder of a new implementation: it runs, and its comments say what is missing.

Rules: the templates are real code, in implementations/templates/STYLE: what is said of them is
tested on them. The word NAME in them becomes the new name. Nothing that is there is written over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import plan
from harness.model import ALL, UsageError

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = plan.IN_TREE / "templates"
STYLES = tuple(sorted(file.parent.name for file in TEMPLATES.glob("*/meta.toml")))
PLACEHOLDER = "NAME"
FILES = ("__init__.py", "meta.toml", "echo.py", "fetch.py")


def write(name: str, style: str, root: Path) -> Path:
    """Write a new implementation below `root` from a style's template; return its folder.

    Raises UsageError for a name that cannot be or is taken, and where it cannot be written.
    """
    if not plan.is_name(name):
        raise UsageError(
            f"{name!r} cannot be a name: it must match {plan.NAME.pattern}, and not be {ALL}."
        )
    folder = root / name
    if taken := _taken(name):
        raise UsageError(f"the name {name} is taken by {taken}; choose another.")
    try:
        folder.mkdir(parents=True)
        for file in FILES:
            text = (TEMPLATES / style / file).read_text("utf-8")
            (folder / file).write_text(text.replace(PLACEHOLDER, name), "utf-8")
    except FileExistsError as error:
        there = error.filename
        raise UsageError(f"{there} is there already; choose another name or --into.") from error
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}.") from error
    return folder


def _taken(name: str) -> str:
    """Return what has a name already: an implementation, or a module beside them; empty: nothing.

    A folder would hide a module of its name, also one that is moved there later.
    """
    module = plan.IN_TREE / f"{name}.py"
    if module.exists():
        return str(module)
    known = {one.name: one.folder for one in plan.discover()}
    return known.get(name, "")
