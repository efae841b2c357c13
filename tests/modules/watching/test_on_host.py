"""What a host watches for by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import TaskError
from raftfleet.modules.on_host import OnHost
from raftfleet.modules.watching.on_host import Watch, watch_content, watch_path
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from pathlib import Path

    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


def status(outcome: object) -> int:
    assert isinstance(outcome, Exited)
    return outcome.status


def test_content_is_told_again_only_when_it_has_changed(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    host, watch = OnHost(bench.context), watch_content(str(path), longest=1)
    first = watch.run(host, 0.1)
    signature, _, text = first.stdout.decode().partition("\n")
    assert text == "one\n"
    assert status(watch.run(host, 0.1, signature)) == 3
    path.write_text("two\n")
    assert watch.run(host, 0.1, signature).stdout.endswith(b"\ntwo\n")
    path.unlink()
    assert watch.run(host, 0.1, signature).stdout == b"none\n"
    assert status(watch.run(host, 0.1, "none")) == 3


def test_only_the_end_of_a_large_file_is_told(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"start " + b"x" * 4_000_000 + b" end")
    said = watch_content(str(path), longest=1).run(OnHost(bench.context), 0.1).stdout
    assert said.endswith(b" end")
    assert b"start" not in said


def test_what_holds_at_once_takes_no_time_and_what_does_not_is_status_3(
    bench: Bench, tmp_path: Path
) -> None:
    host = OnHost(bench.context)
    assert status(watch_path(str(tmp_path), absent=False, longest=1).run(host, 0)) == 0
    assert status(watch_path(str(tmp_path), absent=True, longest=1).run(host, 0)) == 3


def test_a_host_that_cannot_look_is_a_failure_and_not_a_no(bench: Bench) -> None:
    broken = Watch("echo this host is broken >&2; exit 9", 1)
    with pytest.raises(TaskError, match="this host is broken"):
        broken.run(OnHost(bench.context), 0.1)


@pytest.mark.parametrize(
    ("longest", "pauses"),
    [(1, "0.05 0.1 0.2 0.5 1"), (0.15, "0.05 0.1 0.15"), (60, "0.05 0.1 0.2 0.5 1")],
)
def test_pauses_grow_up_to_the_longest(
    faked: Bench, fake: FakeTransport, longest: float, pauses: str
) -> None:
    fake.on("*")
    watch_path("/x", absent=False, longest=longest).run(OnHost(faked.context), 1)
    assert f"set -- {pauses}\n" in fake.lines()[-1]
