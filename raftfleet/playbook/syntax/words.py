"""The words a play, block, task, handler and role entry may use, and those refused with a way out."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BLOCK",
    "HANDLER",
    "IMPORT_PLAYBOOK",
    "INHERITED",
    "LOOP_CONTROL",
    "META",
    "PLAY",
    "REFUSED",
    "REFUSED_IN_PLAY",
    "ROLE",
    "TASK",
    "bare",
    "refusal",
]

# What reaches from a play, block or role to the tasks inside; the nearer place wins.
INHERITED: Final = frozenset({
    "any_errors_fatal", "become", "become_method", "become_user", "check_mode", "connection",
    "diff", "environment", "ignore_errors", "ignore_unreachable", "no_log", "remote_user",
    "run_once", "throttle", "timeout",
})  # fmt: skip
_ALL: Final = INHERITED | {"name", "tags", "vars"}
_INSIDE: Final = _ALL | {"when", "delegate_to", "delegate_facts"}

PLAY: Final = _ALL | {
    "collections", "hosts", "gather_facts", "gather_subset", "gather_timeout", "fact_path", "roles", "tasks", "pre_tasks", "post_tasks", "handlers", "vars_files",
    "serial", "max_fail_percentage", "force_handlers", "order", "strategy",
}  # fmt: skip
BLOCK: Final = _INSIDE | {"block", "rescue", "always", "notify"}
TASK: Final = _INSIDE | {
    "args", "changed_when", "delay", "failed_when", "loop", "loop_control", "notify", "register",
    "retries", "until", "with_items", "with_dict",
}  # fmt: skip
HANDLER: Final = TASK | {"listen"}
ROLE: Final = _INSIDE | {"role", "tasks_from", "vars_from", "defaults_from", "handlers_from"}
META: Final = frozenset({"allow_duplicates", "argument_specs", "dependencies", "galaxy_info"})
IMPORT_PLAYBOOK: Final = frozenset({"import_playbook", "name", "vars", "when", "tags"})
LOOP_CONTROL: Final = frozenset(
    {"loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when"}
)

_WITH: Final = {
    "with_fileglob": "loop: \"{{ query('fileglob', 'files/*.conf') }}\"",
    "with_first_found": "loop: \"{{ query('first_found', [...]) }}\"",
    "with_indexed_items": "loop: and loop_control: {index_var: index}",
    "with_flattened": 'loop: "{{ x | flatten }}"',
    "with_list": "loop:",
    "with_nested": 'loop: "{{ x | product(y) | list }}"',
    "with_cartesian": 'loop: "{{ x | product(y) | list }}"',
    "with_random_choice": '"{{ x | random }}", without a loop',
    "with_sequence": 'loop: "{{ range(1, 5) | list }}"',
    "with_subelements": "loop: \"{{ x | subelements('y') }}\"",
    "with_together": 'loop: "{{ x | zip(y) | list }}"',
    "with_inventory_hostnames": 'loop: "{{ groups.all }}"',
    "with_file": "loop: over the names, and lookup('file', item)",
    "with_lines": "a task that registers the command's output, and loop: over its stdout_lines",
}
_NO_SUDO_OTHER: Final = "become: true uses sudo without a password; nothing else is configurable"

# Words that Ansible knows and we do not, each with the way out.
REFUSED: Final[dict[str, str]] = {
    "accelerate": "leave it out: the connection is kept open anyway",
    "action": "write the module's name as the key: `command: uptime`",
    "argument_specs": "leave it out",
    "async": "start a service (raft_start, service) and wait for it with wait_for",
    "become_exe": _NO_SUDO_OTHER,
    "become_flags": _NO_SUDO_OTHER,
    "collections": "leave it out: modules go by their own name, or by ansible.builtin.NAME",
    "debugger": "run with --start-at-task after a failure",
    "first_available_file": "loop: \"{{ query('first_found', [...]) }}\"",
    "include": "write include_tasks, import_tasks or import_playbook",
    "local_action": "write the module's name as the key, and delegate_to: localhost",
    "module_defaults": "give the arguments in each task, or through a variable",
    "poll": "start a service (raft_start, service) and wait for it with wait_for",
    "port": "set ansible_port in the inventory",
    "remote_port": "set ansible_port in the inventory",
    "su": "write become: true",
    "sudo": "write become: true",
    "sudo_user": "write become_user:",
    "vars_prompt": "pass the value with -e, or read it with lookup('env', ...)",
    "warn": "leave it out",
    **{word: f"write {hint}" for word, hint in _WITH.items()},
}

# `user` is the name of a module too, so it means this in a play only.
REFUSED_IN_PLAY: Final = {"user": "write remote_user:"}

_PREFIXES: Final = ("ansible.builtin.", "ansible.legacy.")


def bare(name: str) -> str:
    """Return the name of a module without the prefix of Ansible's own collection."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def refusal(word: str) -> str | None:
    """Return the way out when a word is left out on purpose, or None."""
    if word in REFUSED:
        return REFUSED[word]
    if word.startswith("with_"):
        return "write loop: with a filter or a query, or with_items, with_dict"
    return None
