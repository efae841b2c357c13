"""The state machine of one group: applies its log to the node's store, and keeps its snapshots."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .snapshots import KEPT, pack, snapshot_name, unpack
from .values import Snapshot

if TYPE_CHECKING:
    from .log import Log
    from .messages import SnapshotRequest
    from .snapshot_story import SnapshotStory
    from .snapshots import SnapshotFiles
    from .storage import Saved
    from .store import Store
    from .values import Json

__all__ = ["Machine"]


class Machine:
    """What a group's log has built here.

    With ``imports_nothing`` a snapshot that arrives is taken for installed although the store keeps
    what it had: the broker's defect.
    """

    def __init__(
        self,
        group: str,
        store: Store,
        files: SnapshotFiles,
        story: SnapshotStory,
        *,
        imports_nothing: bool = False,
    ) -> None:
        self._group = group
        self._store = store
        self._files = files
        self._imports_nothing = imports_nothing
        self.story = story

    def apply(self, command: Json) -> Json:
        """Apply a command; return what its writer is told."""
        return self._store.apply(command)

    def recover(self, saved: Saved) -> None:
        """Load the snapshot with which a restart begins; raises OSError where it is gone."""
        if saved.snapshot:
            self._store.restore(unpack(self._files.load(saved.snapshot)))
        else:
            self.story.none_found()

    def build(self, log: Log, applied: int) -> Snapshot | None:
        """Make a snapshot of everything applied; None where nothing was."""
        last = log.position(applied)
        if last is None:
            return None
        at, membership = log.membership_at(applied)
        snapshot = Snapshot(snapshot_name(self._group, time.time_ns()), last, at, membership)
        self.story.building(snapshot.name)
        self._save(snapshot, pack(self._store.dump(self._group)))
        self.story.built(snapshot)
        return snapshot

    def contents(self, snapshot: Snapshot) -> bytes:
        """Return a snapshot of this node's as another node needs it."""
        return self._files.load(snapshot)

    def keep(self, request: SnapshotRequest, data: bytes) -> None:
        """Make a snapshot that arrived safe, before the log relies on it."""
        if self._imports_nothing:
            data = pack(self._store.dump(self._group))
        self._save(request.snapshot, data)

    def install(self, request: SnapshotRequest, data: bytes) -> None:
        """Let the snapshot replace what the group has built here."""
        self.story.installing(request.snapshot)
        records = 0 if self._imports_nothing else self._store.restore(unpack(data))
        self.story.installed(request.snapshot, records)

    def _save(self, snapshot: Snapshot, data: bytes) -> None:
        old = self._files.save(snapshot, data)
        self.story.cleaned(old, KEPT)
        for path in old:
            path.unlink(missing_ok=True)
