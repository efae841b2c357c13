"""`unarchive`: what an archive here holds, unpacked on the host."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import RaftfleetError, TaskError
from raftfleet.modules.archive import Archive, read_archive
from raftfleet.modules.base import GenericModule, arguments
from raftfleet.modules.commanding import CONDITIONS
from raftfleet.modules.delivery import place
from raftfleet.modules.on_host import OnHost, complaint, word
from raftfleet.modules.remote_file import Attributes, look
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Unarchive"]

_STRIP: Final = "--strip-components="


class Unarchive(GenericModule):
    """Unpack a tar archive from this machine into a folder of the host.

    Arguments: ``src`` (path of a .tar, .tar.gz, .tar.bz2 or .tar.xz here, looked up in ``files``,
    required), ``dest`` (folder that exists, required), ``creates`` (path: do nothing when it
    exists), ``extra_opts`` (list; only ``--strip-components=N``), ``owner``, ``group``, ``mode``
    (of all that is unpacked), ``list_files`` (bool).
    Returns: dest, src, extracted (number of members), files (with ``list_files``).
    An archive with a member or a link that leaves ``dest``, or with a device, is refused whole.
    Check mode: predicts. Diff: none. Idempotence: full; files are compared by digest and nothing
    is sent when all are there.
    """

    name = "unarchive"
    arguments = arguments(
        src=Argument("path", required=True),
        dest=Argument("path", required=True),
        creates=CONDITIONS["creates"],
        extra_opts=Argument("list", default=()),
        list_files=Argument("bool", default=False),
        remote_src=Argument("bool", default=False),
        mode=Argument("mode"),
        owner=Argument(),
        group=Argument(),
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Unpack it unless all of it is there."""
        if arguments["remote_src"]:
            raise TaskError("remote_src is not supported", hint="command: tar -xf FILE -C FOLDER")
        host = OnHost(context)
        dest = host.path(arguments["dest"]).rstrip("/") or "/"
        creates = arguments["creates"]
        if creates and look(host, host.path(creates)) is not None:
            return Result(msg=f"skipped, since {creates} exists", values={"dest": dest})
        source = context.find("files", arguments["src"])
        archive = read_archive(source, _stripped(arguments["extra_opts"]))
        values: dict[str, Any] = {
            "dest": dest,
            "src": str(source),
            "extracted": len(archive.members),
        }
        if arguments["list_files"]:
            values["files"] = [member.name for member in archive.members]
        there = look(host, dest, follow=True)
        if there is None or not there.is_directory:
            raise TaskError(
                f"{dest} is no directory", hint=f"file: {{path: {dest}, state: directory}}"
            )
        if _is_there(host, dest, archive):
            return Result(Status.OK, values=values)
        if not context.check_mode:
            _unpack(host, dest, archive, Attributes.of(arguments))
        return Result(Status.CHANGED, values=values)


def _stripped(options: list[Any]) -> int:
    """Return how many leading folders to drop; `TaskError` for any other option."""
    count = 0
    for option in map(str, options):
        number = option.removeprefix(_STRIP)
        if number == option or not number.isdecimal():
            raise TaskError(
                f"the option {option!r} is not supported", hint=f"supported: {_STRIP}N, as one item"
            )
        count = int(number)
    return count


def _is_there(host: OnHost, dest: str, archive: Archive) -> bool:
    """Return whether the host has all members; the question goes to it as a script."""
    outcome = host.run("exec sh -s", stdin=f"cd -- {word(dest)} || exit 2\n{archive.test}".encode())
    if outcome.ok or getattr(outcome, "status", None) == 1:
        return outcome.ok
    raise TaskError(f"cannot compare what is in {dest}: {complaint(outcome)}")


def _unpack(host: OnHost, dest: str, archive: Archive, wanted: Attributes) -> None:
    part = f"{dest.rstrip('/')}/.raftfleet-{archive.digest[:16]}.tar"
    try:
        place(host, archive.path, part, 0o600)
        options = f"{archive.option} --no-same-owner -C {word(dest)}"
        if archive.stripped:
            options += f" {_STRIP}{archive.stripped}"
        host.ask(f"export LC_ALL=C; tar -xpf {word(part)} {options}", f"unpack into {dest}")
        lines = [line for name in archive.top for line in wanted.recursive(f"{dest}/{name}")]
        if lines:
            host.ask(" && ".join(lines), f"set mode or owner in {dest}")
    finally:
        with contextlib.suppress(RaftfleetError):  # the error on the way here is the one to tell
            host.run(f"rm -f -- {word(part)}")
