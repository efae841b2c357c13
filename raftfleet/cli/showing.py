"""What commands that act show: events as they come, and the judgement at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raftfleet.cli.session import Asked, Session
from raftfleet.errors import ExitCode
from raftfleet.report import LiveConsole, show_judgement, show_picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Play", "run_plays", "show_status"]


@dataclass(frozen=True, slots=True)
class Play:
    """A playbook to run, with variables of its own."""

    path: Path
    extra: Mapping[str, Any] = field(default_factory=dict)


def run_plays(asked: Asked, plays: Sequence[Play], *, installs: bool = False) -> int:
    """Run playbooks one after another as one run; stop at the first that could not do its work.

    All of them are read and checked before the first begins, and so are the settings of all
    nodes; ``installs``: and the program that is to be installed.
    """
    with Session(asked) as session:
        playbooks = [session.load(play.path) for play in plays]
        for node in session.nodes if installs else session.nodes[:0]:
            session.system.artifacts(node)
        with LiveConsole(verbose=asked.verbose) as console:
            session.recorder.subscribe(console)
            for play, playbook in zip(plays, playbooks, strict=True):
                if session.play(playbook, **play.extra) is not ExitCode.PASSED:
                    break
            judgement, code = session.finish()
        show_judgement(judgement, session.recorder.journal(), session.folder)
        return code


def show_status(asked: Asked) -> int:
    """Look once and show it; nothing is kept of it."""
    with Session(asked) as session:
        control = session.control()
        control.cluster.describe()
        control.look()
        show_picture(session.recorder.picture)
        return ExitCode.PASSED if control.disagreement() is None else ExitCode.TASK_FAILED
