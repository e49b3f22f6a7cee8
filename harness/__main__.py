"""The one way in: the list of commands, and where whatever goes wrong ends.

Rules: a command is imported when it is asked for. An error ends here in one sentence and an exit
status: 0 done, 1 a MUST failed (check), a verdict changed (repeat), the machine is unfit (doctor),
a price too high (tax), a row missed (proof), something too much worse (diff) or a program's own
status not 0 (show), 2 the user's or the harness's fault, 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

from harness import interrupt, machine
from harness.model import HarnessError, InterruptedRun

COMMANDS: dict[str, tuple[str, ...]] = {
    "A run": ("compare", "check", "plan", "measure", "analyse", "report"),
    "What runs found": ("diff", "history", "export"),
    "By hand": ("list", "new", "show"),
    "The machine, the price, the proofs": ("doctor", "tax", "proof", "repeat", "explore"),
}
"""Every command, below the heading that --help has for it."""
ELSEWHERE = {
    "plan": "harness.commands.compare:plan",
    "measure": "harness.commands.steps:measure",
    "analyse": "harness.commands.steps:analyse",
    "report": "harness.commands.steps:report",
    "list": "harness.commands.listing:list_all",
    "explore": "harness.explore.command:explore",
}
"""Where a command is found that is not a module of `commands` with its own name."""


class Lazy(click.Group):
    """Imports the command that is asked for alone: a completion, or Ctrl-C, does not wait."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return every command's name."""
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, None where there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        at = ELSEWHERE.get(cmd_name, f"harness.commands.{cmd_name}:{cmd_name}")
        module, _, attribute = at.partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands below their headings."""
        room = formatter.width - 14
        for heading, names in COMMANDS.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(heading):
                formatter.write_dl([(n, c.get_short_help_str(room)) for n, c in found if c])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples of each: nox -s COMMAND -- --help, or without nox
python -m harness COMMAND --help; once installed (pip install -e .) it is
evenloop COMMAND as well, which completes commands, options, names of
implementations and run folders. A line in the shell's start file turns it on:
\b
  bash  eval "$(_EVENLOOP_COMPLETE=bash_source evenloop)"
  zsh   eval "$(_EVENLOOP_COMPLETE=zsh_source evenloop)"
  fish  _EVENLOOP_COMPLETE=fish_source evenloop | source
\b
Colours are for terminals alone; NO_COLOR=1 turns them off there, too.""",
)
def main() -> None:
    """Compare Python's concurrency frameworks: check that they behave alike, measure, report.

    \b
    python -m harness compare --quick              two minutes, then a report
    python -m harness check trio --case E04        does it keep this promise?
    python -m harness diff runs/A runs/B           what changed between two runs?
    """


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
