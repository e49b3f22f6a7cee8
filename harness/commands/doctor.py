"""`doctor`: is this machine fit to measure?

Rules: it changes nothing; the exit status is 1 when the machine is unfit.
"""

from __future__ import annotations

import click


@click.command()
def doctor() -> None:
    """Tell whether this machine is fit to measure, and what to change; exit 1 when it is not."""
