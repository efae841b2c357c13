"""One simulated broker: its data directory, its groups, and the services on top, put together."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from .cache import Cache, Pusher
from .caller import Caller
from .core import LEADER
from .defects import CACHE_GAP, SNAPSHOT_IMPORTS_NOTHING
from .group import Group
from .liveness import Presence
from .machine import Machine
from .meta import GROUPS, MetaService
from .meters import GroupMeters
from .narrator import Narrator
from .snapshot_story import SnapshotStory
from .snapshots import SnapshotFiles
from .storage import WalFile
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .logbook import Logbook
    from .presets import Preset
    from .settings import Settings

__all__ = ["LockedError", "Node"]

MANAGER = "meta_service::raft::manager"


class LockedError(Exception):
    """Another process uses the data directory."""


class Node:
    """A broker from start to the moment it is asked to stop."""

    def __init__(
        self,
        settings: Settings,
        preset: Preset,
        book: Logbook,
        *,
        seed: str | None = None,
        defects: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings
        self.preset = preset
        self.defects = defects
        self.book = book
        self._directory = Path(settings.tree["data_path"], "_rocksdb")
        self._snapshots = Path(settings.tree["data_path"], "_snapshot")
        self._incarnation = self._open_directory()
        self._seed = seed
        self._tasks: set[asyncio.Task[None]] = set()
        self.started_at = int(time.time())
        own = settings.address or ""
        self.cache = Cache()
        self.caller = Caller(
            own,
            list(settings.meta_addrs.values()),
            preset,
            book,
            channels=settings.tree["runtime"]["channels_per_address"],
        )
        gap = CACHE_GAP in defects
        self.pusher = Pusher(self.cache, self.caller, book, refuses=gap)
        self.store = Store()
        if not gap:
            self.store.on_tenant = self.cache.follow
        self.groups: dict[str, Group] = {}
        self.meters = {name: GroupMeters() for name in GROUPS}
        runtime = settings.tree["meta_runtime"]
        self.presence = Presence(
            self.store,
            timeout=runtime["heartbeat_timeout_ms"] / 1000,
            period=runtime["heartbeat_check_time_ms"] / 1000,
            book=book,
        )
        self.meta = MetaService(
            self.groups,
            self.store,
            book=book,
            pusher=self.pusher,
            presence=self.presence,
            write_timeout=runtime["raft_write_timeout_sec"],
        )
        self.caller.handler = self.meta.dispatch

    @property
    def fresh(self) -> bool:
        """Whether this is the first life on its data directory."""
        return self._incarnation == 1

    def random(self, purpose: str) -> Random:
        """Return a source of draws; a seed makes each life of each node repeatable."""
        if self._seed is None:
            return Random()
        return Random(f"{self._seed}/{self.settings.node}/{self._incarnation}/{purpose}")

    def _open_directory(self) -> int:
        """Lock the data directory and count this life; raises `LockedError`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / "LOCK"
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            text = f"IO error: While lock file: {path}: Resource temporarily unavailable"
            raise LockedError(text) from error
        lives = int(os.pread(self._lock, 20, 0) or b"0") + 1
        os.pwrite(self._lock, str(lives).encode(), 0)
        return lives

    # -- Raft ------------------------------------------------------------------------------

    def open_groups(self) -> None:
        """Open the store of every group; a group that led goes on leading."""
        book = self.book
        book.info(MANAGER, "Initializing Multi-Raft: metadata=1, offset=1, data=1")
        for name in GROUPS:
            book.info("meta_service::raft::group", f"Creating raft shard: {name}")
            wal = WalFile(self._directory / f"{name}.wal")
            self._tell_initial_state(wal)
            story = SnapshotStory(book, name)
            machine = Machine(
                name,
                self.store,
                SnapshotFiles(self._snapshots, name),
                story,
                imports_nothing=SNAPSHOT_IMPORTS_NOTHING in self.defects,
            )
            machine.recover(wal.saved)
            self.groups[name] = Group(
                name,
                self.settings.node,
                self.preset,
                wal,
                random=self.random(name),
                links_to=self.caller.links_to,
                machine=machine,
                narrator=Narrator(book, self.settings.node, story),
                meters=self.meters[name],
            )
            role = self.groups[name].core.role
            if role != LEADER:
                text = f"startup done: id={self.settings.node} target_state: {role}"
                book.info("openraft::engine::engine_impl", text)
            book.info(MANAGER, f"[{name}] Raft node ready")
        book.info(MANAGER, "Multi-Raft initialized")

    def _tell_initial_state(self, wal: WalFile) -> None:
        saved = wal.saved
        applied = saved.log.position(saved.committed)
        self.book.info(
            "openraft::storage::helper",
            "get_initial_state",
            vote=saved.vote,
            last_purged_log_id=saved.log.purged,
            last_applied=applied,
            committed=applied,
            last_log_id=saved.log.last,
        )

    def stop_groups(self) -> None:
        """End Raft; nothing is handed over."""
        for group in self.groups.values():
            group.stop()

    # -- the rest --------------------------------------------------------------------------

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something for as long as the node lives."""
        self._tasks.add(task := asyncio.ensure_future(work))
        task.add_done_callback(self._tasks.discard)

    async def refresh_meters(self) -> None:
        """For ever: set the gauges, once per second as the broker does."""
        while True:
            for name, group in self.groups.items():
                self.meters[name].refresh(*group.indexes())
            await asyncio.sleep(1.0)
