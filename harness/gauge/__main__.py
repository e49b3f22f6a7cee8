"""Run one role of the native gauge in this process.

Rules: nothing but the check that the extension was built from the sources beside it; all else is C.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

HERE = Path(__file__).resolve().parent


def complaint(folder: Path) -> str | None:
    """Return why the extension in `folder` cannot be used, None when it is there and fresh."""
    remedy = "run `pip install -e .` (it needs gcc and the Python headers)"
    built = [path for s in EXTENSION_SUFFIXES if (path := folder / f"_gauge{s}").exists()]
    if not built:
        return f"gauge: the native gauge is not built: {remedy}"
    sources = [*folder.glob("*.c"), *folder.glob("*.h")]
    if any(source.stat().st_mtime > built[0].stat().st_mtime for source in sources):
        return f"gauge: the native gauge is older than its sources: {remedy}"
    return None


def main() -> int:
    """Run the role that the command line names and return its exit code.

    With `-` in its place the role and its options are the first line of stdin.
    """
    if problem := complaint(HERE):
        print(problem, file=sys.stderr)
        return 2
    native = import_module("harness.gauge._gauge")
    words = sys.argv[1:]
    if words == ["-"]:  # started before what it will load: it waits for its role, ready to go
        words = sys.stdin.readline().split()
    code: int = native.main(words)
    return code


if __name__ == "__main__":
    sys.exit(main())
