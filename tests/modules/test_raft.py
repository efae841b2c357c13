"""Modules that act on the cluster pick nodes from one look, and do no more than is asked."""

from __future__ import annotations

from dataclasses import replace
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

    def __init__(
        self,
        down: tuple[str, ...] = (),
        missing: str | None = None,
        limit: tuple[str, ...] | None = None,
    ) -> None:
        self.limit = limit
        self.view = RaftView(
            nodes=("n1", "n2", "n3"),
            groups=GROUPS,
            leaders={"metadata_0": "n1", "offset_0": "n2"},
            down=down,
        )
        self.did: list[object] = []
        self.missing = missing
        self.system = SimpleNamespace(writes=("register", "create"))
        self.traffic: object = SimpleNamespace(budget=SimpleNamespace(room=100))
        self.acknowledged = 7

    def belonging_to_others(self, user: str) -> dict[str, str]:
        return {} if user == "root" else {"n2": "root"}

    def wipe(self, names: Sequence[str]) -> None:
        self.did.append(("wipe", *names))

    def look(self) -> RaftView:
        return self.view

    def start(self, names: Sequence[str], *, timeout: float | None) -> None:
        self.did.append(("start", *names, timeout))

    def stop(self, name: str, signal: str, grace: float) -> bool:
        self.did.append((name, signal, grace))
        return name != "n3"

    def launch(self, names: Sequence[str]) -> None:
        self.did.append(("launch", *names))

    def await_answers(self, names: Sequence[str], timeout: float | None) -> str | None:
        self.did.append(("answers", *names, timeout))
        return self.missing

    def await_converged(
        self, timeout: float | None, names: Sequence[str] | None = None
    ) -> str | None:
        self.did.append(("converged", timeout, names))
        return self.missing

    def await_leaders(self, timeout: float | None) -> str | None:
        self.did.append(("leaders", timeout))
        return self.missing

    def await_ready(self, timeout: float | None) -> str | None:
        self.did.append(("ready", timeout))
        return self.missing

    def burst(self, kind: str, count: int, names: Sequence[str]) -> int:
        self.did.append((kind, count, *names))
        return self.acknowledged

    def read_back(self, timeout: float | None) -> tuple[dict[str, int], str | None]:
        self.did.append(("read", timeout))
        return {"n1": 0, "n2": 3}, self.missing

    def heal(self, *, keep_data: bool) -> tuple[tuple[str, ...], int]:
        self.did.append(("heal", keep_data))
        return ("n2",), 1

    def await_failover(self, victim: str, timeout: float | None) -> str | None:
        self.did.append(("failover", victim, timeout))
        return self.missing

    def await_agreement(self, timeout: float | None) -> str | None:
        self.did.append(("agreement", timeout))
        return self.missing


def run(
    control: Scene, name: str, check: bool = False, become: str | None = None, **arguments: Any
) -> Result:
    module = raft_modules(lambda: cast("Control", control))[name]
    given = {key: spec.default for key, spec in module.arguments.items()} | arguments
    context = SimpleNamespace(check_mode=check, progress=lambda *_: None, become=become)
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


@pytest.mark.parametrize(
    ("name", "node", "spared"),
    [
        ("raft_stop", "leader", "n1"),
        ("raft_stop", "all", "n1"),
        ("raft_start", "down", "n3"),
        ("raft_wipe", ["n2", "n3"], "n3"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_no_node_outside_of_the_limit_is_changed(
    name: str, node: str | list[str], spared: str, check: bool
) -> None:
    control = Scene(down=("n3",), limit=("n2",))
    with pytest.raises(TaskError, match=f": {spared} would be changed, outside of --limit"):
        run(control, name, check=check, node=node)
    assert control.did == []


def test_gathering_leads_restarts_no_node_outside_of_the_limit() -> None:
    control = Scene(limit=("n3",))
    with pytest.raises(TaskError, match="n2 would be changed, outside of --limit"):
        run(control, "raft_gather")
    assert control.did == []


def test_what_the_limit_leaves_is_changed() -> None:
    control = Scene(down=("n3",), limit=("n2", "n3"))
    run(control, "raft_start", node="all")
    run(control, "raft_stop", node="n2")
    assert control.did == [("start", "n3", None), ("n2", "INT", 25.0)]


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


def test_kill_is_a_stop_with_sigkill() -> None:
    control = Scene()
    assert run(control, "raft_kill", node="leader").status is Status.CHANGED
    assert control.did == [("n1", "KILL", 10.0)]
    idle = Scene()
    assert run(idle, "raft_kill", node="leader", check=True).status is Status.CHANGED
    assert idle.did == []


@pytest.mark.parametrize(
    ("until", "did"),
    [
        ("ready", [("start", "n2", None)]),
        ("started", [("launch", "n2")]),
        ("answering", [("launch", "n2"), ("answers", "n2", None)]),
    ],
)
def test_start_waits_for_as_much_as_it_is_told(until: str, did: list[object]) -> None:
    control = Scene(down=("n2",))
    run(control, "raft_start", until=until)
    assert control.did == did


def test_a_node_that_never_answers_fails_its_start() -> None:
    with pytest.raises(TaskError, match="n2 did not answer"):
        run(Scene(down=("n2",), missing="n2 did not answer"), "raft_start", until="answering")


@pytest.mark.parametrize(
    ("wanted", "did"),
    [
        ({"for": "leader"}, ("leaders", None)),
        ({"for": "ready"}, ("ready", None)),
        ({"for": "converged"}, ("converged", None, None)),
        ({"for": "caught_up", "node": "n2"}, ("converged", None, ("n2",))),
    ],
)
def test_each_wait_asks_for_its_own(wanted: dict[str, Any], did: object) -> None:
    control = Scene()
    assert run(control, "raft_wait", **wanted).values["met"] is True
    assert control.did == [did]


def test_write_goes_through_all_that_are_up_and_says_how_much_was_acknowledged() -> None:
    control = Scene(down=("n2",))
    result = run(control, "raft_write", count=10)
    assert control.did == [("create", 10, "n1", "n3")]
    assert (result.status, result.values) == (Status.CHANGED, {"acknowledged": 7})


def test_write_is_failed_when_nothing_was_acknowledged() -> None:
    control = Scene()
    control.acknowledged = 0
    result = run(control, "raft_write", count=10, kind="register", node="n3")
    assert (result.status, result.values) == (Status.FAILED, {"acknowledged": 0})


def test_write_keeps_to_the_entry_budget_unless_told() -> None:
    control = Scene(down=("n2",))
    with pytest.raises(TaskError, match="of which 100 are left"):
        run(control, "raft_write", count=101)
    assert control.did == []
    run(control, "raft_write", count=101, exceed_budget=True)
    run(control, "raft_write", count=100)
    run(Scene(), "raft_write", count=101)
    assert len(control.did) == 2


@pytest.mark.parametrize("count", [0, -1])
def test_write_wants_a_count(count: int) -> None:
    with pytest.raises(TaskError, match="at least 1"):
        run(Scene(), "raft_write", count=count)


def test_read_back_says_what_is_lacking_and_does_not_fail() -> None:
    result = run(Scene(missing="n3 is behind"), "raft_read_back")
    assert result.status is Status.OK
    assert result.values == {"lacks": {"n1": 0, "n2": 3}, "at_rest": False}
    assert result.msg == "n3 is behind; n2 lacks 3"


def test_heal_says_what_it_started_and_could_not_remove() -> None:
    control = Scene()
    result = run(control, "raft_heal", keep_data=True)
    assert control.did == [("heal", True)]
    assert result.values == {"nodes": ["n2"], "left": 1}
    idle = Scene()
    run(idle, "raft_heal", check=True)
    assert idle.did == []


class Electing(Scene):
    """Controls of a cluster in which a stopped node's groups go where the test says."""

    def __init__(self, *elections: str) -> None:
        super().__init__()
        self.elections = list(elections)
        self.given_up = ""

    def stop(self, name: str, signal: str, grace: float) -> bool:
        super().stop(name, signal, grace)
        winner = self.elections.pop(0)
        leaders = {g: winner if n == name else n for g, n in self.view.leaders.items()}
        self.view = replace(self.view, leaders=leaders)
        return True

    def give_up(self, reason: str) -> None:
        self.given_up = reason


def test_gather_restarts_who_leads_the_fewest_until_one_leads_all() -> None:
    control = Electing("n1")
    result = run(control, "raft_gather", grace=9.0)
    assert result.values == {"met": True, "node": "n1", "nodes": ["n2"]}
    assert control.did[:5] == [
        ("n2", "INT", 9.0), ("failover", "n2", None), ("start", "n2", None),
        ("converged", None, None), ("agreement", None),
    ]  # fmt: skip
    assert (control.given_up, result.status) == ("", Status.CHANGED)
    idle = Electing()
    idle.view = control.view
    assert run(idle, "raft_gather").status is Status.OK
    assert idle.did == []


def test_gather_restarts_who_leads_the_most_when_the_fewest_went_to_nobody_better() -> None:
    control = Electing("n2", "n2")
    groups = {"a": "n3", "b": "n3", "c": "n1"}
    control.view = replace(control.view, groups=tuple(groups), leaders=groups)
    result = run(control, "raft_gather")
    assert result.values == {"met": True, "node": "n2", "nodes": ["n1", "n3"]}


def test_gather_gives_the_drill_up_when_no_node_comes_to_lead_all() -> None:
    control = Electing("n3", "n2")
    result = run(control, "raft_gather", tries=2)
    assert result.values["met"] is False
    assert control.given_up == ("no node leads every group: n2 leads metadata_0, n3 leads offset_0")
    looking = Electing()
    assert run(looking, "raft_gather", tries=0).values["met"] is False
    assert looking.did == []
    assert looking.given_up


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("name", sorted(raft_modules(lambda: cast("Control", Scene()))))
def test_a_task_that_becomes_another_than_the_nodes_are_is_refused(name: str, check: bool) -> None:
    scene = Electing("n3", "n1")
    with pytest.raises(TaskError, match=f"{name}: become makes db of this task, .*n2 is root") as e:
        run(scene, name, check, become="db", node="n1", count=1, **AGREEMENT)
    assert "ansible_become: true, ansible_become_user: db" in str(e.value)
    assert scene.did == []


@pytest.mark.parametrize("name", ["raft_start", "raft_stop", "raft_kill", "raft_wipe"])
def test_a_task_that_becomes_who_the_nodes_are_is_not_refused(name: str) -> None:
    scene = Scene(down=("n1",) if name == "raft_start" else ())
    run(scene, name, become="root", node="n1")
    assert scene.did
