"""Log lines look like the real broker's, byte for byte, and go where the logger file says."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from raftfleet.simulator.logbook import Logbook, Output

if TYPE_CHECKING:
    from pathlib import Path

STAMP = r"\x1b\[2m\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\x1b\[0m"
# what follows the stamp in lines of the real broker
FIELDS = (
    " \x1b[32m INFO\x1b[0m \x1b[2mopenraft::storage::helper\x1b[0m\x1b[2m:\x1b[0m get_initial_state"
    " \x1b[3mvote\x1b[0m\x1b[2m=\x1b[0mT0-N0:uncommitted"
    " \x1b[3mlast_log_id\x1b[0m\x1b[2m=\x1b[0mNone\n"
)
ERROR = (
    " \x1b[31mERROR\x1b[0m \x1b[2mbroker_server::daemon\x1b[0m\x1b[2m:\x1b[0m"
    " nats stop signal, error message:channel closed\n"
)
SPAN = (
    " \x1b[32m INFO\x1b[0m \x1b[1mchange_membership\x1b[0m\x1b[2m:\x1b[0m"
    " \x1b[2mopenraft::raft::impl_raft_blocking_write\x1b[0m\x1b[2m:\x1b[0m res of second step\n"
)
PARSED = re.compile(
    r"^(\S+Z) +(TRACE|DEBUG|INFO|WARN|ERROR) (?:(.*?): )??"
    r"([a-z_][a-z0-9_]*(?:::[a-z_0-9]+)*): (.*)$"
)


@pytest.fixture
def section(tmp_path: Path) -> dict[str, object]:
    return {
        "kind": "rolling_file",
        "directory": str(tmp_path / "logs"),
        "prefix": "server",
        "targets": [{"path": "", "level": "info"}, {"path": "openraft::engine", "level": "off"}],
    }


def written(folder: Path, prefix: str = "server") -> str:
    (path,) = (folder / "logs").glob(f"{prefix}.????-??-??.log")
    return path.read_text()


def test_lines_are_the_real_ones(tmp_path: Path, section: dict[str, object]) -> None:
    book = Logbook([Output.read(section)])
    target = "openraft::storage::helper"
    book.info(target, "get_initial_state", vote="T0-N0:uncommitted", last_log_id=None)
    book.error("broker_server::daemon", "nats stop signal, error message:channel closed")
    book.info_in(
        "change_membership", "openraft::raft::impl_raft_blocking_write", "res of second step"
    )
    text = written(tmp_path)
    assert re.split(STAMP, text) == ["", FIELDS, ERROR, SPAN]


def test_lines_can_be_parsed_without_their_colours(
    tmp_path: Path, section: dict[str, object]
) -> None:
    book = Logbook([Output.read(section)])
    book.warn("openraft::replication", "error replication to target=3", error="timeout: 1: 2")
    line = re.sub(r"\x1b\[[0-9;]*m", "", written(tmp_path))
    found = PARSED.match(line)
    assert found
    assert found.groups()[1:] == (
        "WARN",
        None,
        "openraft::replication",
        "error replication to target=3 error=timeout: 1: 2",
    )


def test_the_longest_path_decides(tmp_path: Path, section: dict[str, object]) -> None:
    output = Output.read(section)
    book = Logbook([output])
    book.error("openraft::engine::engine_impl", "not wanted")
    book.info("openraft::engineering", "another target")
    assert "not wanted" not in written(tmp_path)
    assert "another target" in written(tmp_path)
    only = Output({"meta_service": "warn"})
    assert only.wants("ERROR", "meta_service::raft::group")
    assert not only.wants("INFO", "meta_service::raft::group")
    assert not only.wants("ERROR", "meta_services")


def test_a_restart_appends(tmp_path: Path, section: dict[str, object]) -> None:
    for life in ("first", "second"):
        Logbook([Output.read(section)]).info("a", life)
    assert written(tmp_path).count("\n") == 2


def test_a_log_that_cannot_be_written_stops_nothing(section: dict[str, object]) -> None:
    section["directory"] = "/proc/no/such"
    Logbook([Output.read(section)]).info("a", "lost")


def test_the_console_is_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    Logbook([Output.read({"kind": "console", "targets": [{"path": "", "level": "warn"}]})]).warn(
        "a::b", "seen"
    )
    assert capfd.readouterr().out.endswith(f"a::b\x1b[0m\x1b[2m:\x1b[0m seen{os.linesep}")
