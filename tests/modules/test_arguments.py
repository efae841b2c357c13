"""Each argument that ansible-core's modules have is taken, taken without effect, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from raftfleet.errors import SourceError
from raftfleet.inventory.source import MarkedDict
from raftfleet.modules import generic_modules
from raftfleet.playbook.builtin import BUILTIN
from raftfleet.playbook.syntax.arguments import read_arguments

MODULES: dict[str, Any] = {**generic_modules(), **BUILTIN}

FILE = "mode owner group attributes/attr selevel serole setype seuser unsafe_writes"
KEPT = "backup validate"
WEB = (
    "url headers unredirected_headers force force_basic_auth validate_certs client_cert client_key"
    " use_proxy http_agent decompress ciphers use_gssapi use_netrc"
)
CONDITIONS = "chdir creates removes"
UNIT = (
    "name/service/unit state enabled masked daemon_reload/daemon-reload"
    " daemon_reexec/daemon-reexec scope no_block force"
)
TEXT_FILE = f"path/dest/destfile/name {KEPT} {FILE}"

# What the modules of ansible-core 2.19 take, each with its other names behind slashes.
THEIRS = {
    "add_host": "name/host/hostname groups/group/groupname",
    "assert": "that fail_msg/msg success_msg quiet",
    "blockinfile": f"{TEXT_FILE} state block/content marker marker_begin marker_end insertafter"
    " insertbefore prepend_newline append_newline create",
    "command": f"cmd argv {CONDITIONS} stdin stdin_add_newline strip_empty_ends"
    " expand_argument_vars executable",
    "copy": f"src content dest remote_src force follow local_follow checksum directory_mode decrypt"
    f" {KEPT} {FILE}",
    "debug": "msg var verbosity",
    "fail": "msg",
    "fetch": "src dest flat fail_on_missing validate_checksum",
    "file": f"path/dest/name state src recurse force follow access_time access_time_format"
    f" modification_time modification_time_format {FILE}",
    "find": "paths/path/name patterns/pattern excludes/exclude contains read_whole_file file_type"
    " recurse depth hidden follow size age age_stamp get_checksum"
    " checksum_algorithm/checksum/checksum_algo use_regex limit mode exact_mode encoding",
    "get_url": f"dest checksum backup timeout tmp_dest url_username/username url_password/password"
    f" {WEB} {FILE}",
    "group_by": "key parents",
    "include_vars": "file dir name depth files_matching ignore_files extensions"
    " ignore_unknown_extensions hash_behaviour",
    "lineinfile": f"{TEXT_FILE} state line/value regexp/regex search_string backrefs insertafter"
    " insertbefore create firstmatch",
    "pause": "seconds minutes prompt echo",
    "ping": "data",
    "replace": f"{TEXT_FILE} regexp replace after before encoding",
    "script": f"cmd executable decrypt {CONDITIONS}",
    "service": "name state enabled use arguments/args pattern runlevel sleep",
    "set_fact": "cacheable",
    "setup": "gather_subset filter fact_path gather_timeout",
    "shell": f"cmd executable {CONDITIONS} stdin stdin_add_newline",
    "slurp": "src/path",
    "stat": "path/dest/name follow get_checksum checksum_algorithm/checksum/checksum_algo"
    " get_mime/mime/mime_type/mime-type get_attributes/attr/attributes",
    "systemd": UNIT,
    "systemd_service": UNIT,
    "tempfile": "state path prefix suffix",
    "template": f"src dest force follow newline_sequence output_encoding trim_blocks lstrip_blocks"
    f" block_start_string block_end_string variable_start_string variable_end_string"
    f" comment_start_string comment_end_string {KEPT} {FILE}",
    "unarchive": f"src dest creates include exclude extra_opts list_files remote_src copy decrypt"
    f" keep_newer io_buffer_size validate_certs {FILE}",
    "uri": f"method body body_format src remote_src status_code return_content dest timeout"
    f" follow_redirects url_username/user url_password/password creates removes ca_path unix_socket"
    f" {WEB} {FILE}",
    "wait_for": "host port path search_regex state exclude_hosts active_connection_states timeout"
    " delay sleep connect_timeout msg",
    "wait_for_connection": "timeout delay sleep connect_timeout",
}

# What ours take besides; what they do not do; what they refuse.
OURS = {
    "get_url": {"ca_path"},
    "service": {"masked", "daemon_reload", "daemon_reexec", "scope", "no_block", "force"},
    "shell": {"strip_empty_ends"},
}
IDLE = {
    "command": {"executable"},
    "fetch": {"validate_checksum"},
    "get_url": {"tmp_dest"},
    "service": {"pattern", "runlevel", "sleep"},
    "stat": {"get_mime", "get_attributes"},
    "unarchive": {"io_buffer_size"},
}
REFUSED = {"uri": {"unix_socket"}, "get_url": {"sha256sum", "thirsty"}}
OF_FILES = {"attributes", "attr", "selevel", "serole", "setype", "seuser"}

each = pytest.mark.parametrize("name", THEIRS)


def theirs(name: str) -> dict[str, set[str]]:
    """Return a module's arguments in Ansible, with their other names."""
    words = [word.split("/") for word in THEIRS[name].split()]
    return {word: set(others) for word, *others in words}


def writes_files(name: str) -> bool:
    return "unsafe_writes" in THEIRS[name]


def test_every_module_stands_in_the_table() -> None:
    assert THEIRS.keys() == MODULES.keys()


@each
def test_every_argument_is_decided(name: str) -> None:
    module = MODULES[name]
    taken = {word: set(argument.aliases) for word, argument in module.arguments.items()}
    taken.pop("*", None)
    refused = REFUSED.get(name, set()) | (OF_FILES if writes_files(name) else set())
    assert set(getattr(module, "refused", {})) == refused
    wanted = {word: others for word, others in theirs(name).items() if word not in refused}
    more = OURS.get(name, set())
    assert taken.keys() == wanted.keys() | more
    assert {word: taken[word] for word in wanted} == wanted


@each
def test_those_without_effect_are_named(name: str) -> None:
    idle = IDLE.get(name, set()) | ({"unsafe_writes"} if writes_files(name) else set())
    assert getattr(MODULES[name], "idle", frozenset()) == idle
    assert idle <= MODULES[name].arguments.keys()


@pytest.mark.parametrize(
    ("name", "argument"),
    [(name, word) for name in THEIRS for word in sorted(getattr(MODULES[name], "refused", {}))],
)
def test_a_refusal_says_what_to_do(name: str, argument: str) -> None:
    module = MODULES[name]
    with pytest.raises(SourceError, match=f"{argument} is not supported") as raised:
        read_arguments(module, MarkedDict({argument: "x"}), MarkedDict(), None)
    assert raised.value.hint == module.refused[argument]
    assert raised.value.unsupported
