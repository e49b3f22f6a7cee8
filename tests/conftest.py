"""What every test may use: the golden files' switch, and how the suite is played."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

# For `pytest --hypothesis-profile=long tests/test_gauge_fuzz.py`: other examples each time.
settings.register_profile("long", max_examples=20_000, deadline=None, database=None)

# What a file's tests share: a session with every implementation, a program, a rendered report.
WHOLE = (
    "test_analyse.py",
    "test_behaviour.py",
    "test_engine.py",
    "test_gauge_fuzz.py",
    "test_html_page.py",
    "test_pythons.py",
    "test_report.py",
)

# Slow tests of what is the same under every interpreter, and the minor version that runs them.
ONE_PYTHON = {
    "test_engine.py": 13,
    "test_explore.py": 11,
    "test_gauge_fuzz.py": 12,
    "test_gauge_link.py": 12,
    "test_gauge_native.py": 12,
    "test_html_page.py": 11,
    "test_latencies.py": 12,
    "test_pictures.py": 12,
    "test_proof_runs.py": 11,
    "test_by_python.py": 12,
    "test_pythons.py": 13,
    "test_report.py": 12,
    "test_tutorial.py": 13,
    "test_report_html.py": 13,
    "test_sitting.py": 11,
    "test_template.py": 12,
    "test_third_party.py": 11,
    "test_watching.py": 13,
}

# What takes longest is begun first, so that no worker is left alone with it at the end.
FIRST = ("test_tutorial.py", "test_report_html.py", "test_main.py", "test_pythons.py")

GOLDEN = Path(__file__).resolve().parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update`, which writes the golden files anew, `--every-case` and `--every-test`."""
    parser.addoption("--update", action="store_true", help="write the golden files anew")
    parser.addoption(
        "--every-case", action="store_true", help="play cases that only repeat another, too"
    )
    parser.addoption(
        "--every-test", action="store_true", help="run here, too, what another Python runs"
    )


def pytest_configure() -> None:
    """Let Ctrl-C end the programs that tests start, also where these run in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long; leave to one Python what has nothing to do with Python."""
    items.sort(key=lambda item: item.path.name not in FIRST)
    if config.getoption("--every-test"):
        return
    for item in items:
        minor = ONE_PYTHON.get(item.path.name, sys.version_info.minor)
        if minor != sys.version_info.minor:
            reason = f"the same under every Python: 3.{minor} runs it (--every-test: here, too)"
            item.add_marker(pytest.mark.skip(reason=reason))


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
