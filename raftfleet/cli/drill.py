"""`raftfleet drill`: drills by name."""

from __future__ import annotations

from pathlib import Path

import click

from raftfleet.cli.options import Given, shared
from raftfleet.errors import UsageError, nearest


@click.command("drill")
@click.argument("names", nargs=-1, required=True, metavar="DRILL...")
@shared
def command(given: Given, names: tuple[str, ...]) -> int:
    """Run drills in order against a running cluster: a-remove, b-rejoin, c-shutdown.

    A name is that of a playbook which ships with raftfleet, or the path of one of your own.
    A run that is killed cannot heal: what it had stopped stays down until `raftfleet heal`.
    """
    from raftfleet.cli.showing import Play, run_plays  # noqa: PLC0415

    what = "+".join(Path(name).stem for name in names)
    return run_plays(given.asked(what), [Play(_playbook(name)) for name in names])


def _playbook(name: str) -> Path:
    from raftfleet.shipped import shipped  # noqa: PLC0415

    path = Path(name)
    if path.suffix in {".yml", ".yaml"}:
        return path
    folder = shipped("playbooks")
    known = {file.stem for file in folder.glob("?-*.yml")}
    if name in known:
        return folder / f"{name}.yml"
    close = nearest(name, known)
    raise UsageError(
        f"there is no drill {name!r}",
        hint=f"did you mean {close}?" if close else f"drills: {', '.join(sorted(known))}",
    )
