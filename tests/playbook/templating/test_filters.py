"""Filters, tests and lookups as playbooks use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import TaskError
from raftfleet.playbook.templating import Scope, TemplatingError, evaluate, written

if TYPE_CHECKING:
    from pathlib import Path

DATA = {
    "s": "Raft node-07 port 7000",
    "l": [3, 1, 2, 3],
    "d": {"b": [1, "2", True, None], "a": {"c": 1.5}},
    "rows": [{"n": "a", "v": 1, "up": True}, {"n": "b", "v": 2, "up": False}, {"n": "c", "v": 3}],
    "good": {"failed": False, "changed": True},
    "bad": {"failed": True, "changed": False},
    "skip": {"skipped": True, "changed": False},
    "gone": {"unreachable": True},
}


def value(expression: str, **more: Any) -> Any:
    return evaluate(written("{{ " + expression + " }}"), Scope([more, DATA]))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # text and paths
        ("s | split(' ') | last", "7000"),
        (r"s | regex_replace('node-(\d+)', 'n\1')", "Raft n07 port 7000"),
        (r"s | regex_replace('RAFT', 'x', ignorecase=true)", "x node-07 port 7000"),
        (r"'aaa' | regex_replace('a', 'b', count=2)", "bba"),
        (r"s | regex_search('\d+')", "07"),
        (r"s | regex_search('node-(\d+)', '\1')", ["07"]),
        (r"s | regex_search('node-(?P<x>\d+)', '\g<x>')", ["07"]),
        ("s | regex_search('zzz')", None),
        (r"s | regex_findall('\d+')", ["07", "7000"]),
        ("'a.b' | regex_escape", "a\\.b"),
        ("'a*b' | regex_escape('posix_basic')", "a\\*b"),
        ("'/a/b/c.tar.gz' | basename", "c.tar.gz"),
        ("'/a/b/c.tar.gz' | dirname", "/a/b"),
        ("'/a/b.txt' | splitext", ["/a/b", ".txt"]),
        ("['/a', 'b'] | path_join", "/a/b"),
        ("'/a/b/c' | relpath('/a')", "b/c"),
        ("'/a/../b' | normpath", "/b"),
        ('"it\'s" | quote', "'it'\"'\"'s'"),
        ("none | quote", "''"),
        ("'one\ntwo' | comment", "#\n# one\n# two\n#"),
        # encoding
        ("'secret' | b64encode", "c2VjcmV0"),
        ("'c2VjcmV0' | b64decode", "secret"),
        ("'a' | hash('sha1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("'a' | md5", "0cc175b9c0f1b6a831c399e269772661"),
        ("'a' | checksum", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("'python.org' | to_uuid('6ba7b810-9dad-11d1-80b4-00c04fd430c8')", "886313e1-3b8a-5372-9b90-0c9aee199e5d"),
        # lists
        ("l | unique", [3, 1, 2]),
        ("[{'a': 1}, {'a': 1}] | unique", [{"a": 1}]),
        ("l | union([9])", [3, 1, 2, 9]),
        ("l | difference([3])", [1, 2]),
        ("l | intersect([2, 3])", [3, 2]),
        ("l | symmetric_difference([1, 8])", [3, 2, 8]),
        ("[1, [2, [3, none]]] | flatten", [1, 2, 3]),
        ("[1, [2, [3]]] | flatten(levels=1)", [1, 2, [3]]),
        ("[1, 2] | zip(['a', 'b'])", [[1, "a"], [2, "b"]]),
        ("[1] | zip_longest(['a', 'b'], fillvalue='-')", [[1, "a"], ["-", "b"]]),
        ("[1, 2] | product([3, 4])", [[1, 3], [1, 4], [2, 3], [2, 4]]),
        ("[1, 2, 3] | combinations(2)", [[1, 2], [1, 3], [2, 3]]),
        ("[1, 2] | permutations", [[1, 2], [2, 1]]),
        ("[0, 2] | map('extract', ['x', 'y', 'z'])", ["x", "z"]),
        ("'a' | extract({'a': {'b': 5}}, 'b')", 5),
        ("[{'u': 1, 'k': [7, 8]}] | subelements('k') | map('last')", [7, 8]),
        ("[{'u': 1}] | subelements('k', skip_missing=true)", []),
        ("l | min", 1),
        ("l | max", 3),
        ("rows | map(attribute='n') | join", "abc"),
        ("rows | selectattr('v', '>', 1) | map(attribute='n')", ["b", "c"]),
        ("rows | selectattr('up', 'defined') | selectattr('up') | map(attribute='n')", ["a"]),
        ("['a', 'bb'] | select('match', '^b')", ["bb"]),
        ("l | shuffle(seed=1) | sort", [1, 2, 3, 3]),
        ("['x'] | random", "x"),
        # mappings
        ("{'a': 1} | combine({'b': 2}, {'a': 3})", {"a": 3, "b": 2}),
        ("{'a': {'x': 1}} | combine({'a': {'y': 2}}, recursive=true)", {"a": {"x": 1, "y": 2}}),
        ("{'a': {'x': 1}} | combine({'a': {'y': 2}})", {"a": {"y": 2}}),
        ("{'a': [1]} | combine({'a': [2]}, list_merge='append')", {"a": [1, 2]}),
        ("{'a': [1, 2]} | combine({'a': [2]}, list_merge='append_rp')", {"a": [1, 2]}),
        ("{'a': [1]} | combine({'a': [2]}, list_merge='prepend')", {"a": [2, 1]}),
        ("{'a': 1} | dict2items", [{"key": "a", "value": 1}]),
        ("{'a': 1} | dict2items(key_name='k', value_name='v')", [{"k": "a", "v": 1}]),
        ("[{'key': 'a', 'value': 1}] | items2dict", {"a": 1}),
        ("'x' | ternary('yes', 'no')", "yes"),
        ("false | ternary('yes', 'no')", "no"),
        ("none | ternary('y', 'n', 'nil')", "nil"),
        # formats
        ("d | to_json", '{"b": [1, "2", true, null], "a": {"c": 1.5}}'),
        ("{'k': 'ü'} | to_json", '{"k": "\\u00fc"}'),
        ("{'z': 1, 'y': 2} | to_json(sort_keys=true)", '{"y": 2, "z": 1}'),
        ("{'b': 1, 'a': [2]} | to_nice_json", '{\n    "a": [\n        2\n    ],\n    "b": 1\n}'),
        ("d | to_nice_yaml", "a:\n    c: 1.5\nb:\n- 1\n- '2'\n- true\n- null\n"),
        ("d | to_yaml", "a: {c: 1.5}\nb: [1, '2', true, null]\n"),
        ("'{\"x\": [1, null]}' | from_json", {"x": [1, None]}),
        ("('a: [1, yes]' | from_yaml).a", [1, True]),
        ("'a\n---\nb' | from_yaml_all", ["a", "b"]),
        ("[1, 'a', 1.0, true, none, [], {}] | map('type_debug') | join(',')", "int,str,float,bool,NoneType,list,dict"),
        # truth, numbers, time
        ("['yes', 'True', 'on', '1', 1, true] | map('bool')", [True] * 6),
        ("['no', 'false', 'x', '', 0, 2] | map('bool')", [False] * 6),
        ("'12' | int + 1", 13),
        ("'x' | int(7)", 7),
        ("100 | log(10)", 2.0),
        ("2 | pow(3)", 8.0),
        ("9 | root", 3.0),
        ("1536 | human_readable", "1.50 KB"),
        ("'1.5 KB' | human_to_bytes", 1536),
        ("'%Y' | strftime(0, utc=true)", "1970"),
        ("('2026-01-02 03:04:05' | to_datetime).year", 2026),
    ],
)  # fmt: skip
def test_a_filter_gives(expression: str, expected: Any) -> None:
    result = value(expression)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    "expression",
    [
        "5 | union([1])",
        "5 | unique",
        "5 | flatten",
        "[1] | combine({})",
        "{} | combine({}, list_merge='x')",
        "[1] | dict2items",
        "s | regex_search('(x', '\\1')",
        "s | regex_search('\\d', 'one')",
        "'x' | regex_replace('x', 'y', mandatory_count=2)",
        "'x' | human_to_bytes",
        "'{' | from_json",
    ],
)
def test_a_filter_refuses(expression: str) -> None:
    with pytest.raises(TemplatingError):
        value(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("good is succeeded", True),
        ("good is success", True),
        ("good is changed", True),
        ("good is failed", False),
        ("bad is failed", True),
        ("bad is succeeded", False),
        ("skip is skipped", True),
        ("skip is succeeded", True),
        ("gone is unreachable", True),
        ("good is reachable", True),
        ("{'results': [good, bad]} is changed", True),
        ("'1.10' is version('1.9', '>')", True),
        ("'1.10' is version('1.10.0', '>=')", False),
        ("'1.0' is version('1.0')", True),
        ("'1.0.0-rc1' is version('1.0.0', '<', version_type='semver')", True),
        ("'1.0.0b1' is version('1.0.0', '<', strict=true)", True),
        ("'1.0rc1' is version('1.0', '<')", False),
        ("'1.2' is version('1.10', 'lt')", True),
        (r"'v2' is match('v\d')", True),
        ("'a v2' is match('v')", False),
        ("'a v2' is search('v')", True),
        ("'abc' is regex('c$')", True),
        ("'ABC' is search('b', ignorecase=true)", True),
        ("'x' is truthy", True),
        ("'' is falsy", True),
        ("'no' is truthy", True),
        ("'no' is truthy(convert_bool=true)", False),
        ("[1, 2] is contains(2)", True),
        ("[1] is subset([1, 2])", True),
        ("[1, 2] is superset([3])", False),
        ("[true, false] is any", True),
        ("[true, false] is all", False),
        ("'/' is directory", True),
        ("'/' is file", False),
        ("'/nope' is exists", False),
        ("'/x' is abs", True),
        ("nope is undefined", True),
    ],
)
def test_a_test_says(expression: str, expected: bool) -> None:
    assert value(expression) is expected


@pytest.mark.parametrize(
    "expression", ["5 is failed", "'' is version('1')", "'1' is version('1', '~')"]
)
def test_a_test_refuses(expression: str) -> None:
    with pytest.raises(TemplatingError):
        value(expression)


class TestLookups:
    @pytest.fixture
    def find(self, tmp_path: Path) -> Any:
        (tmp_path / "known.txt").write_text("one\ntwo\n")
        (tmp_path / "a.conf").write_text("")
        (tmp_path / "b.conf").write_text("")
        (tmp_path / "t.j2").write_text("v={{ v }}\n")

        def find(kind: str, name: str) -> Path:
            del kind
            if (tmp_path / name).exists():
                return tmp_path / name
            raise TaskError(f"the file {name} does not exist")

        return find

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("lookup('env', 'RAFTFLEET_TEST')", "from outside"),
            ("lookup('ansible.builtin.env', 'RAFTFLEET_TEST')", "from outside"),
            ("lookup('env', 'NOT_SET_ANYWHERE')", ""),
            ("lookup('env', 'NOT_SET_ANYWHERE', default='d')", "d"),
            ("lookup('file', 'known.txt')", "one\ntwo"),
            ("lookup('file', 'known.txt', rstrip=false)", "one\ntwo\n"),
            ("lookup('file', 'nope', errors='ignore')", None),
            ("lookup('template', 't.j2')", "v=value\n"),
            ("lookup('template', 't.j2', template_vars={'v': 1})", "v=1\n"),
            ("lookup('vars', 'v')", "value"),
            ("lookup('vars', 'nope', default='d')", "d"),
            ("lookup('vars', 'v', 'w')", "value,wert"),
            ("query('vars', 'v', 'w')", ["value", "wert"]),
            ("q('env', 'RAFTFLEET_TEST')", ["from outside"]),
            ("lookup('vars', 'v', wantlist=true)", ["value"]),
            ("lookup('first_found', ['nope', 'known.txt']) | basename", "known.txt"),
            ("lookup('first_found', {'files': ['known.txt'], 'paths': ['x', '.']}) | basename", "known.txt"),
            ("query('first_found', 'nope', skip=true)", []),
            ("query('fileglob', '*.conf') | map('basename')", ["a.conf", "b.conf"]),
            ("query('items', [1, 2], 3)", [1, 2, 3]),
            ("(['a'] | map('upper') | first) ~ lookup('vars', 'v')", "Avalue"),
        ],
    )  # fmt: skip
    def test_gives(
        self, monkeypatch: pytest.MonkeyPatch, find: Any, expression: str, expected: Any
    ) -> None:
        monkeypatch.setenv("RAFTFLEET_TEST", "from outside")
        scope = Scope([{"v": "value", "w": "wert"}], find=find)
        assert evaluate(written("{{ " + expression + " }}"), scope) == expected

    def test_sees_the_variables_of_a_loop_in_the_template(self, find: Any) -> None:
        text = "{% for name in ['v', 'w'] %}{{ lookup('vars', name) }}{% endfor %}"
        scope = Scope([{"v": "1", "w": "2"}, written({"broken": "{{ 1 + }}"})], find=find)
        assert evaluate(written(text), scope) == "12"

    @pytest.mark.parametrize(
        "expression",
        ["lookup('file', 'nope')", "lookup('vars', 'nope')", "query('first_found', 'nope')"],
    )
    def test_refuses(self, find: Any, expression: str) -> None:
        with pytest.raises((TemplatingError, TaskError)):
            evaluate(written("{{ " + expression + " }}"), Scope([], find=find))
