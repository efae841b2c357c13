"""What a module asks of its host is repeated, resumed or given up, by what it does there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import UnreachableError
from raftfleet.modules.on_host import OnHost
from raftfleet.transport import Exited

if TYPE_CHECKING:
    from raftfleet.testing.transport import FakeTransport
    from tests.modules.conftest import Bench


@pytest.fixture
def host(faked: Bench, fake: FakeTransport) -> OnHost:
    fake.on("*", Exited(status=0, stdout=b"said"))
    return OnHost(faked.context)


def asked(fake: FakeTransport) -> list[bool]:
    """Whether each command that was asked for is resumable."""
    return [call.command.resumable for call in fake.calls if call.command]


def test_what_only_looks_is_asked_again(host: OnHost, fake: FakeTransport) -> None:
    fake.lose()
    assert host.run("ls").out == "said"
    assert asked(fake) == [False, False]


def test_what_must_work_is_done_once_and_its_outcome_found_out(
    host: OnHost, fake: FakeTransport
) -> None:
    assert host.ask("mkdir x", "make x") == b"said"
    fake.lose("gone")
    with pytest.raises(UnreachableError, match="gone"):
        host.ask("mkdir y", "make y")
    assert asked(fake) == [True, True]


def test_somebody_elses_command_is_never_repeated(host: OnHost, fake: FakeTransport) -> None:
    fake.lose("gone")
    with pytest.raises(UnreachableError, match="gone") as info:
        host.run("make-coffee", repeatable=False)
    assert asked(fake) == [False]
    assert info.value.hint == "whether the command ran to its end is not known"
