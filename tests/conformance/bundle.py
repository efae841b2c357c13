"""Conformance cases as text: many small folders in one file, each with what ansible-core did.

A bundle is read line by line. `==== NAME` begins a case, `---- PATH` a file of its folder, until
the next such line; the text before the first file says which rule the case pins down. The file
`expect` is YAML: `exit` (ansible's exit code), `recap` (counters that are not zero, per host),
`trace` (lines that the playbook's own tasks wrote), and where raftfleet differs on purpose
`ours` (the keys that differ) and `why`. `order: exact` compares the trace as a whole; otherwise
order matters only among the lines of one host, their first word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTERS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
CASES = Path(__file__).parent / "cases"


@dataclass(slots=True)
class Case:
    """One case: its name, the rule it pins down, its files, and what is expected of it."""

    name: str
    rule: str = ""
    files: dict[str, str] = field(default_factory=dict)
    expect: dict[str, Any] = field(default_factory=dict)

    def unpack(self, folder: Path) -> None:
        """Write the case's files into a folder."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    @property
    def arguments(self) -> list[str]:
        """Return the command line's arguments, without the playbook."""
        written = self.files.get("args", "").splitlines()
        return written if "-i" in written else ["-i", "hosts.yml", *written]


@dataclass(frozen=True, slots=True)
class Observed:
    """What a run came to."""

    exit_code: int
    recap: dict[str, dict[str, int]]
    trace: list[str]
    output: str = ""

    def expectation(self, order: str) -> dict[str, Any]:
        """Return this as a case expects it."""
        recap = {host: _counted(counters) for host, counters in sorted(self.recap.items())}
        return {"exit": self.exit_code, "recap": recap, "trace": ordered(self.trace, order)}


def _counted(counters: dict[str, int]) -> str:
    return " ".join(f"{name}={counters[name]}" for name in COUNTERS if counters.get(name))


def ordered(trace: list[str], order: str) -> list[str]:
    """Return a trace in the form in which it is compared."""
    return trace if order == "exact" else sorted(trace, key=lambda line: line.split(" ", 1)[0])


def read_bundle(path: Path) -> list[Case]:
    """Return a bundle's cases."""
    cases: list[Case] = []
    for kind, name, text in _parts(path.read_text(encoding="utf-8")):
        if kind == "====":
            cases.append(Case(name, text.strip()))
        elif name == "expect":
            cases[-1].expect = yaml.safe_load(text) or {}
        else:
            cases[-1].files[name] = text
    return cases


def _parts(text: str) -> Iterator[tuple[str, str, str]]:
    kind, name, lines = "", "", list[str]()
    for line in text.splitlines(keepends=True):
        if line.startswith(("==== ", "---- ")):
            if kind:
                yield kind, name, "".join(lines)
            kind, name, lines = line[:4], line[5:].strip(), []
        else:
            lines.append(line)
    if kind:
        yield kind, name, "".join(lines)


def write_bundle(path: Path, cases: list[Case]) -> None:
    """Write cases into a bundle; reading it again gives the same."""
    path.write_text("\n".join(map(_written, cases)), encoding="utf-8")


def _written(case: Case) -> str:
    parts = [f"==== {case.name}\n", f"{case.rule}\n" if case.rule else ""]
    parts += [f"---- {name}\n{text}" for name, text in case.files.items()]
    if case.expect:
        written = yaml.safe_dump(case.expect, sort_keys=False, width=1000, allow_unicode=True)
        parts.append(f"---- expect\n{written}")
    return "".join(parts).rstrip("\n") + "\n"


def difference(case: Case, seen: Observed) -> str | None:
    """Return the first difference between what raftfleet did and what is expected of it."""
    expect = case.expect | case.expect.get("ours", {})
    got = seen.expectation(expect.get("order", "per_host"))
    for number, (wanted, had) in enumerate(_pairs(expect["trace"], got["trace"]), 1):
        if wanted != had:
            return f"trace line {number}: expected {wanted!r}, got {had!r}"
    for host in sorted(expect["recap"].keys() | got["recap"].keys()):
        wanted, had = expect["recap"].get(host), got["recap"].get(host)
        if wanted != had:
            return f"recap of {host}: expected {wanted!r}, got {had!r}"
    wanted_exit = our_exit(expect)
    if seen.exit_code != wanted_exit:
        return f"exit code: expected {wanted_exit}, got {seen.exit_code}"
    return None


def _pairs(one: list[str], other: list[str]) -> Iterator[tuple[str | None, str | None]]:
    for index in range(max(len(one), len(other))):
        yield (
            one[index] if index < len(one) else None,
            other[index] if index < len(other) else None,
        )


def our_exit(expect: dict[str, Any]) -> int:
    """Return the exit code that raftfleet has where ansible has this one.

    What is wrong before anything runs is 5 (ansible: 1 or 4), a failed task outranks an
    unreachable host (ansible: the other way round).
    """
    code: int = expect["exit"]
    if "exit" in expect.get("ours", {}) or code == 0:
        return code
    if not expect["recap"]:
        return 5
    if any("failed=" in counters for counters in expect["recap"].values()):
        return 2
    return code
