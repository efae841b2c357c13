"""Expressions with the value that ansible-core gave each: one a line, `EXPRESSION ==> JSON`.

`FAILS` stands for a task that failed. A line that ends in `## WHY` differs on purpose: the value
that follows `==>` is then raftfleet's. The variables that expressions use stand in the play that
records them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.conformance.bundle import Case

FILE = Path(__file__).with_name("expressions.txt")
VARIABLES = FILE.with_name("expressions.yml")
FAILS = "FAILS"
_SPLIT = " ==> "


@dataclass(slots=True)
class Expression:
    """One line: the expression, its value as JSON text or FAILS, and why it differs if it does."""

    text: str
    value: str | None = None
    why: str | None = None


def read_expressions() -> list[Expression]:
    """Return all expressions."""
    found = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("# "):
            continue
        rest, _, why = line.partition(" ## ")
        text, _, value = rest.partition(_SPLIT)
        found.append(Expression(text.rstrip(), value or None, why or None))
    return found


def write_expressions(expressions: list[Expression]) -> None:
    """Write expressions back."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line[:2] == "# "]
    for one in expressions:
        value = f"{_SPLIT}{one.value}" if one.value else ""
        lines.append(f"{one.text}{value}{f' ## {one.why}' if one.why else ''}")
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def case_of(expressions: list[Expression]) -> Case:
    """Return a case whose trace has the number of each expression and its value, as JSON."""
    tasks: list[dict[str, object]] = [
        {"name": f"r{number}", "set_fact": {f"r{number}": "{{ " + one.text + " }}"}}
        for number, one in enumerate(expressions)
    ]
    told = f"{{{{ range({len(expressions)}) | map('regex_replace', '^', 'r') | list }}}}"
    dump = (
        "{% for name in names %}{{ name }} "
        "{{ lookup('vars', name) | to_json if lookup('vars', name, default='UNSET') is defined "
        "and hostvars.solo[name] is defined else 'FAILS' }}\n{% endfor %}"
    )
    play = [
        {
            "hosts": "solo",
            "gather_facts": False,
            "ignore_errors": True,
            "vars": yaml.safe_load(VARIABLES.read_text(encoding="utf-8")),
            "tasks": [
                *tasks,
                {"shell": "cat >> $TRACE", "args": {"stdin": dump}, "vars": {"names": told}},
            ],
        }
    ]
    return Case("expressions", files={"play.yml": yaml.safe_dump(play, width=100000)})


def values_of(trace: list[str], count: int) -> list[str]:
    """Return each expression's value from the trace of that case."""
    found = dict(line.split(" ", 1) for line in trace if " " in line)
    values = [found.get(f"r{number}", "NOTHING") for number in range(count)]
    return [value if value == FAILS else json.dumps(json.loads(value)) for value in values]
