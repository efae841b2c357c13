"""Inventory files: groups, hosts, several sources, and errors with their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import SourceError, UsageError
from raftfleet.inventory import Inventory, load_inventory, mark_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Inventory]


@pytest.fixture
def load(tmp_path: Path) -> Write:
    """Write files below a folder and load those named (`hosts.yml` unless told otherwise)."""

    def write(files: dict[str, str] | str, *names: str, **options: Any) -> Inventory:
        entries = {"hosts.yml": files} if isinstance(files, str) else files
        for name, text in entries.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_inventory([tmp_path / name for name in names or ("hosts.yml",)], **options)

    return write


def refusal(load: Write, text: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        load(text)
    return caught.value


NESTED = """
all:
  vars: {colour: from-all}
  hosts: {lone: {}}
  children:
    continent:
      vars: {colour: from-continent, size: big}
      children:
        country:
          vars: {colour: from-country}
          children:
            town:
              hosts:
                n1: {}
                n2: {size: small}
        island:
          hosts: {n3: {}}
    empty:
"""


class TestGroups:
    def test_hosts_know_their_groups_and_nearer_groups_win(self, load: Write) -> None:
        inventory = load(NESTED)
        assert inventory.hosts["n1"].groups == ("continent", "country", "town")
        assert inventory.hosts["lone"].groups == ("ungrouped",)
        assert inventory.hosts["n1"].variables == {"colour": "from-country", "size": "big"}
        assert inventory.hosts["n2"].variables["size"] == "small"
        assert inventory.hosts["n3"].variables["colour"] == "from-continent"

    def test_hosts_of_a_direct_child_stand_before_those_of_a_grandchild(self, load: Write) -> None:
        groups = load(NESTED).groups
        assert groups["continent"].hosts == ("n3", "n1", "n2")
        assert groups["all"].hosts == ("lone", "n3", "n1", "n2")

    def test_all_and_ungrouped_are_always_there(self, load: Write) -> None:
        groups = load(NESTED).groups
        assert list(groups)[:2] == ["all", "ungrouped"]
        assert groups["all"].children == ("ungrouped", "continent", "empty")
        assert groups["empty"].hosts == ()

    def test_groups_beside_all_belong_to_all(self, load: Write) -> None:
        inventory = load("east: {hosts: {e1: }}\nall: {vars: {v: 1}}\n")
        assert inventory.hosts["e1"].variables == {"v": 1}
        assert inventory.groups["all"].children == ("ungrouped", "east")

    def test_a_host_named_twice_is_one_host_with_all_it_was_given(self, load: Write) -> None:
        inventory = load("a: {hosts: {n: {x: 1, y: 1}}}\nb: {hosts: {n: {y: 2}}, vars: {z: 3}}\n")
        assert inventory.hosts["n"].variables == {"x": 1, "y": 2, "z": 3}
        assert inventory.hosts["n"].groups == ("a", "b")

    def test_a_group_priority_decides_among_siblings(self, load: Write) -> None:
        text = "{}: {{hosts: {{n: }}, vars: {{who: {}, ansible_group_priority: {}}}}}\n"
        low, high = text.format("a", "a", 10), text.format("b", "b", 1)
        variables = load(low + high).hosts["n"].variables
        assert variables == {"who": "a"}

    def test_ranges_and_ports_in_host_names(self, load: Write) -> None:
        inventory = load('a: {hosts: {"n[1:2]:2222": {k: v}, "p[08:10]": }}')
        assert list(inventory.hosts) == ["n1", "n2", "p08", "p09", "p10"]
        assert inventory.hosts["n2"].variables == {"ansible_port": 2222, "k": "v"}

    def test_a_lone_name_stands_for_a_mapping(self, load: Write) -> None:
        inventory = load("a: {hosts: n1, children: b}")
        assert inventory.groups["a"].hosts == ("n1",)
        assert inventory.groups["a"].children == ("b",)

    def test_values_know_where_they_were_written(self, load: Write) -> None:
        value = load("all:\n  hosts:\n    n1: {where: here}\n").hosts["n1"].variables["where"]
        mark = mark_of(value)
        assert mark is not None
        assert (mark.line, mark.column) == (3, 17)

    def test_nothing_is_templated(self, load: Write) -> None:
        assert load('all: {hosts: {n: {a: "{{ b }}"}}}').hosts["n"].variables["a"] == "{{ b }}"

    def test_one_name_for_a_group_and_a_host_is_warned_about(self, load: Write) -> None:
        assert load("db: {hosts: {db: }}").warnings == (
            "'db' is the name of a group and of a host",
        )
        assert load("db: {hosts: {d: }}").warnings == ()


REFUSED = [
    ("all:\n  host:\n    n1:\n", (2, 3), "'host' is not known", "did you mean `hosts`?"),
    ("all:\n  childrens:\n    n1:\n", (2, 3), "'childrens'", "did you mean `children`?"),
    ("all:\n  east: {hosts: {}}\n", (2, 3), "'east'", "below `children:`"),
    ("all:\n  port: 5\n", (2, 3), "'port'", "below `vars:`"),
    ("hosts:\n  n1:\n", (1, 1), "'hosts' stands where a group", "below `all:`"),
    ("all:\n  hosts:\n    - n1\n", (3, 5), "must be a mapping", "not `- name`"),
    ("all:\n  vars: x\n", (2, 9), "must be a mapping", "`name: value`"),
    ("all:\n  hosts:\n    n1: 5\n", (3, 9), "'n1' must be a mapping", None),
    ("all:\n  hosts:\n    5:\n", (3, 5), "host's name must be a text", "quote it"),
    ("all:\n  hosts:\n    n1: {yes: 1}\n", (3, 10), "variable's name", "quote it"),
    ("all:\n  hosts:\n    n1: x=1\n", (3, 9), "'n1' must be a mapping", "below it, further in"),
    ("all:\n  hosts:\n    n 1:\n", (3, 5), "no host name: there is ' '", None),
    ("all:\n  hosts:\n    n[1:3:\n", (3, 5), "has no counterpart", "n[01:10]"),
    ("- hosts: all\n", (1, 1), "looks like a playbook", "-i names"),
    ('{"_meta": {}, "all": {}}', (1, 2), "prints, not an inventory file", "--yaml"),
    (
        "e:\n  hosts: {n: }\n  vars:\n    ansible_group_priority: high\n",
        (4, 29),
        "must be a whole number, not 'high'",
        None,
    ),
    ("all: 5\n", (1, 6), "must be a mapping", None),
    ("- n1\n", (1, 1), "mapping of groups", "all:"),
    ("", (1, 1), "mapping of groups", "all:"),
    ("plugin: aws_ec2\n", (1, 1), "plugins are not supported", "--list --yaml"),
    ("all:\n  hosts:\n    n[3:1]:\n", (3, 5), "ends before it begins", "n[01:10]"),
    ("a:\n  children:\n    b:\n      children:\n        a:\n", (5, 9), "contain itself", None),
    ("a:\n  children:\n    a:\n", (3, 5), "contain itself", None),
    ("a:\n  children:\n    all:\n", (3, 5), "contain itself", None),
    ("all:\n  hosts:\n    n1:\n    n1:\n", (4, 5), "stands twice", "remove one"),
]


class TestRefusals:
    @pytest.mark.parametrize(("text", "where", "message", "hint"), REFUSED)
    def test_what_means_nothing_is_refused_with_its_place(
        self, load: Write, text: str, where: tuple[int, int], message: str, hint: str | None
    ) -> None:
        error = refusal(load, text)
        assert error.mark is not None
        assert (error.mark.line, error.mark.column) == where
        assert message in error.message
        assert hint is None or hint in (error.hint or "")

    def test_a_missing_inventory_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"nowhere\.yml does not exist"):
            load_inventory([tmp_path / "nowhere.yml"])

    def test_a_program_is_no_inventory(self, load: Write, tmp_path: Path) -> None:
        load({"hosts.py": "#!/bin/sh\necho '{}'\n", "hosts.yml": "a:"})
        (tmp_path / "hosts.py").chmod(0o755)
        with pytest.raises(SourceError, match="programs are not supported"):
            load_inventory([tmp_path / "hosts.py"])

    def test_toml_is_no_inventory(self, load: Write) -> None:
        with pytest.raises(SourceError, match="TOML are not supported"):
            load({"hosts.toml": "[web.hosts]\n"}, "hosts.toml")

    @pytest.mark.parametrize("text", ["- a\n", "just text\n", "1: x\n"])
    def test_a_variable_file_must_be_a_mapping_of_names(self, load: Write, text: str) -> None:
        with pytest.raises(SourceError, match=r"group_vars/a\.yml"):
            load({"hosts.yml": "a: {hosts: {n: }}", "group_vars/a.yml": text})


class TestSources:
    def test_a_folder_is_read_in_name_order_and_without_what_is_no_inventory(
        self, load: Write
    ) -> None:
        inventory = load(
            {
                "inv/10.yml": "a: {hosts: {n1: {v: 1, w: 1}}}",
                "inv/20.yml": "b: {hosts: {n2: {}, n1: {v: 2}}}",
                "inv/more/30.yml": "c: {hosts: {n3: }}",
                "inv/README.md": "not one",
                "inv/.hidden.yml": "[",
                "inv/old.yml~": "[",
                "inv/group_vars/a.yml": "from_folder: true",
            },
            "inv",
        )
        assert list(inventory.hosts) == ["n1", "n2", "n3"]
        assert inventory.hosts["n1"].variables == {"v": 2, "w": 1, "from_folder": True}

    def test_several_inventories_merge_and_the_later_wins(self, load: Write) -> None:
        inventory = load(
            {
                "one/hosts.yml": "a: {hosts: {n1: {v: 1}}, vars: {g: 1, k: 1}}",
                "two/hosts.yml": "a: {hosts: {n2: {}, n1: {v: 2}}, vars: {g: 2}}",
            },
            "one/hosts.yml",
            "two/hosts.yml",
        )
        assert inventory.groups["a"].hosts == ("n1", "n2")
        assert inventory.hosts["n1"].variables == {"v": 2, "g": 2, "k": 1}

    def test_names_with_commas_are_an_inventory(self) -> None:
        from pathlib import Path  # noqa: PLC0415 - only this test makes a path of its own

        inventory = load_inventory([Path("n[1:2], db:2222,")])
        assert list(inventory.hosts) == ["n1", "n2", "db"]
        assert inventory.hosts["db"].variables == {"ansible_port": 2222}
        assert inventory.hosts["db"].groups == ("ungrouped",)

    def test_json_is_yaml(self, load: Write) -> None:
        inventory = load({"h.json": '{"a": {"hosts": {"n1": {"v": true}}}}'}, "h.json")
        assert inventory.hosts["n1"].variables == {"v": True}

    def test_variable_files_and_folders(self, load: Write) -> None:
        inventory = load(
            {
                "hosts.yml": "{east: {hosts: {e1: , e2: }}, west: {hosts: {w1: }}}",
                "group_vars/all.yml": "{a: all, b: all}",
                "group_vars/east/10-first.yml": "{b: east-first, c: east-first}",
                "group_vars/east/20-second.yml": "{c: east-second}",
                "group_vars/east/30-more/x": "{d: deep}",
                "group_vars/east/notes.txt": "not variables",
                "group_vars/east/.hidden.yml": "[",
                "group_vars/east.yml": "{c: never read}",
                "group_vars/west.yaml": "{b: west, c: west}",
                "host_vars/e2/main.yml": "{c: host-e2}",
                "host_vars/w1": "{a: host-w1}",
                "host_vars/e1.json": "",
            }
        )
        shown = {name: dict(host.variables) for name, host in inventory.hosts.items()}
        assert shown == {
            "e1": {"a": "all", "b": "east-first", "c": "east-second", "d": "deep"},
            "e2": {"a": "all", "b": "east-first", "c": "host-e2", "d": "deep"},
            "w1": {"a": "host-w1", "b": "west", "c": "west"},
        }

    def test_this_machine_gets_the_variables_of_all(self, load: Write) -> None:
        inventory = load(
            {
                "hosts.yml": "all: {vars: {a: 1, ansible_connection: ssh}}",
                "group_vars/all.yml": "b: 2",
                "host_vars/localhost.yml": "c: 3",
            }
        )
        host = inventory.host("localhost")
        assert host is not None
        assert host.variables == {"a": 1, "b": 2, "c": 3, "ansible_connection": "local"}
        assert inventory.host("127.0.0.1") is not None
        assert inventory.host("nosuch") is None

    def test_a_thousand_hosts_read_each_file_once(self, load: Write, tmp_path: Path) -> None:
        inventory = load(
            {
                "hosts.yml": 'all: {children: {a: {hosts: {"n[0001:1000]": }}}}',
                "group_vars/a.yml": "v: [1]",
            }
        )
        assert len(inventory.hosts) == 1000
        first, last = inventory.hosts["n0001"], inventory.hosts["n1000"]
        assert first.variables["v"] is last.variables["v"]
        assert inventory.beside(tmp_path).hosts["n0500"].variables == {"v": [1]}
