"""RobustMQ's log: its records, the lines that mean something, and what must be masked in it.

A record is ``<UTC time>Z <LEVEL> [span: ]<target>: <message>``, coloured in files too. Lines of
another form continue the record before them: the banner, the configuration dump, panics.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Final

from .keys import server_keys

__all__ = ["MARKERS", "parse_log", "redact"]

MARKERS: Final = {
    "configured": "broker config:{",
    "bootstrapping": "bootstrapping single-node cluster",
    "joining": "Joining cluster via peer",
    "joined": "Successfully joined cluster via peer",
    "join_failed": "Failed to join cluster via peer",
    "recovering": "has persisted state, recovering existing cluster",
    "ready": "Meta Service cluster is ready",
    "waiting": "Waiting for Meta Service cluster to be ready",
    "registered": "has been successfully registered",
    "shutdown_requested": "Shutdown requested, graceful shutdown has up to",
    "terminating": "Termination signal received, the service starts to stop",
    "meta_shutdown": "Meta service shutdown...",
    "raft_stopped": "Raft node shutdown successfully",
    "forced": "forcing exit",
    "snapshot_empty": "Successfully recovered 0 entries from snapshot",
}
"""Meaning -> text that the message of the line contains.

``ready`` is recorded, never trusted: nodes said so and died. ``snapshot_empty`` is a snapshot
that was installed without its content. The texts leave out figures that differ between builds.
"""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Spans stand before the target, as `name{fields}:name{fields}: `. A single word may be either: it is
# a span when a path follows it (`build_snapshot: openraft::core::sm::worker: ...`).
_SPAN = r"[A-Za-z_]\w*(?:\{.*?\})?"
_RECORD = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z +(TRACE|DEBUG|INFO|WARN|ERROR) "
    rf"(?:{_SPAN}(?::{_SPAN})*: (?=[a-z_][a-z0-9_]*::))?"
    r"([a-z_][a-z0-9_]*(?:::[a-z_0-9]+)*): (.*)$",
    re.MULTILINE,
)


def parse_log(text: bytes) -> list[tuple[float, str, str, str]]:
    """Return (Unix time, level, target, message) of each record.

    Stamps are the node's own wall clock, to the microsecond. Bytes that are not UTF-8 are
    replaced, and a last line that is still being written counts as far as it is there.
    """
    plain = _COLOUR.sub("", text.decode("utf-8", "replace"))
    moment = datetime.fromisoformat
    return [
        (moment(f"{stamp}+00:00").timestamp(), level, target, message)
        for stamp, level, target, message in _RECORD.findall(plain)
    ]


def redact(text: bytes) -> bytes:
    """Mask the values of the secret keys, as the configuration dump and server.toml write them.

    The broker logs its whole configuration at every start: the admin's password and the secret
    that signs its tokens among it.
    """
    return _secrets().sub(_masked, text)


def _masked(found: re.Match[bytes]) -> bytes:
    key, quote, escaped_quote = found.groups()
    mark = quote or escaped_quote
    return bytes(key + mark + b"***" + mark)


@cache
def _secrets() -> re.Pattern[bytes]:
    """A secret key with its value, also inside a JSON text that is itself quoted in JSON.

    The value ends at the quote that began it, and not at an escaped one.
    """
    names = {key.rsplit(".", 1)[-1] for key, one in server_keys().items() if one.secret}
    either = "|".join(sorted(names)).encode()
    key = rb"(\b(?:" + either + rb')(?:\\?")?\s*[:=]\s*)'
    return re.compile(key + rb'(?:(")(?:[^"\\\n]|\\.)*"|(\\")(?:[^"\\\n]|\\\\(?:\\"|.))*\\")')
