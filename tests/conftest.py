"""What every test may use: the golden files' switch, and how much of the suite is played."""

from collections.abc import Callable
from pathlib import Path

import pytest

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
