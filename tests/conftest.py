"""What every test may use: the golden files' switch, and how the suite is played."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

# For `pytest --hypothesis-profile=long tests/test_gauge_fuzz.py`: other examples each time.
settings.register_profile("long", max_examples=20_000, deadline=None, database=None)

# A session with every implementation, and a program to compile.
WHOLE = ("test_behaviour.py", "test_gauge_fuzz.py")

GOLDEN = Path(__file__).resolve().parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update`, which writes the golden files anew, and `--every-case` (test_behaviour)."""
    parser.addoption("--update", action="store_true", help="write the golden files anew")
    parser.addoption(
        "--every-case", action="store_true", help="play cases that only repeat another, too"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a check that a text is that of a golden file, byte for byte."""

    def check(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--update"):
            file.write_text(text, encoding="utf-8", newline="\n")
        assert file.exists(), f"no {name}: run pytest with --update, and read what it wrote"
        assert text == file.read_text(encoding="utf-8"), f"{name} differs; --update writes it anew"

    return check


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all of a file in WHOLE to one worker, which has its costs once; others one by one.

    xdist's own `--dist loadgroup` marks the tests of a group in their ids, which pytest 9 ignores.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415  xdist may be absent

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if file.endswith(WHOLE) else nodeid

    return Scheduling(config, log)
