"""Laws that hold for any inventory: patterns are set algebra, and what is printed reads the same."""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from raftfleet.errors import Mark
from raftfleet.inventory import Inventory, load_yaml
from raftfleet.inventory.assemble import Origin
from raftfleet.inventory.printing import Printout, shown_variables
from raftfleet.inventory.tree import Tree
from raftfleet.inventory.yaml_file import add_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

thorough = settings(derandomize=True, max_examples=60, deadline=None)

GROUPS = ("a", "b", "c", "d")
HOSTS = ("h1", "h2", "h3", "i1", "i2", "j1.example", "k-1")
GLOBS = {"h*": "~h", "?1": "~.1$", "[hi]*": "~[hi]", "*.example": "~.*[.]example$"}
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab1 \n\t\"'\\#:-?,[]{}&*!|>%@`=<~é\u2028\U0001f600", max_size=6),
    st.sampled_from(["yes", "0644", "1:30", "2020-01-01", "{{ x }}", "1e3", "~", "null", "=", "<<"]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.sampled_from("kl"), st.text(max_size=2), max_size=2),
)  # fmt: skip
variables = st.dictionaries(st.sampled_from(["v", "w", "x"]), values, max_size=2)
hosts = st.dictionaries(st.sampled_from(HOSTS), variables, max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an inventory in which a group only has later ones as children, so none is a circle."""
    bodies: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(GROUPS):
        later = GROUPS[number + 1 :]
        children = draw(st.sets(st.sampled_from(later), max_size=2)) if later else set()
        body = {"hosts": draw(hosts), "vars": draw(variables)}
        if draw(st.booleans()):
            body["vars"]["ansible_group_priority"] = draw(st.integers(1, 3))
        bodies[name] = {**body, "children": dict.fromkeys(sorted(children))}
    return {"all": {"hosts": draw(hosts), "vars": draw(variables)}, **bodies}


def read(document: object) -> Inventory:
    tree = Tree()
    add_yaml(tree, load_yaml(text=json.dumps(document), file="x"), Mark("x", 1, 1))
    tree.reconcile()
    return Origin(tree, ()).inventory()


inventories = documents().map(read)
parts = st.sampled_from((*GROUPS, *HOSTS, "all", "h*", "~[hi]1", "*", "ungrouped"))


def names(inventory: Inventory, pattern: str, limit: str | None = None) -> list[str]:
    return [host.name for host in inventory.select(pattern, limit)]


class TestPatterns:
    @thorough
    @given(inventories, parts, parts)
    def test_a_union_keeps_the_order_of_its_parts(self, inv: Inventory, p: str, q: str) -> None:
        first, second = names(inv, p), names(inv, q)
        assert names(inv, f"{p}:{q}") == list(dict.fromkeys(first + second))
        assert names(inv, f"{p},{q}") == names(inv, f"{p}:{q}")
        assert names(inv, f"{p}:{p}") == first

    @thorough
    @given(inventories, parts, parts)
    def test_and_narrows_and_not_removes_and_both_keep_order(
        self, inv: Inventory, p: str, q: str
    ) -> None:
        second = set(names(inv, q))
        assert names(inv, f"{p}:&{q}") == [name for name in names(inv, p) if name in second]
        assert names(inv, f"{p}:!{q}") == [name for name in names(inv, p) if name not in second]
        assert names(inv, f"!{q}:{p}") == names(inv, f"{p}:!{q}")

    @thorough
    @given(inventories, parts, parts)
    def test_de_morgan(self, inv: Inventory, p: str, q: str) -> None:
        neither = names(inv, f"all:!{p}:!{q}")
        union = set(names(inv, f"{p}:{q}"))
        assert neither == [name for name in names(inv, "all") if name not in union]
        both = set(names(inv, f"{p}:&{q}"))
        assert set(names(inv, f"all:!{p}")) | set(names(inv, f"all:!{q}")) == (
            set(names(inv, "all")) - both
        )

    @thorough
    @given(inventories, parts, parts)
    def test_a_limit_is_an_and(self, inv: Inventory, p: str, q: str) -> None:
        assert names(inv, p, q) == names(inv, f"{p}:&{q}")
        assert names(inv, p, f"!{q}") == names(inv, f"{p}:!{q}")

    @thorough
    @given(inventories, st.sampled_from(sorted(GLOBS)))
    def test_a_glob_matches_whole_names_and_an_expression_from_the_start(
        self, inv: Inventory, glob: str
    ) -> None:
        matching = set(fnmatch.filter(inv.hosts, glob))
        assert set(names(inv, glob)) == matching
        assert set(names(inv, GLOBS[glob])) == matching

    @thorough
    @given(inventories, parts)
    def test_a_part_that_chooses_somebody_is_known(self, inv: Inventory, p: str) -> None:
        if names(inv, p):
            assert inv.unmatched(p) == []
        assert inv.unmatched(f"{p}:nosuch") == [*inv.unmatched(p), "nosuch"]


class TestGroups:
    @thorough
    @given(inventories)
    def test_hosts_and_groups_agree_on_who_is_where(self, inv: Inventory) -> None:
        assert set(inv.groups["all"].hosts) == set(inv.hosts)
        for name, group in inv.groups.items():
            if name != "all":
                members = {host.name for host in inv.hosts.values() if name in host.groups}
                assert members == set(group.hosts)
            below = {host for child in group.children for host in inv.groups[child].hosts}
            assert set(group.hosts) == below | set(group.direct)

    @thorough
    @given(inventories)
    def test_only_who_is_in_no_other_group_is_ungrouped(self, inv: Inventory) -> None:
        for host in inv.hosts.values():
            assert ("ungrouped" in host.groups) == (host.groups == ("ungrouped",))


def yaml_again(document: dict[str, Any]) -> Inventory:
    tree = Tree()
    text = yaml.safe_dump(document, allow_unicode=True)
    add_yaml(tree, load_yaml(text=text, file="x"), Mark("x", 1, 1))
    tree.reconcile()
    return Origin(tree, ()).inventory()


class TestPrinting:
    @thorough
    @given(documents(), st.booleans(), st.sampled_from([read, yaml_again]))
    def test_what_is_printed_reads_the_same(
        self,
        document: dict[str, Any],
        export: bool,
        again: Callable[[dict[str, Any]], Inventory],
    ) -> None:
        inv = read(document)
        printed = Printout(inv, inv.hosts, export=export).tree()
        if not printed:
            assert not inv.hosts
            return
        second = again(printed)
        assert said(second) == said(inv)
        for name, group in inv.groups.items():
            if group.hosts:
                assert set(second.groups[name].hosts) == set(group.hosts)
                if name != "all":
                    assert second.groups[name].direct or group.children


def said(inventory: Inventory) -> str:
    """Return all variables as JSON, in which 1 is neither true nor 1.0."""
    shown = {name: shown_variables(host.variables) for name, host in inventory.hosts.items()}
    return json.dumps(shown, sort_keys=True)
