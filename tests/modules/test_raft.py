"""Modules that act on the cluster pick nodes from one look, and do no more than is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from raftfleet.cluster import RaftView
from raftfleet.errors import TaskError
from raftfleet.modules.raft import raft_modules
from raftfleet.playbook.module import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raftfleet.cluster import Control
    from raftfleet.playbook.module import ModuleContext, Result

FAILOVER: dict[str, Any] = {"for": "failover", "node": "n1", "timeout": 2.0}
AGREEMENT: dict[str, Any] = {"for": "agreement"}
GROUPS = ("metadata_0", "offset_0")


class Scene:
    """Controls that write down what they are asked to do."""

    def __init__(self, down: tuple[str, ...] = (), missing: str | None = None) -> None:
        self.view = RaftView(
            nodes=("n1", "n2", "n3"),
            groups=GROUPS,
            leaders={"metadata_0": "n1", "offset_0": "n2"},
            down=down,
        )
        self.did: list[object] = []
        self.missing = missing

    def wipe(self, names: Sequence[str]) -> None:
        self.did.append(("wipe", *names))

    def look(self) -> RaftView:
        return self.view

    def start(self, names: Sequence[str], *, timeout: float | None) -> None:
        self.did.append(("start", *names, timeout))

    def stop(self, name: str, signal: str, grace: float) -> bool:
        self.did.append((name, signal, grace))
        return name != "n3"

    def await_failover(self, victim: str, timeout: float | None) -> str | None:
        self.did.append(("failover", victim, timeout))
        return self.missing

    def await_agreement(self, timeout: float | None) -> str | None:
        self.did.append(("agreement", timeout))
        return self.missing


def run(control: Scene, name: str, check: bool = False, **arguments: Any) -> Result:
    module = raft_modules(lambda: cast("Control", control))[name]
    given = {key: spec.default for key, spec in module.arguments.items()} | arguments
    context = SimpleNamespace(check_mode=check, progress=lambda *_: None)
    return module.run(given, cast("ModuleContext", context))


def test_start_leaves_alone_what_is_up() -> None:
    control = Scene(down=("n2",))
    result = run(control, "raft_start", node="all")
    assert control.did == [("start", "n2", None)]
    assert result.status is Status.CHANGED
    idle = Scene()
    assert run(idle, "raft_start", node="all").status is Status.OK
    assert idle.did == []


def test_stop_takes_leaders_last_and_skips_what_is_down() -> None:
    control = Scene(down=("n3",))
    result = run(control, "raft_stop", node="all", signal="TERM", grace=5.0)
    assert control.did == [("n2", "TERM", 5.0), ("n1", "TERM", 5.0)]
    assert result.values == {
        "node": "n2",
        "nodes": ["n2", "n1"],
        "groups": ["offset_0"],
        "exited": True,
    }


def test_a_node_that_does_not_exit_is_a_finding_and_not_a_failure() -> None:
    result = run(Scene(), "raft_stop", node="n3")
    assert result.status is Status.CHANGED
    assert result.values["exited"] is False


@pytest.mark.parametrize(
    ("name", "node"), [("raft_stop", "leader"), ("raft_start", "down"), ("raft_wipe", "n1")]
)
def test_check_mode_touches_nothing_and_says_what_would_change(name: str, node: str) -> None:
    control = Scene(down=("n3",))
    assert run(control, name, node=node, check=True).status is Status.CHANGED
    assert control.did == []


def test_a_wait_that_expires_is_a_sample_and_not_a_failure() -> None:
    control = Scene(missing="nobody leads metadata_0")
    result = run(control, "raft_wait", False, **FAILOVER)
    assert control.did == [("failover", "n1", 2.0)]
    assert result.status is Status.OK
    assert result.values == {"met": False, "last_seen": "nobody leads metadata_0"}
    assert "nobody leads metadata_0" in result.msg


def test_a_wait_that_is_met_says_nothing() -> None:
    result = run(Scene(), "raft_wait", False, **AGREEMENT)
    assert result.values == {"met": True, "last_seen": ""}
    assert result.msg == ""


def test_status_hands_out_the_picture() -> None:
    values = run(Scene(down=("n3",)), "raft_status").values
    assert values["leader"] == "n1"
    assert values["down"] == ["n3"]
    assert values["leaders"] == {"metadata_0": "n1", "offset_0": "n2"}


def test_a_node_nobody_knows_is_refused() -> None:
    control = Scene()
    with pytest.raises(TaskError, match="n9"):
        run(control, "raft_stop", node="n9")
    assert control.did == []
