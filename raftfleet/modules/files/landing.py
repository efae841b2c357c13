"""Putting a file in its place on a host, whole or not at all.

A small file takes one command, which also says what is there: processes are what
costs when there are many hosts here, round trips when they are far away.
"""

from __future__ import annotations

import secrets
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError
from raftfleet.modules.files.attributes import word_of
from raftfleet.modules.files.contents import Content, HostFile, digest
from raftfleet.modules.files.remote_file import FORMAT, look_lines, parent, parsed
from raftfleet.modules.on_host import complaint, word
from raftfleet.transport.files import remedy

if TYPE_CHECKING:
    from raftfleet.modules.files.attributes import Attributes
    from raftfleet.modules.files.remote_file import Remote
    from raftfleet.modules.on_host import OnHost

__all__ = ["land", "place"]

_NO_FOLDER: Final = 74
_NOTHING: Final = 75
_ARRIVED: Final = b"arrived\n"
_DENIED: Final = "Permission denied"
_REGULAR: Final = 0o666

# A part that nobody has written to for ten minutes was left by somebody who is gone.
_LAND: Final = f"""
[ -d {{folder}} ] || {{{{ stat -L -- {{folder}} >/dev/null; exit {_NO_FOLDER}; }}}}
q=$p.part.{{token}}
drop() {{{{ rm -f -- "$q"; exit 1; }}}}
seen() {{{{ s=$(stat -c '{FORMAT}' -- "$q") || drop; set -f; IFS=/; set -- $s; unset IFS; set +f; u=$3 g=$4 z=$7 o=$5 h=$6; }}}}
trap drop HUP INT TERM PIPE
umask {{umask:03o}}
cat >"$q" || drop
seen
[ "$z" = {{size}} ] || {{{{ echo "what arrived is not what was sent" >&2; drop; }}}}
{{settle}}
mv -fT -- "$q" "$p" || drop
for q in "$p".part.*; do [ ! -e "$q" ] || [ -z "$(find "$q" -mmin +10 2>/dev/null)" ] || rm -f -- "$q"; done
echo arrived; printf '%s\\n\\0' "$s"
"""


def land(
    host: OnHost,
    content: bytes,
    path: str,
    wanted: Attributes,
    mode: int,
    *,
    before: Remote | None = None,
    over: bool = False,
) -> tuple[bool, Remote | None]:
    """Put a small file in place; return whether that was done, and what is there.

    Unless ``over``, something that is there already is left and told of: links followed, with a
    SHA-1; None for a link that leads nowhere. The file gets the wanted owner, else that of the one
    that it replaces (``before``), as far as the task's user may give it.
    Raises `TaskError` when it cannot be put there, or when there is no such folder.
    """
    line = f"export LC_ALL=C; p={word(path)}"
    if not over:
        there = look_lines(follow=True, checksum="sha1")
        there = there.replace("|| exit 1", f"2>/dev/null || exit {_NOTHING}", 1)
        line += f'; if [ -e "$p" ] || [ -L "$p" ]; then {there}; exit; fi'
    line += _LAND.format(
        folder=word(parent(path)),
        token=secrets.token_hex(4),
        umask=_REGULAR & ~mode,
        size=len(content),
        settle=_settling(wanted, mode, before),
    )
    cuts = host.cuts
    outcome = host.run(line, stdin=content)
    if outcome.ok and outcome.stdout.startswith(_ARRIVED):
        return True, parsed(path, outcome.stdout.removeprefix(_ARRIVED))
    if outcome.ok:
        found = parsed(path, outcome.stdout)
        # Where the connection broke under the first attempt, it may be ours that is there.
        return host.cuts > cuts and found.checksum == digest(content)[0], found
    if getattr(outcome, "status", None) == _NOTHING:
        return False, None
    said = complaint(outcome)
    if getattr(outcome, "status", None) == _NO_FOLDER and _DENIED not in said:
        raise no_folder(path)
    raise TaskError(f"cannot write {path}: {said}", hint=remedy(said))


def no_folder(path: str) -> TaskError:
    """Return the error that there is no folder for a file."""
    folder = parent(path)
    return TaskError(
        f"the directory {folder} does not exist",
        hint=f"create it first: file: {{path: {folder}, state: directory}}",
    )


def _settling(wanted: Attributes, mode: int, before: Remote | None) -> str:
    """Return the lines that give a part its owner, and its mode after that."""
    uid, gid = (before.uid, before.gid) if before is not None else (None, None)
    lines = [_owning("chown", "$o", "$u", wanted.owner, uid)]
    lines.append(_owning("chgrp", "$h", "$g", wanted.group, gid))
    # The folder may have its own idea of modes (default ACLs), and chown clears set-id bits.
    shown = f"{0o100000 | mode:x}"
    lines.append(f'case $c$s in {shown}/*) ;; *) chmod {mode:04o} -- "$q" || drop; seen ;; esac')
    return "c=; " + "\n".join(lines)


def _owning(tool: str, name: str, number: str, wanted: str | None, kept: int | None) -> str:
    """Return the line that gives a part the wanted owner, or may give it the one of before."""
    if wanted is not None:
        who = word_of(wanted)
        either = f'[ "{name}" = {who} ] || [ "{number}" = {who} ]'
        return f'{either} || {{ {tool} -- {who} "$q" || drop; c=1; }}'
    if kept is not None:
        return f'[ "{number}" = {kept} ] || {{ {tool} -- {kept} "$q" 2>/dev/null; c=1; }}'
    return ""


def place(host: OnHost, content: Content, target: str, mode: int) -> None:
    """Send content to a path of the host, whatever its size.

    A host that fences is sent it under another name: a transfer takes long, and whether the lock
    is still ours must be looked at by the very command that puts the file in its place.
    """
    if isinstance(content, HostFile):
        part = word(f"{target}.part")
        line = f"cp -- {word(content.path)} {part} && chmod {mode:04o} -- {part}"
        host.ask(f"{line} && mv -fT -- {part} {word(target)}", f"copy {content.path} to {target}")
        return
    if host.fenced is None:
        _send(host, content, target, mode)
        return
    arriving = f"{target}.arriving"
    _send(host, content, arriving, mode)
    host.ask(f"mv -f -- {word(arriving)} {word(target)}", f"put {target} in its place")


def _send(host: OnHost, content: bytes | Path, target: str, mode: int) -> None:
    context = host.context
    host.transport.put(
        content,
        PurePosixPath(target),
        mode=mode,
        timeout=host.left,
        become=context.become,
        progress=lambda done, total: context.progress(f"sending {target}", done, total),
    )
