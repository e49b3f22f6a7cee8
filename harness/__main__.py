"""The one way in: the list of commands, and where whatever goes wrong ends.

Rules: an error ends here in one sentence and an exit status: 0 done, 1 a MUST failed (check), a
verdict changed (repeat), the machine is unfit (doctor), a price too high (tax) or a row missed
(proof), 2 the user's or the harness's fault, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from harness import interrupt, machine
from harness.commands.check import check
from harness.commands.compare import compare, plan
from harness.commands.doctor import doctor
from harness.commands.listing import list_all
from harness.commands.proof import proof
from harness.commands.repeat import repeat
from harness.commands.steps import analyse, measure, report
from harness.commands.tax import tax
from harness.explore.command import explore
from harness.model import HarnessError, InterruptedRun


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Compare Python's concurrency frameworks: check that they behave alike, measure, report.

    \b
    python -m harness compare --quick
    """


COMMANDS = (
    compare, check, repeat, explore, doctor, tax, proof, plan, measure, analyse, report, list_all,
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)


def _fail(sentence: str, status: int) -> NoReturn:
    """End with one sentence on stderr."""
    click.echo(f"evenloop: {sentence}", err=True)
    sys.exit(status)


def run() -> None:
    """Run the command line; every error ends here."""
    interrupt.catch()
    try:
        machine.require_linux()
        main.main(standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted.", InterruptedRun.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted.", InterruptedRun.exit_code)
    except click.ClickException as error:
        _fail(f"{error.format_message().rstrip('.')}. See --help.", 2)
    except HarnessError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:  # a full disk, a folder that may not be written
        where = f" {error.filename}" if error.filename else ""
        _fail(f"cannot write{where}: {error.strerror}. What a run has so far is kept: --resume.", 2)


if __name__ == "__main__":
    run()
