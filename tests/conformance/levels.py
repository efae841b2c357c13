"""Which of two levels wins, for every pair of levels and at every place that a task can stand.

A project sets one variable at each pair of levels and shows all of them at each place, so that one
run decides all pairs. What ansible-core did came out as an order at each place, without exception:
`levels.txt` holds one line a place, the levels that are seen there, the weakest first. Record it
anew with `python -m tests.conformance.levels`, ansible-playbook on the PATH.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.bundle import Case
from tests.conformance.running import ANSIBLE, run_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FILE = Path(__file__).with_name("levels.txt")
UNSEEN = "-"
_FACTS = "facts"

EVERYWHERE = [
    "d.defaults",
    "r.defaults",
    "b.defaults",
    "q.defaults",
    "s.defaults",
    "file.all",
    "file.parent",
    "file.child",
    "file.sibling",
    "file.heavy",
    "file2.all",
    "file2.child",
    "groups.all",
    "play-groups.all",
    "groups2.all",
    "groups.parent",
    "play-groups.parent",
    "groups.child",
    "groups2.child",
    "play-groups.child",
    "groups.sibling",
    "groups.heavy",
    "file.host",
    "file2.host",
    "add_host",
    "hosts",
    "hosts2",
    "play-hosts",
    "facts",
    "import_playbook",
    "play",
    "vars_files.1",
    "vars_files.2",
    "d.vars",
    "r.vars",
    "b.vars",
    "q.vars",
    "s.vars",
    "r.entry",
    "b.entry",
    "d.entry",
    "block",
    "task",
    "include_vars",
    "set_fact",
    "register",
    "r.parameter",
    "d.parameter",
    "q.include",
    "include_tasks",
    "import_tasks",
    "s.import",
    "extra",
]
_NAMES = ["dd", "d1", "d2", "r", "b", "q", "qd", "qe", "qq", "s", "sd", "p", "pd"]
_ENTERED = ["d1", "d2", "dd", "r", "b", "qd", "qe", "sd", "pd"]
ROLES = [
    *(f"{name}.defaults" for name in _NAMES), "group", "play",
    *(f"{name}.vars" for name in _NAMES),
    *(f"{name}.entry" for name in _ENTERED), *(f"{name}.parameter" for name in _ENTERED),
    "q.include", "qq.include", "s.import", "p.include", "r.block", "q.block", "apply", "task",
    "set_fact",
]  # fmt: skip
# Facts cannot be chosen, only named: one for each pair of which facts are one level.
_FACT_NAMES = [
    "system",
    "kernel",
    "machine",
    "architecture",
    "hostname",
    "nodename",
    "fqdn",
    "distribution",
    "distribution_version",
    "distribution_major_version",
    "distribution_release",
    "os_family",
    "processor_count",
    "processor_cores",
    "processor_vcpus",
    "memtotal_mb",
    "memfree_mb",
    "swaptotal_mb",
    "swapfree_mb",
    "uptime_seconds",
    "date_time",
    "env",
    "user_id",
    "user_uid",
    "user_gid",
    "user_dir",
    "user_shell",
    "user_gecos",
    "python_version",
    "pkg_mgr",
    "service_mgr",
    "kernel_version",
    "userspace_bits",
    "all_ipv4_addresses",
    "all_ipv6_addresses",
    "interfaces",
    "mounts",
    "cmdline",
    "effective_user_id",
    "real_user_id",
    "processor",
    "processor_threads_per_core",
    "python",
    "virtualization_type",
    "virtualization_role",
    "userspace_architecture",
    "default_ipv4",
    "domain",
    "dns",
]

_FURTHER = re.compile(r"2|sibling|heavy|^[bqs]\.(defaults|vars|entry)")

Sets = dict[str, tuple[str, ...]]


def every_pair(levels: list[str]) -> Sets:
    """Return a variable for each pair of levels, and one for each level alone.

    There are fewer facts than levels: of levels of one kind they meet the first.
    """
    facts = iter(_FACT_NAMES)
    found: Sets = {}
    for number, pair in enumerate(itertools.combinations(levels, 2)):
        if _FACTS in pair and any(_FURTHER.search(level) for level in pair):
            continue
        name = f"ansible_{next(facts)}" if _FACTS in pair else f"pair{number}"
        found[name] = pair
    alone = (level for level in levels if level != _FACTS)
    return found | {f"alone{number}": (level,) for number, level in enumerate(alone)}


class Project:
    """The files of a playbook in which each variable is set at some levels."""

    def __init__(self, variables: Mapping[str, Iterable[str]]) -> None:
        self._variables = variables
        self.files: dict[str, str] = {}

    def put(self, name: str, content: Any) -> None:
        """Add a file."""
        self.files[name] = json.dumps(content) + "\n"

    def said(self, level: str) -> dict[str, str]:
        """Return the variables that a level sets."""
        return {name: level for name, levels in self._variables.items() if level in levels}

    def case(self, name: str) -> Case:
        """Return the project as a case, with the templates that show what there is."""
        shown = " ".join(
            f"{{% set v = h[{name!r}] | default('{UNSEEN}') %}}"
            "{{ (v.msg | default('facts')) if v is mapping else v if v in levels else 'facts' }}"
            for name in self._variables
        )
        self.files["templates/own.j2"] = "{% set h = vars %}n1 {{ place }} " + shown
        self.files["templates/seen.j2"] = "{% set h = hostvars.n1 %}n1 {{ place }} " + shown
        return Case(name, files=self.files)

    def shows(self, place: str, template: str = "own", **more: Any) -> dict[str, Any]:
        """Return a task that shows what the variables are where it stands."""
        known = {level for levels in self._variables.values() for level in levels}
        inside = {"place": place, "levels": [*sorted(known), UNSEEN], **self.said("task")}
        text = f"{{{{ lookup('template', playbook_dir ~ '/templates/{template}.j2') }}}}"
        return {"shell": "cat >> $TRACE", "args": {"stdin": text}, "vars": inside, **more}

    def role(self, name: str, tasks: list[Any], needs: Iterable[str] = ()) -> None:
        """Add a role, with a handler that shows the variables too."""
        self.put(f"roles/{name}/defaults/main.json", self.said(f"{name}.defaults"))
        self.put(f"roles/{name}/vars/main.json", self.said(f"{name}.vars"))
        notifying: dict[str, Any] = {"changed_when": True, "notify": f"handler {name}"}
        here = self.shows(f"in-{name}", **notifying)
        self.put(f"roles/{name}/tasks/main.yml", [here, *tasks])
        handler = {"name": f"handler {name}", **self.shows(f"handler-{name}")}
        self.put(f"roles/{name}/handlers/main.yml", [handler])
        self.put(f"roles/{name}/meta/main.yml", {"dependencies": list(map(self.entry, needs))})

    def entry(self, name: str) -> dict[str, Any]:
        """Return an entry of a list of roles."""
        entry = {"role": name, "vars": self.said(f"{name}.entry")}
        return {**entry, **self.said(f"{name}.parameter")}


def everywhere(variables: Sets) -> Case:
    """Return a project with all the levels of inventories, plays, roles and tasks."""
    project = Project(variables)
    said, put, shows = project.said, project.put, project.shows
    only = {"when": "inventory_hostname == 'n1'"}

    def block(*tasks: Any) -> dict[str, Any]:
        return {"block": list(tasks), "vars": said("block"), **only}

    child = {"vars": said("file.child"), "hosts": {"n1": said("file.host")}}
    heavy = {"ansible_group_priority": 10, **said("file.heavy")}
    siblings = {
        "sibling": {"vars": said("file.sibling"), "hosts": {"n1": {}}},
        "heavy": {"vars": heavy, "hosts": {"n1": {}}},
    }
    groups = {
        "parent": {"vars": said("file.parent"), "children": {"child": child}},
        "aunt": {"children": siblings},
    }
    above = {"ansible_connection": "local", **said("file.all")}
    put("inv/hosts.json", {"all": {"vars": above, "hosts": {"n2": {}}, "children": groups}})
    child = {"vars": said("file2.child"), "hosts": {"n1": said("file2.host")}}
    put("inv2/hosts.json", {"all": {"vars": said("file2.all"), "children": {"child": child}}})
    for level in EVERYWHERE:
        kind, _, name = level.partition(".")
        folder = {"groups": "inv/", "groups2": "inv2/", "play-groups": ""}.get(kind)
        if folder is not None:
            put(f"{folder}group_vars/{name}.json", said(level))
    for folder, level in (("inv/", "hosts"), ("inv2/", "hosts2"), ("", "play-hosts")):
        put(f"{folder}host_vars/n1.json", said(level))
    for name in ("vars_files.1", "vars_files.2", "include_vars", "extra"):
        put(f"{name}.json", said(name))
    project.files["args"] = "-i\ninv/hosts.json\n-i\ninv2/hosts.json\n-e\n@extra.json\n"
    for name in "dbqs":
        project.role(name, [block(shows(f"block-{name}"))])
    included = {"include_tasks": "included.yml", "vars": said("include_tasks")}
    imported = {"import_tasks": "imported.yml", "vars": said("import_tasks")}
    project.role("r", [block(shows("block-r"), included, imported)], ["d"])
    put("roles/r/tasks/included.yml", [shows("included")])
    put("roles/r/tasks/imported.yml", [shows("imported")])
    first = [
        {"setup": {}, **only},
        {"add_host": {"name": "n1", **said("add_host")}},
        {"include_vars": "include_vars.json", **only},
        {"set_fact": {"one": 1, **said("set_fact")}, **only},
        *({"debug": {"msg": "register"}, "register": name} for name in said("register")),
        block(shows("pre_tasks")),
    ]
    tasks = [
        block(
            shows("tasks"),
            {"include_role": {"name": "q"}, "vars": said("q.include")},
            {"import_role": {"name": "s"}, "vars": said("s.import")},
        ),
        shows("delegated", delegate_to="n1", when="inventory_hostname == 'n2'"),
        shows("hostvars", "seen", when="inventory_hostname == 'n2'"),
    ]
    play = {
        "hosts": "n1,n2", "gather_facts": False, "vars": said("play"),
        "vars_files": ["vars_files.1.json", "vars_files.2.json"], "pre_tasks": first,
        "roles": [{**project.entry(name), **only} for name in "rb"], "tasks": tasks,
        "post_tasks": [block(shows("post_tasks"))],
    }  # fmt: skip
    put("inner.yml", [play])
    last = {"hosts": "n1", "gather_facts": False, "tasks": [shows("next-play")]}
    put("play.yml", [{"import_playbook": "inner.yml", "vars": said("import_playbook")}, last])
    return project.case("everywhere")


def roles(variables: Sets) -> Case:
    """Return a project in which roles need, import and include one another."""
    project = Project(variables)
    said, put, shows = project.said, project.put, project.shows
    above = {"ansible_connection": "local", **said("group")}
    put("hosts.yml", {"all": {"vars": above, "hosts": {"n1": {}}}})
    q = {"include_role": {"name": "q", "apply": {"vars": said("apply")}}, "vars": said("q.include")}
    qq = {"include_role": {"name": "qq"}, "vars": said("qq.include")}
    p = {"include_role": {"name": "p", "public": True}, "vars": said("p.include")}
    s = {"import_role": {"name": "s"}, "vars": said("s.import")}
    tasks: dict[str, list[Any]] = {
        "r": [{"block": [shows("block-r"), q], "vars": said("r.block")}, s, shows("end-of-r")],
        "q": [{"block": [qq], "vars": said("q.block")}, shows("end-of-q")],
    }
    needs = {"r": ["d1", "d2"], "d1": ["dd"], "q": ["qd", "qe"], "s": ["sd"], "p": ["pd"]}
    for name in _NAMES:
        project.role(name, tasks.get(name, []), needs.get(name, []))
    play = {
        "hosts": "n1", "gather_facts": False, "vars": said("play"),
        "pre_tasks": [{"set_fact": {"one": 1, **said("set_fact")}}, shows("pre_tasks")],
        "roles": [project.entry("r"), project.entry("b")],
        "tasks": [shows("tasks"), p, shows("end-of-tasks")],
        "post_tasks": [shows("post_tasks")],
    }  # fmt: skip
    put("play.yml", [play])
    return project.case("roles")


PROJECTS: dict[str, tuple[list[str], Callable[[Sets], Case]]] = {
    "everywhere": (EVERYWHERE, everywhere),
    "roles": (ROLES, roles),
}


def shown(case: Case, variables: Sets, engine: str = "raftfleet") -> dict[str, dict[str, str]]:
    """Run a project; return at each place which level won for each variable."""
    seen = run_case(case, engine)
    lines = [line.split(" ") for line in seen.trace if line]
    assert seen.exit_code == 0, seen.output
    assert lines, seen.output
    return {place: dict(zip(variables, values, strict=True)) for _, place, *values in lines}


def order(winners: dict[str, str], variables: Sets) -> list[str]:
    """Return the levels that are seen at a place, the weakest first."""
    seen = [winners[name] for name, levels in variables.items() if len(levels) == 1]
    pairs = [name for name, levels in variables.items() if len(levels) == 2]
    wins = Counter(winners[name] for name in pairs)
    found = sorted((level for level in seen if level != UNSEEN), key=wins.__getitem__)
    beaten = [level for name in pairs if winners[name] == _FACTS for level in variables[name]]
    if beaten:  # they meet only some of the others
        found.insert(1 + max(found.index(one) for one in beaten if one in found), _FACTS)
    return found


def wanted(found: list[str], levels: Iterable[str]) -> str:
    """Return which of some levels wins, by the order of a place."""
    return max((level for level in levels if level in found), key=found.index, default=UNSEEN)


def read_orders() -> dict[str, dict[str, list[str]]]:
    """Return what was recorded: by project and place the levels, the weakest first."""
    found: dict[str, dict[str, list[str]]] = {name: {} for name in PROJECTS}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        name, place, *levels = line.split(" ")
        found[name][place] = levels
    return found


def main() -> None:
    """Record the orders; raise where a pair contradicts the order of the others."""
    lines = []
    for name, (levels, make) in PROJECTS.items():
        variables = every_pair(levels)
        for place, winners in shown(make(variables), variables, ANSIBLE).items():
            found = order(winners, variables)
            for variable, pair in variables.items():
                if wanted(found, pair) != winners[variable]:
                    sys.exit(f"{name} {place}: of {pair} {winners[variable]} wins, not the other")
            lines.append(" ".join([name, place, *found]))
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
