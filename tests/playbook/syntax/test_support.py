"""Every word that is promised is read, and every word that is not is refused with a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raftfleet.errors import SourceError
from raftfleet.inventory import load_yaml

if TYPE_CHECKING:
    from tests.playbook.conftest import Stage

# What reaches from the play to the task: with a value of the right kind, and one of the wrong kind.
_Samples = dict[str, tuple[str, "str | None"]]
EVERYWHERE: _Samples = {
    "any_errors_fatal": ("true", "perhaps"),
    "become": ("yes", "maybe"),
    "become_method": ("sudo", "su"),
    "become_user": ("admin", "[a]"),
    "check_mode": ("false", "never"),
    "connection": ("local", "winrm"),
    "diff": ("true", "a lot"),
    "environment": ("{LANG: C}", "word"),
    "ignore_errors": ("'{{ it }}'", "[true]"),
    "ignore_unreachable": ("true", "perhaps"),
    "name": ("A name", "[a]"),
    "no_log": ("true", "secret"),
    "remote_user": ("me", "{a: b}"),
    "run_once": ("true", "twice"),
    "tags": ("[a, 'b, c']", "{a: b}"),
    "throttle": ("2", "few"),
    "timeout": ("30", "long"),
    "vars": ("{a: 1}", "[{a: 1}]"),
}
PLAY: _Samples = EVERYWHERE | {
    "collections": ("[a.b]", None),
    "force_handlers": ("true", "perhaps"),
    "gather_facts": ("false", "perhaps"),
    "handlers": ("[{name: h, say: x}]", "{say: x}"),
    "hosts": ("[e1, west]", "[]"),
    "max_fail_percentage": ("20", "a few"),
    "order": ("sorted", "random"),
    "post_tasks": ("[{say: x}]", "{say: x}"),
    "pre_tasks": ("[{say: x}]", "say"),
    "roles": ("[r, {role: r}, {name: r}]", "r"),
    "serial": ("[1, '50%']", "x"),
    "strategy": ("linear", "free"),
    "tasks": ("[{say: x}]", "say"),
    "vars_files": ("[a.yml, [b.yml, c.yml]]", "[1]"),
}
INSIDE: _Samples = EVERYWHERE | {
    "delegate_facts": ("true", "perhaps"),
    "delegate_to": ("e2", "[e2]"),
    "notify": ("[h]", "[1]"),
    "when": ("[a is defined, b]", "[1]"),
}
BLOCK: _Samples = INSIDE | {
    "always": ("[{say: x}]", "{say: x}"),
    "block": ("[{say: x}]", "{say: x}"),
    "rescue": ("[{say: x}]", "say"),
}
TASK: _Samples = INSIDE | {
    "args": ("{text: x}", "[x]"),
    "changed_when": ("false", "[1]"),
    "delay": ("1.5", "soon"),
    "failed_when": ("[a, b]", "{a: b}"),
    "loop": ("[1]", "{a: 1}"),
    "loop_control": ("{loop_var: i, index_var: n, label: x, pause: 1, extended: true}", "{lop: i}"),
    "register": ("r", "a-b"),
    "retries": ("3", "many"),
    "until": ("a is defined", "1"),
    "with_dict": ("{a: 1}", None),
    "with_items": ("[1]", None),
}
ROLE: _Samples = {word: samples for word, samples in INSIDE.items() if word != "name"}
# Needed beside the word that is tried.
_BESIDE = {"loop_control": "loop: [1]", "delay": "until: a is defined"}
_PLACES = [
    *(("play", word) for word in PLAY),
    *(("block", word) for word in BLOCK),
    *(("task", word) for word in TASK),
    *(("handler", word) for word in {**TASK, "listen": ("[a]", "[1]")}),
    *(("role", word) for word in ROLE),
]
_WORDS: dict[str, _Samples] = {
    "play": PLAY, "block": BLOCK, "task": TASK, "handler": TASK | {"listen": ("[a]", "[1]")}, "role": ROLE,
}  # fmt: skip


def written(place: str, word: str, value: str) -> str:
    """Return a playbook that says the word at that place, on a line of its own."""
    start = {
        "play": ["- gather_facts: false"] if word == "hosts" else ["- hosts: e1"],
        "block": ["- hosts: e1", "  tasks:", "  - tags: [x]" if word == "block" else "  - block: [{say: x}]"],
        "task": ["- hosts: e1", "  tasks:", "  - say:"],
        "handler": ["- hosts: e1", "  handlers:", "  - say:"],
        "role": ["- hosts: e1", "  roles:", "  - role: r"],
    }[place]  # fmt: skip
    if word == "tags" and place == "block":
        start[-1] = "  - block: [{say: x}]"
    indent = "  " if place == "play" else "    "
    beside = (
        [f"{indent}{_BESIDE[word]}"] if word in _BESIDE and place in {"task", "handler"} else []
    )
    return "\n".join([*start, *beside, f"{indent}{word}: {value}", ""])


@pytest.fixture(autouse=True)
def roles(stage: Stage) -> None:
    """Offer the roles that the playbooks name."""
    stage.write("roles/r/tasks/main.yml", "[]")
    stage.write("roles/r/handlers/main.yml", "[{name: h, say: x}]")


@pytest.mark.parametrize(("place", "word"), _PLACES)
def test_a_word_that_is_promised_is_read(stage: Stage, place: str, word: str) -> None:
    text = written(place, word, _WORDS[place][word][0])
    if word == "notify" and place == "handler":
        text = text.replace("say:", "say:\n    name: h")
    elif word == "notify":
        text += "  handlers: [{name: h, say: x}]\n"
    stage.load(text)


@pytest.mark.parametrize(
    ("place", "word"), [(p, w) for p, w in _PLACES if _WORDS[p][w][1] is not None]
)
def test_a_value_of_the_wrong_kind_is_refused_at_its_place(
    stage: Stage, place: str, word: str
) -> None:
    value = _WORDS[place][word][1]
    text = written(place, word, str(value))
    with pytest.raises(SourceError) as caught:
        stage.load(text)
    mark = caught.value.mark
    assert mark is not None
    line = next(
        n for n, said in enumerate(text.splitlines(), 1) if said.strip(" -").startswith(f"{word}:")
    )
    assert mark.line == line
    assert mark.column >= text.splitlines()[line - 1].index(":")


@pytest.mark.parametrize("name", ["say", "ansible.builtin.say", "ansible.legacy.say"])
def test_modules_go_by_their_full_names_too(stage: Stage, name: str) -> None:
    assert stage.tasks(f"- {name}: x").of("e1") == ["x"]


@pytest.mark.parametrize(
    "task",
    [
        "include_tasks: more.yml",
        "include_tasks: {file: more.yml, apply: {tags: [x], become: true}}",
        "include_role: {name: r, tasks_from: main, public: true, allow_duplicates: false}",
        "import_tasks: more.yml",
        "ansible.builtin.import_role: {name: r, defaults_from: main, handlers_from: main}",
        "include_vars: more_vars.yml",
        "meta: flush_handlers",
    ],
)
def test_includes_and_imports_are_read(stage: Stage, task: str) -> None:
    stage.write("more.yml", "[{say: x}]")
    stage.write("more_vars.yml", "{}")
    stage.write("roles/r/defaults/main.yml", "{}")
    stage.load(f"- hosts: e1\n  tasks:\n    - {task}\n")


def test_playbooks_are_imported(stage: Stage) -> None:
    stage.write("other.yml", "- hosts: e1\n  tasks: [{say: '{{ a }}'}]\n")
    ran = stage.run(
        "- {import_playbook: other.yml, vars: {a: x}, when: true, tags: [t], name: n}\n"
    )
    assert ran.of("e1") == ["x"]


def test_a_role_may_bring_all_its_folders(stage: Stage) -> None:
    for name, text in {
        "defaults/main.yml": "a: 1",
        "vars/main.yml": "b: 2",
        "meta/main.yml": "{dependencies: [r], allow_duplicates: true, galaxy_info: {author: me}}",
        "handlers/main.yml": "[{name: hh, say: x}]",
        "templates/t.j2": "x",
        "files/f": "x",
        "tasks/main.yml": "[{say: '{{ a }}{{ b }}{{ p }}'}]",
    }.items():
        stage.write(f"roles/all/{name}", text)
    ran = stage.run(
        "- {hosts: e1, roles: [{role: all, p: 3, vars: {q: 1}, when: true, tags: [t]}]}"
    )
    assert ran.of("e1") == ["123"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dependancies: []", "'dependancies' is not a keyword of the meta of a role"),
        ("collections: [a.b]", "'collections' is not supported"),
    ],
)
def test_the_meta_of_a_role_is_a_closed_set(stage: Stage, text: str, message: str) -> None:
    stage.write("roles/r/meta/main.yml", f"galaxy_info: {{}}\n{text}\n")
    with pytest.raises(SourceError, match=rf"meta/main.yml:2:1: {message}"):
        stage.load("- {hosts: e1, roles: [r]}")


@pytest.mark.parametrize(
    "folder",
    ["library", "module_utils", "action_plugins", "filter_plugins", "lookup_plugins", "test_plugins"],
)  # fmt: skip
def test_a_role_with_code_in_it_is_refused_where_it_is_named(stage: Stage, folder: str) -> None:
    stage.write(f"roles/r/{folder}/x.py", "")
    with pytest.raises(SourceError, match=rf"play.yml:3:5: the role r brings {folder}/") as caught:
        stage.load("- hosts: e1\n  roles:\n  - r\n")
    assert "module of your own" in (caught.value.hint or "")


def test_the_files_of_a_role_that_import_each_other_end(stage: Stage) -> None:
    stage.write("roles/r/tasks/main.yml", "- import_role: {name: s}\n")
    stage.write("roles/s/tasks/main.yml", "- import_role: {name: r}\n")
    with pytest.raises(SourceError, match=r"roles/s/tasks/main.yml:1:23: the role r needs itself"):
        stage.load("- {hosts: e1, roles: [r]}")
    stage.write("roles/s/tasks/main.yml", "- import_role: {name: s, tasks_from: more}\n")
    stage.write("roles/s/tasks/more.yml", "- say: more\n")
    assert stage.run("- {hosts: e1, roles: [s]}").of("e1") == ["more"]
    stage.write("a.yml", "- import_playbook: b.yml\n")
    stage.write("b.yml", "- import_playbook: a.yml\n")
    with pytest.raises(SourceError, match=r"b.yml:1:20: a.yml is imported inside itself"):
        stage.load("- import_playbook: a.yml\n")


@pytest.mark.parametrize(
    ("task", "place", "message", "hint"),
    [
        ("say:\ntext: x", "4:7", "'text' is not a keyword of a task", "indent it, so that it stands below say:"),
        ("typed:\n  count: 1\n  register: r", "5:9", "typed has no argument 'register'", "write it beside typed:, not below it"),
        ("say: x\nmore: y", "4:7", "'more' is not a keyword of a task", "write it below args:"),
        ("say: x\napt: {name: y}", "4:7", "a task has one module, not say and apt", "two tasks"),
        ("say: x\n7: y", "4:7", "'7' is not a keyword of a task", ""),
        ("typed: {state: upp}", "3:22", "typed: state wants one of up, down, not 'upp'", "did you mean up?"),
        ("typed: {of: [1]}", "3:19", "typed: of wants a mapping", ""),
        ("next_answer:", "3:7", "next_answer: the argument 'name' is missing", ""),
        ("typed: {mode: 0644}", "3:21", "typed: mode wants a quoted mode, not 0644", 'quote it: "0644"'),
        ("import_tasks: mor.yml", "3:21", "the file mor.yml does not exist", "did you mean more.yml? looked in"),
        ("import_role: {name: rr}", "3:27", "the role 'rr' was not found", "did you mean r?"),
        ("say: !vault x", "3:12", "vault-encrypted values are not supported", "lookup('env', 'NAME')"),
        ("say: !!set {a, b}", "3:12", "the tag '!!set' is not known", "must be quoted"),
        ("say: x\nsay: y", "4:7", "the key say stands twice in one mapping; first at 3:7", "remove one"),
        ("say: {{ x }}", "3:12", "a template starts this value, and no quote before it", 'must be quoted: "{{ ... }}"'),
        ('say: "x', "3:12", "this quote is never closed", ""),
        ("say: [x", "3:12", "this '[' is never closed", ""),
        ("say: {x: y", "3:12", "this '{' is never closed", ""),
    ],
)  # fmt: skip
def test_a_wrong_task_names_the_way_out(
    stage: Stage, task: str, place: str, message: str, hint: str
) -> None:
    stage.write("more.yml", "[]")
    indented = task.replace("\n", "\n      ")
    with pytest.raises(SourceError) as caught:
        stage.load(f"- hosts: e1\n  tasks:\n    - {indented}\n", instead={"apt": "command"})
    error = caught.value
    assert message in error.message
    assert (error.mark and f"{error.mark.line}:{error.mark.column}") == place
    assert hint in (error.hint or "")


def test_a_file_that_a_vault_encrypted_is_refused_by_name(stage: Stage) -> None:
    stage.write("more.yml", "$ANSIBLE_VAULT;1.1;AES256\n6130\n")
    with pytest.raises(SourceError, match=r"more.yml:1:1: vault-encrypted files are not supported"):
        stage.load("- {hosts: e1, tasks: [{import_tasks: more.yml}]}")


def test_values_that_were_merged_keep_their_places(stage: Stage) -> None:
    text = (
        "- hosts: e1\n"
        "  vars:\n"
        "    common: &common\n"
        "      count: many\n"
        "  tasks:\n"
        "    - typed:\n"
        "        <<: *common\n"
        "        dest: /x\n"
    )
    with pytest.raises(SourceError, match=r"play.yml:4:14: typed: count wants a whole number"):
        stage.load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {hosts: e1, strategy: free}", "the strategy free is not supported"),
        ("- {hosts: e1, become_method: su}", "become_method: wants sudo, not the text su"),
        ("- {hosts: e1, connection: winrm}", "connection: wants ssh or local"),
        ("- {hosts: e1, roles: [a.b.c]}", "roles of collections are not supported: a.b.c"),
        ("- {hosts: e1, tasks: [{import_role: {name: r, tasks_from: '{{ x }}'}}]}", "tasks_from: the name cannot"),
        ("- import_playbook: a.b.c.d", "playbooks of collections are not supported: a.b.c.d"),
        ("- {hosts: e1, tasks: [{say: 1, loop: [1], loop_control: {loop_var: '{{ x }}'}}]}", "loop_var: the name"),
        ("- {hosts: e1, tasks: [{say: !vault x}]}", "vault-encrypted values are not supported"),
        ("- {hosts: e1, vars: {a: !!binary aGk=}}", "the tag '!!binary' is not known"),
    ],
)  # fmt: skip
def test_what_only_ansible_takes_is_told_from_what_is_wrong(
    stage: Stage, text: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        stage.load(text)
    assert caught.value.unsupported


def test_sudo_goes_by_its_full_name(stage: Stage) -> None:
    stage.load("- {hosts: e1, become_method: ansible.builtin.sudo}")


def test_every_sample_is_yaml() -> None:
    for words in _WORDS.values():
        for good, bad in words.values():
            load_yaml(text=good)
            load_yaml(text=bad or "")
