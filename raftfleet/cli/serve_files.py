"""The files that `raftfleet serve` goes by, read and checked together: at the start and on SIGHUP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from raftfleet.cli.catalogue import steps_of
from raftfleet.cli.session import Session
from raftfleet.cli.targets import no_nodes
from raftfleet.errors import SourceError, UsageError
from raftfleet.serve.address import Address, check_closed
from raftfleet.serve.config import Settings, read_settings
from raftfleet.serve.webconfig import WebConfig, read_web_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.cli.asked import Asked
    from raftfleet.cli.catalogue import Step
    from raftfleet.serve.config import Scheduled

__all__ = ["Files", "Wanted", "playbooks_of", "read_files", "read_web"]

_DEFAULT = Path("config/serve.yml")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says beside the inventory."""

    config: Path | None
    listen: str
    web_config: Path | None


@dataclass(frozen=True, slots=True)
class Files:
    """What all files said when they were read: schedules, the inventory, who may ask."""

    settings: Settings
    session: Session
    web: WebConfig

    def check(self) -> None:
        """Refuse an inventory without nodes, and schedules of what is no drill."""
        if not self.session.fleet.nodes:
            raise no_nodes(self.session.fleet.group)
        for one in self.settings.scheduled:
            playbooks_of(self.session, one)


def read_files(asked: Asked, wanted: Wanted, web: WebConfig) -> Files:
    """Read and check the other files; touches no host."""
    session = Session(replace(asked, keep=False))
    found = Files(_settings(wanted.config), session, web)
    found.check()
    return found


def read_web(wanted: Wanted) -> WebConfig:
    """Read who may ask; `UsageError` when the address is open to everybody and that is nobody."""
    web = read_web_config(wanted.web_config) if wanted.web_config else WebConfig()
    check_closed(Address.of(wanted.listen), web)
    return web


def _settings(path: Path | None) -> Settings:
    if path is not None and not path.is_file():
        raise UsageError(f"there is no file {path}", hint=f"--config names settings as {_DEFAULT}")
    if path is None and not _DEFAULT.is_file():
        return Settings()
    return read_settings(path or _DEFAULT)


def playbooks_of(session: Session, one: Scheduled) -> Sequence[Step]:
    """Return what a schedule runs; raise `SourceError` where it names what is no drill."""
    try:
        steps = steps_of(one.drills, one.rounds, clean=False)
        for step in steps:
            session.load(step.path)
    except SourceError:
        raise
    except UsageError as error:
        raise SourceError(error.message, one.mark, hint=error.hint) from None
    return steps
