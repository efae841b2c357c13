"""What is told from `-vvv` on is what was done, before it is done, and nothing else changes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from raftfleet.errors import UnreachableError
from raftfleet.playbook.engine.overheard import Overheard
from raftfleet.testing.transport import FakeTransport
from raftfleet.transport.protocol import Command, Endpoint, Exited, Transport


def test_every_word_is_told_and_everything_is_passed_on(tmp_path: Path) -> None:
    told: list[tuple[str, str, str | None]] = []
    within = FakeTransport("n1")
    within.on("uptime", Exited(status=0, stdout=b"long"))
    within.endpoints["n1", 80] = Endpoint("127.0.0.1", 8080, lambda: None)
    heard: Transport = Overheard(within, lambda *words: told.append(words))
    heard.connect(timeout=1)
    assert heard.host == "n1"
    assert heard.run(Command("uptime", become="bob"), timeout=1, stdin=b"in").out == "long"
    with heard.open(Command("uptime"), timeout=1) as stream:
        assert stream.outcome(timeout=1).ok
    assert heard.put(b"data", PurePosixPath("/f"), mode=0o600, timeout=1, become="amy").changed
    heard.get(PurePosixPath("/f"), tmp_path / "f", timeout=1)
    assert (tmp_path / "f").read_bytes() == b"data"
    assert heard.forward("n1", 80, timeout=1).port == 8080
    heard.close()
    assert told == [
        ("run", "uptime", "bob"),
        *(("open", "uptime", None), ("put", "/f", "amy"), ("get", "/f", None)),
    ]
    names = [call.name for call in within.calls]
    assert {"connect", "run", "open", "put", "get"} <= set(names)


def test_a_command_that_cannot_be_given_was_told_all_the_same() -> None:
    told: list[str] = []
    within = FakeTransport("n1")
    within.refuse(UnreachableError("gone"))
    with pytest.raises(UnreachableError):
        Overheard(within, lambda *words: told.append(words[1])).run(Command("x"), timeout=1)
    assert told == ["x"]
