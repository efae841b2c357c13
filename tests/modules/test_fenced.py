"""Files that are brought to a node's host arrive only while the cluster lock is ours there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from raftfleet.clock import SystemClock
from raftfleet.cluster.fence import Fence
from raftfleet.cluster.holder import Holder
from raftfleet.cluster.lock import ClusterLock
from raftfleet.cluster.remote import Place
from raftfleet.errors import TaskError
from raftfleet.journal import Recorder
from raftfleet.modules.files.attributes import Attributes
from raftfleet.modules.files.delivery import deliver
from raftfleet.modules.on_host import OnHost
from raftfleet.testing.system import toy_node

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench


def test_a_file_takes_its_place_only_behind_the_fence(bench: Bench, tmp_path: Path) -> None:
    fence = Fence()
    root = tmp_path / "records"
    place = Place(toy_node("n1", 1, tmp_path, 1), "c", bench.transport, root=str(root), fence=fence)
    lock = ClusterLock(
        [place],
        fence,
        Holder.ourselves("run", time.time()),
        Recorder(None, SystemClock()),
        SystemClock(),
    )
    target = tmp_path / "node.conf"
    target.write_text("old\n")

    def bring() -> None:
        host = OnHost(bench.context, fenced=place.fenced)
        deliver(host, b"new\n", str(target), Attributes(mode="0600"))

    lock.acquire()
    bring()
    assert target.read_text() == "new\n"
    assert target.stat().st_mode & 0o777 == 0o600
    lock.release()
    target.write_text("old\n")
    fence.open()  # as a controller that slept and knows nothing of its loss
    with pytest.raises(TaskError, match="the cluster lock on this host is not held by anybody"):
        bring()
    assert target.read_text() == "old\n"
