"""`get_url`: a file on the host, downloaded."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from raftfleet.errors import TaskError
from raftfleet.modules.base import ATTRIBUTES, REFUSED_ATTRIBUTES, GenericModule, arguments
from raftfleet.modules.files.attributes import Attributes, settle
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.files.remote_file import Remote, look
from raftfleet.modules.files.safeguards import Safeguards
from raftfleet.modules.http.answers import values_of
from raftfleet.modules.http.checksum import require_checksum, wanted_checksum
from raftfleet.modules.http.downloading import file_name, since
from raftfleet.modules.http.exchange import Answer, NoAnswerError, bare_url
from raftfleet.modules.http.web import WEB_ARGUMENTS, Web
from raftfleet.modules.on_host import OnHost
from raftfleet.playbook.module import Argument, Result, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import ModuleContext

__all__ = ["GetUrl"]

_OK: Final = 200
_NOT_MODIFIED: Final = 304


class GetUrl(GenericModule):
    """Download a file from the host's place in the network, and make the host have it.

    Arguments: ``url`` (http or https, required), ``dest`` (path, required; a folder takes the file
    under its own name), ``checksum`` (ALGORITHM:DIGEST, or ALGORITHM:URL of a list of digests;
    md5, sha1, sha224, sha256, sha384, sha512), ``force`` (bool: download although ``dest`` is not
    out of date), ``backup`` (bool: keep a copy of what was), ``timeout`` (seconds for the
    connecting, and for each wait for data; 10), ``headers`` (mapping), ``unredirected_headers``
    (list of headers that are sent once), ``url_username`` (also ``username``), ``url_password``
    (also ``password``), ``force_basic_auth`` (bool: send them before they are asked for),
    ``validate_certs`` (bool, true), ``ca_path``, ``client_cert``, ``client_key`` (paths on the
    host, PEM), ``use_proxy`` (bool, true: those that the task's environment names),
    ``http_agent`` (text), ``decompress`` (bool, true), ``ciphers`` (list, of OpenSSL's names), ``mode``, ``owner``,
    ``group``. ``use_gssapi`` and ``use_netrc`` (bool) may only be false.
    Returns: dest, url, status_code, msg, elapsed (seconds), checksum_src, checksum_dest (SHA-1 of
    what came and of what was), backup_file, state, mode, owner, group, uid, gid, size. No password
    is returned.
    The host makes the connection, what it says is said here: the host needs no program for it,
    but its sshd has to allow forwarding, and what is downloaded passes through this machine.
    Check mode: predicts, and asks only for the headers. Diff: the text before and after.
    Idempotence: full with checksum, and then without a request; without one, the server is asked
    whether it has something newer. The file appears whole or not at all.
    """

    name = "get_url"
    arguments = arguments(
        dest=Argument("path", required=True),
        checksum=Argument(default=""),
        backup=Argument("bool", default=False),
        timeout=Argument("float", default=10),
        url_username=Argument(aliases=("username",)),
        url_password=Argument(aliases=("password",)),
        tmp_dest=Argument("path"),
        **WEB_ARGUMENTS,
        **ATTRIBUTES,
    )
    idle = frozenset({"unsafe_writes", "tmp_dest"})
    refused = MappingProxyType(
        {**REFUSED_ATTRIBUTES, "sha256sum": "checksum: sha256:DIGEST", "thirsty": "force"}
    )

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        """Download it unless it is there."""
        host = OnHost(context)
        began = context.clock.monotonic()
        try:
            result = _got(host, arguments)
        except TaskError as error:
            result = Result(Status.FAILED, str(error))
        values = {
            "url": bare_url(arguments["url"]),
            "dest": arguments["dest"],
            "elapsed": round(context.clock.monotonic() - began),
            "checksum_src": None,
            "checksum_dest": None,
            **result.values,
        }
        return Result(result.status, result.msg, values, diff=result.diff)


def _got(host: OnHost, arguments: Mapping[str, Any]) -> Result:
    dest = host.path(arguments["dest"])
    web = Web(host, arguments)
    algorithm, digest = wanted_checksum(web, arguments)
    there = look(host, dest, follow=True, checksum=algorithm or "sha1")
    if dest.endswith("/") and there is None:
        raise TaskError(f"{dest} is no directory", hint=f"file: {{path: {dest}, state: directory}}")
    old = there if there is not None and there.is_file else None
    if old and digest and not arguments["force"] and old.checksum == digest:
        return _settled(host, old, arguments)
    fresh = arguments["force"] or (old is not None and digest)
    headers = {} if fresh else since(old)
    method = "HEAD" if host.context.check_mode else "GET"
    with tempfile.TemporaryDirectory(prefix="raftfleet-") as folder:
        here = Path(folder, "download")
        try:
            with web.ask(method, headers) as answer:
                said = values_of(answer, web.cookies)
                values = {"dest": dest, "status_code": answer.status}
                if answer.status == _NOT_MODIFIED and old is not None:
                    return _settled(host, old, arguments, values)
                if answer.status != _OK:
                    return Result(
                        Status.FAILED, "Request failed", values | {"response": said["msg"]}
                    )
                if host.context.check_mode:
                    return Result(Status.CHANGED, said["msg"], values)
                _save(answer, here, decompress=arguments["decompress"])
        except NoAnswerError as error:
            raise TaskError(f"Request failed: {error}") from error
        require_checksum(here, algorithm, digest)
        return _put(host, here, answer, arguments, values | {"msg": said["msg"]})


def _settled(
    host: OnHost,
    old: Remote,
    arguments: Mapping[str, Any],
    values: Mapping[str, Any] | None = None,
) -> Result:
    """Return that the file is there, mode and owner made as wanted."""
    changed, after = settle(host, old, Attributes.of(arguments))
    more = {"dest": old.path, **(values or {}), **after.values()}
    return Result(Status.CHANGED if changed else Status.OK, "file already exists", more)


def _put(
    host: OnHost,
    here: Path,
    answer: Answer,
    arguments: Mapping[str, Any],
    values: dict[str, Any],
) -> Result:
    dest = host.path(arguments["dest"])
    name = file_name(answer)
    before = look(host, dest, follow=True, checksum="sha1")
    if before is not None and before.is_directory:
        before = look(host, f"{dest.rstrip('/')}/{name}", follow=True, checksum="sha1")
    done = deliver(
        host,
        here,
        dest,
        Attributes.of(arguments),
        name=name,
        safeguards=Safeguards(arguments["backup"]),
    )
    more = dict(done.values)
    values |= {
        "checksum_src": more.pop("checksum"),
        "checksum_dest": before.checksum if before is not None else None,
    }
    return Result(done.status, values.pop("msg"), values | more, diff=done.diff)


def _save(answer: Answer, here: Path, *, decompress: bool) -> None:
    with here.open("wb") as file:
        for piece in answer.pieces():
            file.write(piece)
    if decompress and answer.headers.get("Content-Encoding", "").lower() == "gzip":
        packed = here.rename(here.with_suffix(".gz"))
        with gzip.open(packed) as source, here.open("wb") as file:
            shutil.copyfileobj(source, file)
