"""Asks a check about a told journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from raftfleet.checks import CHECKS, Finding, Severity
from raftfleet.checks.window import windows

if TYPE_CHECKING:
    from raftfleet.journal import Journal


class Ask(Protocol):
    """Runs one check over a journal's only drill."""

    def __call__(self, name: str, journal: Journal, *severities: Severity) -> list[Finding]: ...


def ask(name: str, journal: Journal, *severities: Severity) -> list[Finding]:
    (window,) = windows(journal)
    found = CHECKS[name].judge(window)
    return [finding for finding in found if not severities or finding.severity in severities]


@pytest.fixture(name="ask")
def _ask() -> Ask:
    return ask
