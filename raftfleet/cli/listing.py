"""`raftfleet play --list-hosts --list-tasks --list-tags`: what a playbook would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from raftfleet.cli.session import Session
from raftfleet.errors import ExitCode
from raftfleet.playbook import list_plays
from raftfleet.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from raftfleet.cli.asked import Asked
    from raftfleet.playbook.listing import PlayListing

__all__ = ["show_listing"]


def show_listing(asked: Asked, paths: Sequence[Path], wanted: Collection[str]) -> int:
    """Print what each playbook would do; ``wanted`` holds any of hosts, tasks and tags.

    No host is touched. For programs there is an object for each play.
    """
    session = Session(asked)
    chosen = {name: asked.playbook[name] for name in ("tags", "skip_tags")}
    if "tags" in wanted and not chosen["tags"]:
        chosen["tags"] = ["all", "never", "always"]  # what never runs by itself has tags too
    for path, playbook in zip(paths, session.load_all(paths), strict=True):
        plays = list_plays(
            playbook,
            session.inventory,
            extra_vars=asked.extra,
            limit=asked.limit,
            **chosen,
        )
        for part in dict.fromkeys(part for play in plays for part in play.unmatched):
            click.echo(f"warning: no host and no group matches {one_line(part)}", err=True)
        if asked.output.lines is not None:
            for number, play in enumerate(plays, start=1):
                shown = {"playbook": str(path), "number": number, **_plain(play, wanted)}
                asked.output.lines.more("play.listed", **shown)
            continue
        click.echo(f"\nplaybook: {one_line(str(path))}")
        for number, play in enumerate(plays, start=1):
            for line in _lines(number, play, wanted):
                click.echo(line)
    return ExitCode.PASSED


def _plain(play: PlayListing, wanted: Collection[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"play": play.name, "patterns": play.patterns, "tags": play.tags}
    if "hosts" in wanted:
        shown["hosts"] = play.hosts
    if "tasks" in wanted:
        shown["tasks"] = [{"name": task.name, "tags": task.tags} for task in play.tasks]
    if "tags" in wanted:
        shown["task_tags"] = play.task_tags
    return shown


def _lines(number: int, play: PlayListing, wanted: Collection[str]) -> Iterator[str]:
    """Yield a play in the shape of ansible-playbook, which people's scripts read."""
    title = f"play #{number} ({','.join(play.patterns)}): {play.name}"
    yield f"\n  {one_line(title)}\tTAGS: {_tags(play.tags)}"
    if "hosts" in wanted:
        yield f"    pattern: {list(play.patterns)}"
        yield f"    hosts ({len(play.hosts)}):"
        yield from (f"      {host}" for host in play.hosts)
    if "tasks" in wanted:
        yield "    tasks:"
        yield from (f"      {one_line(task.name)}\tTAGS: {_tags(task.tags)}" for task in play.tasks)
    if "tags" in wanted:
        yield f"      TASK TAGS: {_tags(play.task_tags)}"


def _tags(tags: Sequence[str]) -> str:
    return f"[{', '.join(tags)}]"
