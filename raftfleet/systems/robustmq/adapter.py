"""The adapter: what raftfleet's protocol asks, answered for RobustMQ's meta service."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.systems.log_rules import load_log_rules
from raftfleet.transport.protocol import Command

from . import logs
from .admin import Admin
from .binary import PROGRAM, SIMULATOR, artifacts_of, release_version
from .collisions import check_cluster
from .host import host_command, problems_of
from .render import SERVER, files_of
from .settings import settings_of
from .status import read_status
from .stored import delete_register, read_registers, set_register, stored_tenants
from .timing import era_name, exit_rules_of, timing_of
from .variables import check_certificates, home_of, read_variables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import PurePosixPath

    from raftfleet.journal.log_rules import LogRule
    from raftfleet.journal.values import GroupStatus, Port, Timing
    from raftfleet.systems.protocol import (
        Access,
        Artifact,
        ExitRules,
        Node,
        Problem,
        WriteOutcome,
    )

__all__ = ["RobustMQ"]

_PRESET = "RAFTFLEET_SIMULATOR_PRESET"
_DEFECTS = "RAFTFLEET_SIMULATOR_DEFECTS"


class RobustMQ:
    """RobustMQ's meta service: three openraft groups in each node.

    It holds no state but the tokens of the admin APIs: every answer follows from the nodes it is
    given.
    """

    name = "robustmq"
    groups: tuple[str, ...] = ("metadata_0", "offset_0", "data_0")
    writes: tuple[str, ...] = ("register", "create")
    reads = frozenset({"listing", "peers"})
    log_keeps: int | None = 1000

    def __init__(self) -> None:
        self._admins: dict[Access, Admin] = {}
        self._lock = threading.Lock()

    def admin(self, at: Access) -> Admin:
        """Return a node's admin API; the same for the same access, so that it logs in once."""
        with self._lock:
            if at not in self._admins:
                user, password = settings_of(at.node).credentials
                self._admins[at] = Admin(at, user, password)
            return self._admins[at]

    def home(self, name: str, variables: Mapping[str, object]) -> PurePosixPath:
        """Return `robustmq_home`."""
        return home_of(name, variables)

    def check(self, nodes: Sequence[Node]) -> None:
        """Refuse what cannot work, before any host is touched."""
        for node in nodes:
            home_of(node.name, node.variables)
            check_certificates(node)
            timing_of(node)
        check_cluster(nodes)

    def host_check(self, node: Node) -> Command:
        """The command that reads ports, directories, room and architecture of the node's host."""
        return host_command(settings_of(node), PROGRAM)

    def judge_host(self, node: Node, output: str, *, running: bool = False) -> Sequence[Problem]:
        """Return what stands in the way; the program is looked at when the inventory names one."""
        settings = settings_of(node)
        named = settings.variables.binary or settings.variables.release
        program = self.artifacts(node)[0] if named else None
        return problems_of(settings, output, program, running=running)

    def artifacts(self, node: Node) -> Sequence[Artifact]:
        """The program, from a bare binary, a release tarball, or the bundled simulator."""
        return artifacts_of(read_variables(node.name, node.variables))

    def timing(self, node: Node) -> Timing | None:
        """What `robustmq_era` and `robustmq_timing` promise; None when neither is set."""
        return timing_of(node)

    def ports(self, node: Node) -> Sequence[Port]:
        """Every port of the node's roles; ``grpc`` and ``http`` are those that answer questions."""
        return [port for _, port in settings_of(node).ports()]

    def files(self, node: Node, nodes: Sequence[Node]) -> Mapping[PurePosixPath, str]:
        """server.toml, logger.toml and version.ini."""
        settings = settings_of(node, nodes)
        variables = settings.variables
        version = variables.version or release_version(Path(variables.release).name)
        return files_of(settings, version)

    def start(self, node: Node) -> Command:
        """The broker in the foreground, in its home: every relative path counts from there."""
        variables = read_variables(node.name, node.variables)
        preset = {_PRESET: era_name(variables)} if variables.binary == SIMULATOR else {}
        if preset and variables.simulator_defects:
            preset[_DEFECTS] = ",".join(variables.simulator_defects)
        given = {str(name): str(value) for name, value in variables.environment.items()}
        return Command(f"exec ./{PROGRAM} -c {SERVER}", env=preset | given, cwd=node.home)

    def log_files(self, node: Node) -> Sequence[str]:
        """The rolling file that holds everything; a new one begins at midnight UTC.

        Panics and errors before logging has begun come on standard error and stand in no file.
        """
        path = settings_of(node).log_path
        shown = path.relative_to(node.home) if path.is_relative_to(node.home) else path
        return (f"{shown}/server.*.log",)

    def directories(self, node: Node) -> Sequence[PurePosixPath]:
        """The install root and the data directories."""
        return (node.home, *self.data_paths(node))

    def data_paths(self, node: Node) -> Sequence[PurePosixPath]:
        """Raft's store and the storage engine's directories."""
        return settings_of(node).data_paths

    def exit_rules(self, node: Node) -> ExitRules:
        """The era's bound and watchdog, unless `robustmq_exit_bound` or `robustmq_watchdog` is set."""
        return exit_rules_of(node)

    def log_rules(self) -> Sequence[LogRule]:
        """`config/logs/robustmq.yml`."""
        return load_log_rules(self.name)

    def status(self, at: Access, *, timeout: float) -> Mapping[str, GroupStatus]:
        """The node's own view: gRPC-web, or what is left of it when that does not answer."""
        return read_status(at, self.admin(at), timeout=timeout)

    def write(self, at: Access, kind: str, key: str, value: str, *, timeout: float) -> WriteOutcome:
        """Set a register at a node that leads, or create a tenant, which any node hands on."""
        if kind == "create":
            return self.admin(at).create_tenant(key, timeout=timeout)
        return set_register(at, key, value, timeout=timeout)

    def remove(self, at: Access, kind: str, key: str, *, timeout: float) -> WriteOutcome:
        """Delete a register at a node that leads, or a tenant."""
        if kind == "create":
            return self.admin(at).delete_tenant(key, timeout=timeout)
        return delete_register(at, key, timeout=timeout)

    def read(self, at: Access, keys: Sequence[str], *, timeout: float) -> Mapping[str, str | None]:
        """Read registers from the node's own store."""
        return read_registers(at, keys, timeout=timeout)

    def store(self, at: Access, prefix: str, *, timeout: float) -> Sequence[str]:
        """Return the tenants in the node's own store that begin so."""
        return stored_tenants(at, prefix, timeout=timeout)

    def listing(self, at: Access, prefix: str, *, timeout: float) -> Sequence[str]:
        """Return the tenants that the node's admin API lists, from its cache."""
        listed = self.admin(at).tenants(containing=prefix, timeout=timeout)
        return [one.tenant_name for one in listed if one.tenant_name.startswith(prefix)]

    def peers(self, at: Access, *, timeout: float) -> Sequence[str]:
        """Return the ids in the node's own broker list."""
        return [str(one.node_id) for one in self.admin(at).info(timeout=timeout).broker_node_list]

    def parse_log(self, text: bytes) -> Sequence[tuple[float, str, str, str]]:
        """Return (Unix time, level, target, message) of each record."""
        return logs.parse_log(text)

    def redact(self, text: bytes) -> bytes:
        """Mask passwords, the token secret and tokens of language models."""
        return logs.redact(text)
