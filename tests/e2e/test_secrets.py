"""A canary secret on real hosts: nothing that is left or shown holds it, nor does a process table."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Fleet

pytestmark = pytest.mark.hosts

CANARY = "canary-51c0e"
# Counts the processes of the host whose arguments hold the value; none of its own do.
SEEN = (
    "cat /proc/[0-9]*/cmdline | tr '\\\\0' '\\\\n' | "
    "awk 'index($0, ENVIRON[\"TOKEN\"]) { n++ } END { print n + 0 }'"
)
PLAY = f"""
- name: Secrets
  hosts: raft
  gather_facts: false
  vars: {{hush: {CANARY}}}
  tasks:
    - {{shell: "echo {{{{ hush }}}}; exit 3", no_log: true, ignore_errors: true}}
    - {{command: cat, args: {{stdin: "{{{{ hush }}}}"}}, no_log: true, register: r}}
    - {{command: "echo {{{{ item }}}}", loop: ["{{{{ hush }}}}"], no_log: true}}
    - {{copy: {{content: "password={{{{ hush }}}}\\n", dest: /tmp/secret, mode: "0600"}}}}
    - {{copy: {{content: "x={{{{ r.stdout }}}}\\n", dest: "/tmp/other-{{{{ ansible_check_mode }}}}", mode: "0600"}}}}
    - {{command: "false {{{{ hush }}}}", no_log: true, retries: 1, delay: 0, ignore_errors: true}}
    - name: Look at the process table
      shell: "{SEEN.replace('"', chr(92) + '"')}"
      environment: {{TOKEN: "{{{{ hush }}}}"}}
      register: seen
    - name: And as somebody else
      shell: "{SEEN.replace('"', chr(92) + '"')}"
      environment: {{TOKEN: "{{{{ hush }}}}"}}
      become: true
      become_user: nobody
      register: foreign
    - {{assert: {{that: [seen.stdout == '0', foreign.stdout == '0']}}}}
"""


def holders(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(
    "words", [("--diff", "-vvv"), ("--output", "jsonl", "--diff", "-vvv"), ("--check", "--diff")]
)
def test_nothing_that_is_left_or_shown_holds_the_secret(
    fleet: Fleet, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert shutil.which("sudo"), "sudo is not installed; .ci/run installs it"
    play = tmp_path / "secrets.yml"
    play.write_text(PLAY)
    runs, junit = tmp_path / "runs", tmp_path / "out" / "junit.xml"
    more = ("--runs", runs, "--junit", junit)
    said = fleet.say("play", play, "-i", fleet.inventory, *more, *words)
    checking = "--check" in words
    assert said.code == (2 if checking else 0), said.text
    assert CANARY not in said.text
    assert (runs / "latest" / "summary.json").exists()
    assert holders(runs) == []
    assert holders(junit.parent) == []
    assert holders(fleet.folder) == []
    look = f"grep -rlF -D skip {CANARY} /run /tmp /var/tmp /var/lib/raftfleet /root 2>/dev/null"
    left = fleet.say("sandbox", "ssh", "--name", fleet.name, "n1", look).text.split()
    assert set(left) <= {"/tmp/secret", "/tmp/other-False"}
    assert checking or "/tmp/secret" in left


def test_the_look_at_the_process_table_sees_an_argument(fleet: Fleet, tmp_path: Path) -> None:
    play = tmp_path / "seen.yml"
    command = SEEN.replace('"', '\\"')
    play.write_text(
        "- hosts: raft\n  gather_facts: false\n  tasks:\n"
        f'    - {{shell: "{command} # {CANARY}", '
        f"environment: {{TOKEN: {CANARY}}}}}\n"
    )
    said = fleet.say("play", play, "-i", fleet.inventory, "-v", "--runs", tmp_path / "runs")
    assert said.code == 0, said.text
    assert '"stdout": "0"' not in said.text
