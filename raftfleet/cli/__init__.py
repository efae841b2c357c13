"""The command line: one module per command, imported only when that command is asked for."""

from __future__ import annotations

import importlib
import sys
import traceback
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from raftfleet import __version__
from raftfleet.cli.output import wants_lines
from raftfleet.errors import ExitCode, RaftfleetError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.report import JsonLines

__all__ = ["main"]

# name -> (module below raftfleet.cli, one line for --help); the line stands here so that --help
# imports no command.
COMMANDS = {
    "demo": ("demo", "Sandbox up, deploy, start, drills, verdict: the whole thing once."),
    "play": ("play", "Run a playbook, as ansible-playbook would."),
    "drill": ("drill", "Run drills by name against a running cluster."),
    "up": ("up", "Deploy what changed and start every node that is down."),
    "down": ("down", "Stop every node gracefully."),
    "heal": ("heal", "Undo what a dead run left behind, and say what it was."),
    "status": ("status", "Ask every node for its own view of every group."),
    "inventory": ("inventory", "Print hosts, groups and variables, as ansible-inventory would."),
    "ping": ("ping", "Reach every host: how fast, and what is odd about it."),
    "analyze": ("analyze", "Judge the journal of a run again."),
    "report": ("report", "Tell a run again: text, lines of JSON, JUnit XML for a CI server."),
    "export": ("export", "Hand out the metrics of a finished run."),
    "import": ("import_", "Make a run folder from a recording of a real cluster."),
    "serve": ("serve", "Watch without end: metrics, probes, drills on a schedule."),
    "sandbox": ("sandbox", "Hosts made of namespaces on this machine."),
}

EVENTFUL = frozenset({"demo", "play", "drill", "up", "down", "report"})
"""Commands whose `--output jsonl` is the events of a run, from the first line to the recap."""

AFTERWARDS = """\
A run that is killed (SIGKILL, power) cannot heal: the node it had stopped stays down, and
`raftfleet heal -i INVENTORY` starts it again. Ctrl-C heals first: what the drill had stopped is
restarted.

\b
Exit codes: 0 passed, 2 a task failed, 3 a drill failed, 4 a host was unreachable,
5 usage or a wrong file, 6 inconclusive, 130 interrupted, 250 a defect in raftfleet.
"""


class CommandTable(click.Group):
    """A group that imports a command's module only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or return None when there is none of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"raftfleet.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name the nearest one when the word is unknown."""
        word = args[0] if args else ""
        if word not in COMMANDS and not word.startswith("-"):
            close = nearest(word, COMMANDS)
            more = f" Did you mean {close}?" if close else f" Commands: {', '.join(COMMANDS)}."
            raise click.UsageError(f"No such command {word!r}.{more}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=CommandTable,
    epilog=AFTERWARDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="raftfleet")
def root() -> None:
    """Drill replicated systems on real hosts: fail over, measure, judge."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(argv: list[str]) -> int:
    """Run one command and return its exit code; every error is one screen, never a traceback.

    Where lines of JSON are asked for nothing else gets onto standard output, whoever prints it, and
    the last of them is there whatever happens.
    """
    if not (EVENTFUL.intersection(argv[:1]) and wants_lines(argv)):
        return _run(argv)
    from raftfleet.report import JsonLines  # noqa: PLC0415 - not for --help

    lines = JsonLines(sys.stdout)
    with redirect_stdout(sys.stderr):
        code = _run(argv, lines)
    lines.finish(code)
    return code


def _run(argv: list[str], lines: JsonLines | None = None) -> int:
    try:
        code = root.main(argv, prog_name="raftfleet", standalone_mode=False, obj=lines)
        return int(code) if isinstance(code, int) else ExitCode.PASSED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return ExitCode.USAGE
    except click.ClickException as error:
        error.show()
        _tell(lines, error)
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except RaftfleetError as error:
        return _wrong(error, lines)
    except BrokenPipeError:
        return ExitCode.PASSED
    except Exception as error:  # noqa: BLE001 - the last line of defence says what to report
        click.echo(_defect(error), err=True)
        _tell(lines, error)
        return ExitCode.DEFECT


def _wrong(error: RaftfleetError, lines: JsonLines | None) -> ExitCode:
    """Say what is wrong, and how much of it there is."""
    from raftfleet.cli.errors import all_of  # noqa: PLC0415 - only an error pays for it

    errors = all_of(error)
    for one in errors:
        click.echo(f"error: {one}", err=True)
        _tell(lines, one)
    if len(errors) > 1:
        click.echo(f"{len(errors)} errors", err=True)
    return error.exit_code


def _tell(lines: JsonLines | None, error: Exception) -> None:
    if lines is not None:
        from raftfleet.cli.errors import told  # noqa: PLC0415 - only an error pays for it

        lines.error(told(error))


def _defect(error: Exception) -> str:
    """Say that this is our fault, and where, without a screen full of frames."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "raftfleet" in f.filename] or list(frames)
    where = f"{ours[-1].filename}:{ours[-1].lineno} in {ours[-1].name}" if ours else "unknown"
    return (
        f"defect in raftfleet: {type(error).__name__}: {error}\n  at {where}\n"
        "hint: this is not your fault; please report it with this text and the run folder"
    )
