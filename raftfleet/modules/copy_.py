"""`copy`: make a file or folder on the host have given content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError
from raftfleet.modules.base import (
    ATTRIBUTES,
    REFUSED_ATTRIBUTES,
    GenericModule,
    arguments,
    exactly_one,
)
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.contents import Content, HostFile, refuse_encrypted
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.files.remote_file import look
from raftfleet.modules.files.safeguards import SAFEGUARDS, Safeguards
from raftfleet.modules.files.tree import copy_tree, tree_here, tree_there
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["Copy"]


class Copy(GenericModule):
    """Make a file or folder on the host have given content.

    Arguments: ``src`` (path of a file or folder here, looked up in ``files``, or with
    ``remote_src`` (bool) on the host; with a slash at the end a folder's content) or ``content``
    (text; a mapping or list becomes JSON), ``dest`` (path, required; a folder, or one to be made
    when it ends with a slash, takes the file under its own name), ``mode`` (also "preserve"),
    ``directory_mode`` (for new folders), ``owner``, ``group``, ``force`` (bool, true: replace what
    differs), ``backup`` (bool: keep a copy of what was), ``validate`` (command with %s, which must
    accept the new file), ``follow`` (bool: a link at ``dest`` stays one, what it leads to is
    written), ``local_follow`` (bool, true: links in a folder here are followed, else copied as
    links), ``checksum`` (SHA-1 that ``src`` must have), ``decrypt`` (bool, true: refuse what
    ansible-vault has encrypted; else it is copied as it is).
    Returns: dest, checksum (SHA-1), state, mode, owner, group, uid, gid, size; src, backup_file.
    For a folder: dest, src, and ``files`` (number).
    Check mode: predicts. Diff: the text before and after. Idempotence: full, by digest; what is
    there already is not sent. A file appears whole or not at all.
    """

    name = "copy"
    arguments = arguments(
        src=Argument("path"),
        content=Argument("raw"),
        dest=Argument("path", required=True),
        remote_src=Argument("bool", default=False),
        force=Argument("bool", default=True),
        follow=Argument("bool", default=False),
        local_follow=Argument("bool", default=True),
        checksum=Argument(),
        directory_mode=Argument("mode"),
        decrypt=Argument("bool", default=True),
        **SAFEGUARDS,
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes"})
    refused = REFUSED_ATTRIBUTES
    exclusive = (("src", "content"),)
    one_of = (("src", "content"),)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Copy it."""
        host = OnHost(context)
        Safeguards.of(arguments)
        if exactly_one(arguments, "src", "content") == "content":
            if arguments["remote_src"]:
                raise TaskError("content and remote_src exclude each other")
            kept = arguments["mode"] == "preserve"  # of content that is nobody else's to read
            given = {**arguments, "mode": "0600"} if kept else arguments
            return _delivered(host, _bytes(arguments["content"]), None, given)
        return (
            _from_host(host, arguments) if arguments["remote_src"] else _from_here(host, arguments)
        )


def _from_here(host: OnHost, arguments: Mapping[str, Any]) -> Result:
    source = host.context.find("files", arguments["src"])
    if source.is_dir():
        tree = tree_here(source, follow=arguments["local_follow"])
        for content in tree.files.values():
            refuse_encrypted(content, decrypt=arguments["decrypt"])
        return copy_tree(host, tree, arguments)
    refuse_encrypted(source, decrypt=arguments["decrypt"])
    wanted = {**arguments, **_mode_of(Attributes.of(arguments).like(source))}
    return _noted(_delivered(host, source, source.name, wanted), str(source))


def _from_host(host: OnHost, arguments: Mapping[str, Any]) -> Result:
    path = host.path(arguments["src"])
    found = look(host, path, follow=True, checksum="sha1")
    if found is None:
        raise TaskError(f"Source {path} not found", hint="remote_src: true looks on the host")
    if found.is_directory:
        return copy_tree(host, tree_there(host, path), arguments)
    if found.checksum is None:
        raise TaskError(f"{path} is no file that can be read")
    content = HostFile(path, found.checksum, found.size)
    wanted = {**arguments, **_mode_of(Attributes.of(arguments).as_of(found))}
    return _noted(_delivered(host, content, path.rpartition("/")[2], wanted), path)


def _mode_of(wanted: Attributes) -> dict[str, Any]:
    return {"mode": wanted.mode}


def _noted(result: Result, source: str) -> Result:
    return Result(result.status, values={**result.values, "src": source}, diff=result.diff)


def _delivered(
    host: OnHost, content: Content, name: str | None, arguments: Mapping[str, Any]
) -> Result:
    return deliver(
        host,
        content,
        arguments["dest"],
        Attributes.of(arguments),
        name=name,
        force=arguments["force"],
        follow=arguments["follow"],
        directory_mode=arguments["directory_mode"],
        safeguards=Safeguards.of(arguments),
        checksum=arguments["checksum"],
    )


def _bytes(content: Any) -> bytes:
    if isinstance(content, (dict, list)):
        return json.dumps(content).encode()
    return str(content).encode("utf-8", "surrogateescape")
