"""The settings of TLS that a task's arguments ask for."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from raftfleet.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.modules.on_host import OnHost

__all__ = ["tls_of"]


def tls_of(host: OnHost, given: Mapping[str, Any]) -> ssl.SSLContext:
    """Return the settings of TLS; what the task names as files is read from the host."""
    with tempfile.TemporaryDirectory(prefix="raftfleet-") as folder:
        files = {
            name: _brought(host, given[name], Path(folder, name))
            for name in ("ca_path", "client_cert", "client_key")
            if given[name]
        }
        try:
            context = ssl.create_default_context(cafile=files.get("ca_path"))
            if given["ciphers"]:
                context.set_ciphers(":".join(map(str, given["ciphers"])))
            if "client_cert" in files:
                context.load_cert_chain(files["client_cert"], files.get("client_key"))
        except (OSError, ssl.SSLError) as error:
            raise TaskError(
                f"the certificates, the key or the ciphers cannot be used: {error}"
            ) from error
    if not given["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _brought(host: OnHost, path: str, here: Path) -> Path:
    where, become = PurePosixPath(host.path(path)), host.context.become
    host.transport.get(where, here, timeout=host.left, become=become)
    return here
