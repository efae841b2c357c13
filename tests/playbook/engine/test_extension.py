"""Keys of a play that somebody else gives a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import Mark, SourceError, TaskError
from raftfleet.inventory import mark_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftfleet.playbook import PlayInfo
    from tests.playbook.conftest import Stage


class Drill:
    """Notes what it is told."""

    forbids = ("serial",)

    def __init__(self, *, runs: bool = True) -> None:
        self.seen: list[Any] = []
        self.plays: list[PlayInfo] = []
        self._runs = runs

    def parse(self, value: Any, mark: Mark | None) -> object:
        if not isinstance(value, dict):
            raise SourceError("drill: wants a mapping", mark)
        return {"id": str(value["id"]), "line": (mark_of(value) or mark or Mark("", 0, 0)).line}

    def wrap(self, parsed: Any, play: PlayInfo, proceed: Callable[[], None]) -> None:
        self.plays.append(play)
        self.seen.append(("before", parsed["id"]))
        if not self._runs:
            raise TaskError("the cluster is locked")
        proceed()
        self.seen.append(("after", parsed["id"]))


def test_it_is_wrapped_around_the_whole_play(stage: Stage) -> None:
    drill = Drill()
    ran = stage.run(
        """
        - hosts: "{{ group }}"
          name: Drill {{ group }}
          vars: {group: east, port: "7{{ inventory_hostname }}"}
          drill: {id: a}
          tasks: [{say: "{{ port }}"}]
        - {hosts: e1, tasks: [{say: next}]}
    """,
        extensions={"drill": drill},
        limit="e1:e2",
        check=True,
    )
    assert drill.seen == [("before", "a"), ("after", "a")]
    (play,) = drill.plays
    assert (play.name, play.pattern, play.check_mode) == ("Drill east", "east", True)
    assert [host.name for host in play.hosts] == ["e1", "e2"]
    assert [host.name for host in play.everyone] == ["e1", "e2", "e3"]
    assert play.variables("e3")["port"] == "7e3"
    assert ran.of("e1") == ["7e1", "next"]


def test_it_is_told_of_a_play_without_hosts(stage: Stage) -> None:
    drill = Drill()
    stage.run("- {hosts: nosuch, drill: {id: a}, tasks: [{say: x}]}", extensions={"drill": drill})
    assert drill.plays[0].hosts == ()
    assert drill.seen[-1] == ("after", "a")


def test_failed_tasks_do_not_keep_it_from_going_on(stage: Stage) -> None:
    drill = Drill()
    ran = stage.run("- {hosts: e1, drill: {id: a}, tasks: [{fail: }]}", extensions={"drill": drill})
    assert (drill.seen[-1], ran.exit_code) == (("after", "a"), 2)


def test_what_it_raises_ends_the_run(stage: Stage) -> None:
    with pytest.raises(TaskError, match="locked"):
        stage.run(
            "[{hosts: e1, drill: {id: a}, tasks: [{say: never}]}, {hosts: e1, tasks: [{say: never}]}]",
            extensions={"drill": Drill(runs=False)},
        )
    assert stage.trace == []


@pytest.mark.parametrize(
    ("play", "place", "message"),
    [
        ("- hosts: e1\n  drill: nonsense\n", "2:10", "drill: wants a mapping"),
        ("- hosts: e1\n  drill: {id: a}\n  serial: 1\n", "3:3", "serial: does not go with drill:"),
        ("- hosts: e1\n  dril: {id: a}\n", "2:3", "'dril' is not a keyword of a play"),
    ],
)
def test_what_is_wrong_with_it_is_said_before_anything_runs(
    stage: Stage, play: str, place: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        stage.run(play, extensions={"drill": Drill()})
    assert str(caught.value.mark).endswith(f"play.yml:{place}")


def test_without_it_the_key_is_unknown(stage: Stage) -> None:
    with pytest.raises(SourceError, match="'drill' is not a keyword of a play"):
        stage.run("- {hosts: e1, drill: {id: a}}")


def test_several_are_nested_in_the_order_of_their_table(stage: Stage) -> None:
    outer, inner = Drill(), Drill()
    outer.seen = inner.seen = []
    stage.run(
        "- {hosts: e1, inner: {id: i}, outer: {id: o}}", extensions={"outer": outer, "inner": inner}
    )
    assert outer.seen == [("before", "o"), ("before", "i"), ("after", "i"), ("after", "o")]
