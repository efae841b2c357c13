"""`unarchive`: what an archive holds, unpacked on the host."""

from __future__ import annotations

import contextlib
import glob
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raftfleet.errors import RaftfleetError, TaskError
from raftfleet.modules.archives.archive import Archive, read_archive
from raftfleet.modules.archives.repacking import Choice, repacked
from raftfleet.modules.archives.source import STRIP, archive_here, stripped_folders
from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.commanding import CONDITIONS
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.landing import place
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.on_host import OnHost, complaint, word
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Unarchive"]


class Unarchive(GenericModule):
    """Unpack an archive into a folder of the host.

    Arguments: ``src`` (path of a .tar, .tar.gz, .tar.bz2, .tar.xz or .zip here, looked up in
    ``files``; with ``remote_src`` (bool) on the host, or a URL; required), ``dest`` (folder that
    exists, required), ``creates`` (path: do nothing when it exists), ``include``, ``exclude``
    (lists of patterns: of names in the archive, and all below them), ``extra_opts`` (list; only
    ``--strip-components=N``, and options that ask for what is done anyway), ``owner``, ``group``,
    ``mode`` (of all that is unpacked), ``list_files`` (bool), ``validate_certs`` (bool, true: of a
    URL), ``keep_newer`` (bool: leave files that are newer than in the archive), ``copy`` (bool; false: the same as ``remote_src``), ``decrypt`` (bool, true: refuse what
    ansible-vault has encrypted).
    Returns: dest, src, extracted (number of members), files (with ``list_files``); state, mode,
    owner, group, uid, gid, size of ``dest``.
    Files belong to the task's user unless ``owner`` says otherwise, whatever the archive says. An
    archive with a member or a link that leaves ``dest``, or with a device, is refused whole.
    Check mode: predicts. Diff: none. Idempotence: full; files are compared by digest and nothing
    is sent when all are there. The host needs tar(1); every archive is read here, also one of the
    host's.
    """

    name = "unarchive"
    arguments = arguments(
        src=Argument("path", required=True),
        dest=Argument("path", required=True),
        creates=CONDITIONS["creates"],
        include=Argument("list", default=()),
        exclude=Argument("list", default=()),
        extra_opts=Argument("list", default=()),
        list_files=Argument("bool", default=False),
        remote_src=Argument("bool", default=False),
        validate_certs=Argument("bool", default=True),
        keep_newer=Argument("bool", default=False),
        copy=Argument("bool"),
        decrypt=Argument("bool", default=True),
        io_buffer_size=Argument("int"),
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes", "io_buffer_size"})
    refused = REFUSED_ATTRIBUTES
    exclusive = (("copy", "remote_src"),)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Unpack it unless all of it is there."""
        host = OnHost(context)
        dest = host.path(arguments["dest"]).rstrip("/") or "/"
        creates = arguments["creates"]
        if creates and look(host, host.path(creates)) is not None:
            said = f"skipped, since {creates} exists"
            return Result(Status.SKIPPED, said, {"dest": dest})
        choice = Choice(
            tuple(map(str, arguments["include"])), tuple(map(str, arguments["exclude"]))
        )
        stripped = stripped_folders([str(one) for one in arguments["extra_opts"]])
        with tempfile.TemporaryDirectory(prefix="raftfleet-") as folder:
            source = archive_here(host, arguments, Path(folder))
            archive = read_archive(repacked(source, Path(folder), choice), stripped)
            if not archive.members:
                raise TaskError(f"{source.name} holds nothing to unpack")
            if arguments["keep_newer"] and (kept := _newer(host, dest, archive)):
                left = replace(choice, exclude=(*choice.exclude, *map(glob.escape, kept)))
                inside = Path(tempfile.mkdtemp(dir=folder))
                archive = read_archive(repacked(source, inside, left), stripped)
            shown = arguments["src"] if source.is_relative_to(folder) else str(source)
            return _unpacked(host, dest, archive, {**arguments, "src": shown})


def _unpacked(host: OnHost, dest: str, archive: Archive, arguments: Mapping[str, Any]) -> Result:
    values: dict[str, Any] = {
        "dest": dest,
        "src": arguments["src"],
        "extracted": len(archive.members),
    }
    if arguments["list_files"]:
        values["files"] = [
            f"{member.name}/" if member.kind == "directory" else member.name
            for member in archive.members
        ]
    there = look(host, dest, follow=True)
    if there is None and host.context.check_mode:  # a task before may be what would make it
        return Result(Status.CHANGED, values=values)
    if there is None or not there.is_directory:
        raise TaskError(f"{dest} is no directory", hint=f"file: {{path: {dest}, state: directory}}")
    values |= there.values()
    wanted = Attributes.of(arguments)
    if _is_there(host, dest, archive):
        return Result(_set_below(host, dest, archive, wanted), values=values)
    if not host.context.check_mode:
        _unpack(host, dest, archive, wanted)
    return Result(Status.CHANGED, values=values)


def _newer(host: OnHost, dest: str, archive: Archive) -> list[str]:
    """Return which files of the archive are on the host already, and newer than in the archive."""
    files = [member for member in archive.members if member.kind == "file"]
    lines = [f"stat -L -c %Y -- {word(member.name)} 2>/dev/null || echo 0" for member in files]
    script = "\n".join([f"cd -- {word(dest)} 2>/dev/null || exit 0", *lines, ""])
    said = host.ask("exec sh -s", f"look at what is in {dest}", stdin=script.encode())
    times = zip(files, map(int, said.split()), strict=False)
    return [member.written for member, modified in times if modified > member.modified]


def _set_below(host: OnHost, dest: str, archive: Archive, wanted: Attributes) -> Status:
    """Set mode and owner of what is there already; return whether any was another way."""
    lines = [line for name in archive.top for line in wanted.recursive(f"{dest}/{name}")]
    if not lines or host.context.check_mode:
        return Status.OK
    said = host.ask("export LC_ALL=C; " + " && ".join(lines), f"set mode or owner in {dest}")
    return Status.CHANGED if said.strip() else Status.OK


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
            options += f" {STRIP}{archive.stripped}"
        host.ask(f"export LC_ALL=C; tar -xpf {word(part)} {options}", f"unpack into {dest}")
        lines = [line for name in archive.top for line in wanted.recursive(f"{dest}/{name}")]
        if lines:
            host.ask(" && ".join(lines), f"set mode or owner in {dest}")
    finally:
        with contextlib.suppress(RaftfleetError):  # the error on the way here is the one to tell
            host.run(f"rm -f -- {word(part)}")
