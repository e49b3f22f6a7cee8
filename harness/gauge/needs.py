"""What building the gauge needs, and how to get what is missing: it runs before pip does.

Rules: the standard library alone, for nothing is installed when it runs.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path


def missing() -> str:
    """Return what is not there and what to install; empty: all is there."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return (
            f"evenloop: building the gauge needs the C compiler {compiler}, not on the PATH. "
            "Install it (Debian: apt-get install gcc libc6-dev; Fedora: dnf install gcc)."
        )
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.is_file():
        return (
            f"evenloop: building the gauge needs Python's headers, and {header} is not there. "
            "Install them (Debian: apt-get install python3-dev; Fedora: dnf install python3-devel)."
        )
    return ""


if __name__ == "__main__":
    sys.exit(missing() or 0)
