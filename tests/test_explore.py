"""The explorer: its fixed traces, the faults that it must find, and what it says of them."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner
from golden_traces import TRACES  # type: ignore[import-not-found]

from harness.explore import observation, trace
from harness.explore.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
