"""A canary secret: every byte of every output and of the run folder is looked through for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from raftfleet.testing.project import FleetProject, Ran

    Make = Callable[[Mapping[str, object]], FleetProject]

CANARY = "canary-7f3a9"
HOSTS = "all: {hosts: {n1: {ansible_connection: local}, n2: {ansible_connection: local}}}"
OUTPUTS = [
    *([], ["-vvv"], ["--diff", "-v"], ["--check", "--diff"], ["--color", "always"]),
    ["--output", "jsonl", "-vvv", "--diff"],
]

# Each is a list of tasks that all know the canary as `hush`; whoever shows it shall be seen.
PLAYS = {
    "results": """
        - {shell: "echo {{ hush }}; echo {{ hush }} >&2; exit 3", no_log: true, ignore_errors: true}
        - {debug: {msg: "{{ hush }}"}, no_log: true}
        - {debug: {var: hush}, no_log: true}
        - {assert: {that: hush == 'x', fail_msg: "{{ hush }}"}, no_log: true, ignore_errors: true}
        - {fail: {msg: "{{ hush }}"}, no_log: true, ignore_errors: true}
        - {set_fact: {known: "{{ hush }}"}, no_log: true}
    """,
    "errors": """
        - {command: "{{ {}[hush] }}", no_log: true, ignore_errors: true}
        - {command: "{{ hush.nothing.at.all }}", no_log: true, ignore_errors: true}
        - {command: "{{ hush | int(base='x') }}", no_log: true, ignore_errors: true}
        - {file: {path: /nowhere, mode: "{{ hush }}"}, no_log: true, ignore_errors: true}
        - {debug: {msg: x}, when: hush, no_log: true, ignore_errors: true}
        - {debug: {msg: x, verbosity: "{{ hush }}"}, no_log: true, ignore_errors: true}
        - {template: {src: bad.j2, dest: /nowhere}, no_log: true, ignore_errors: true}
        - {copy: {src: "{{ hush }}", dest: /nowhere}, no_log: true, ignore_errors: true}
        - {command: "true", delegate_to: "{{ [hush] }}", no_log: true, ignore_errors: true}
        - {command: "true", environment: "{{ hush }}", no_log: true, ignore_errors: true}
        - {command: "true", failed_when: hush, no_log: true, ignore_errors: true}
    """,
    "loops": """
        - {debug: {msg: x}, loop: ["{{ hush }}"], no_log: true}
        - {command: "false {{ item.a }}", loop: [{a: "{{ hush }}"}], no_log: true, ignore_errors: true}
        - {debug: {msg: x}, loop: [1], loop_control: {label: "{{ hush }}"}, no_log: true}
        - {debug: {msg: x}, loop: "{{ hush }}", no_log: true, ignore_errors: true}
        - {debug: {msg: x}, with_dict: "{{ hush }}", no_log: true, ignore_errors: true}
        - {debug: {msg: x}, loop: ["{{ hush }}"], when: false, no_log: true}
        - {include_tasks: "{{ item }}.yml", loop: ["{{ hush }}"], no_log: true, ignore_errors: true}
    """,
    "retries": """
        - {shell: "echo {{ hush }}; false", retries: 1, delay: 0, no_log: true, ignore_errors: true}
        - {command: "echo {{ hush }}", until: "'{{ hush }}' == 1", retries: 1, delay: 0, no_log: true, ignore_errors: true}
        - {pause: {seconds: 0, prompt: "{{ hush }}"}, no_log: true}
    """,
    "names and conditions": """
        - {name: "set {{ hush }}", command: "true", no_log: true}
        - {command: "echo {{ hush }}", no_log: "{{ hide }}"}
        - {command: "echo {{ hush }}", no_log: "{{ not_defined_anywhere }}"}
    """,
    "blocks": """
        - no_log: true
          block:
            - {command: "echo {{ hush }}"}
            - {command: "false {{ hush }}"}
          rescue:
            - {debug: {var: ansible_failed_result}}
            - {debug: {msg: "{{ ansible_failed_result.cmd }}"}}
          always:
            - {debug: {msg: "{{ hush }}"}}
    """,
    "registered": """
        - {command: "echo {{ hush }}", register: r, no_log: true}
        - {command: "echo {{ r.stdout }}", no_log: true}
        - {copy: {content: "{{ r.stdout }}\\n", dest: "{{ folder }}/registered-{{ inventory_hostname }}"}}
    """,
    "diffs": """
        - {copy: {content: "x={{ hush }}\\n", dest: "{{ folder }}/hidden-{{ inventory_hostname }}"}, no_log: true}
        - {copy: {content: "user=bob\\npassword={{ hush }}\\n", dest: "{{ folder }}/named-{{ inventory_hostname }}"}}
        - {template: {src: named.j2, dest: "{{ folder }}/templated-{{ inventory_hostname }}"}, vars: {db_password: "{{ hush }}"}}
    """,
    "environment": """
        - {command: env, environment: {TOKEN: "{{ hush }}"}, no_log: true}
        - {shell: "test -n \\"$TOKEN\\"", environment: {TOKEN: "{{ hush }}"}}
    """,
    "handlers": """
        - {command: "true", notify: hand, changed_when: true}
    """,
}
PLAY = """
- name: Secrets
  hosts: all
  gather_facts: false
  vars: {hide: true, folder: "{{ playbook_dir }}"}
  vars_files: [hush.yml]
  handlers:
    - {name: hand, shell: "echo {{ hush }}; false", no_log: true, ignore_errors: true}
  tasks:
"""


def project(make: Make, tasks: str) -> FleetProject:
    return make(
        {
            "hosts.yml": HOSTS,
            "hush.yml": f"hush: {CANARY}\n",
            "play.yml": PLAY + tasks,
            "templates/bad.j2": "{{ hush }} {{ {}[hush] }}",
            "templates/named.j2": "secret is {{ db_password }}\n",
        }
    )


def traces(ran: Ran, made: FleetProject) -> Iterator[str]:
    """Yield every place where the canary was seen."""
    for name, text in (("out", ran.out), ("err", ran.err)):
        yield from (f"{name}: {line}" for line in text.splitlines() if CANARY in line)
    assert ran.folder is not None
    files = [*ran.folder.rglob("*"), made.folder / "junit.xml"]
    for path in (one for one in files if one.is_file()):
        text = path.read_bytes().decode("utf-8", "replace")
        yield from (f"{path.name}: {line}" for line in text.splitlines() if CANARY in line)


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
@pytest.mark.parametrize("tasks", PLAYS.values(), ids=PLAYS.keys())
def test_no_byte_of_any_output_holds_the_secret(
    fleet_project: Make, tasks: str, words: list[str]
) -> None:
    made = project(fleet_project, tasks)
    ran = made.run("play", "play.yml", "--junit", "junit.xml", *words)
    assert ran.code in {0, 2}, ran.out + ran.err
    assert list(traces(ran, made)) == []
    again = made.run("report", "-vvv")
    assert CANARY not in again.out + again.err


@pytest.mark.parametrize(
    "tasks", ["results", "errors", "loops", "retries", "blocks", "environment"]
)
def test_without_no_log_the_canary_is_seen(fleet_project: Make, tasks: str) -> None:
    made = project(fleet_project, PLAYS[tasks].replace("no_log: true", "no_log: false"))
    assert list(traces(made.run("play", "play.yml", "-vvv"), made))


def test_a_registered_result_that_is_shown_on_purpose_is_shown(fleet_project: Make) -> None:
    tasks = """
        - {command: "echo {{ hush }}", register: r, no_log: true}
        - {debug: {var: r.stdout}}
    """
    made = project(fleet_project, tasks)
    assert f'"r.stdout": "{CANARY}"' in made.run("play", "play.yml").out


def test_play_and_role_can_hide_all_they_do(fleet_project: Make) -> None:
    made = fleet_project(
        {
            "hosts.yml": HOSTS,
            "roles/quiet/tasks/main.yml": f'- {{command: "echo {CANARY}"}}\n',
            "role.yml": "- {hosts: all, gather_facts: false, roles: [{role: quiet, no_log: true}]}\n",
            "play.yml": f'- {{hosts: all, gather_facts: false, no_log: true, tasks: [{{command: "echo {CANARY}"}}]}}\n',
        }
    )
    for name in ("role.yml", "play.yml"):
        assert (
            list(traces(made.run("play", name, "-vvv", "--junit", "junit.xml").check(), made)) == []
        )


def test_a_defect_in_a_secret_task_does_not_tell_it(
    fleet_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr("raftfleet.modules.command.Command.run", broken)
    made = project(fleet_project, '        - {command: "true", no_log: true}\n')
    ran = made.run("play", "play.yml", "-vvv", "--junit", "junit.xml").check(250)
    assert "defect in raftfleet" in ran.err
    assert list(traces(ran, made)) == []


@pytest.mark.parametrize(
    "given", [f"db_password={CANARY}", json.dumps({"token": CANARY}), f"a=1 api_key={CANARY}"]
)
def test_extra_variables_of_a_secrets_name_are_not_recorded(
    fleet_project: Make, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    words = ["play", "play.yml", "-e", given, "-vvv"]
    monkeypatch.setattr("sys.argv", ["raftfleet", *words])
    made = project(fleet_project, '        - {command: "true"}\n')
    assert list(traces(made.run(*words, "--junit", "junit.xml").check(), made)) == []
