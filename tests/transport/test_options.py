"""Connection variables become options, or an error that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from raftfleet.errors import UsageError
from raftfleet.transport import LocalOptions, SshOptions, options_from_variables

KNOWN = Path("/project/known_hosts")


def read(**variables: object) -> SshOptions:
    options = options_from_variables("n1", variables, project_known_hosts=KNOWN)
    assert isinstance(options, SshOptions)
    return options


def arguments(text: str) -> SshOptions:
    return read(ansible_ssh_common_args=text)


def test_without_variables_the_name_is_the_address() -> None:
    assert read() == SshOptions(address="n1", port=22, user=None, known_hosts=KNOWN)


def test_the_usual_variables_are_read() -> None:
    assert read(
        ansible_host="10.0.0.1",
        ansible_port=2222,
        ansible_user="deploy",
        ansible_ssh_private_key_file="/keys/id",
        ansible_connection="ssh",
        ansible_python_interpreter="/usr/bin/python3",
    ) == SshOptions(
        address="10.0.0.1",
        port=2222,
        user="deploy",
        key_file=Path("/keys/id"),
        known_hosts=KNOWN,
    )


def test_the_old_names_are_read_and_lose_to_the_new_ones() -> None:
    old = {"ansible_ssh_host": "a", "ansible_ssh_port": "23", "ansible_ssh_user": "u"}
    assert str(read(**old)) == "u@a:23"
    new = {"ansible_host": "b", "ansible_port": "24", "ansible_user": "v"}
    assert str(read(**old, **new)) == "v@b:24"
    assert read(ansible_private_key_file="~/id").key_file == Path.home() / "id"


@pytest.mark.parametrize("name", ["local", "ansible.builtin.local"])
def test_a_local_connection_needs_no_options(name: str) -> None:
    found = options_from_variables("n1", {"ansible_connection": name}, project_known_hosts=KNOWN)
    assert found == LocalOptions()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-i ~/id", {"key_file": Path.home() / "id"}),
        ("-i/keys/id", {"key_file": Path("/keys/id")}),
        ("-p 2222", {"port": 2222}),
        ("-o UserKnownHostsFile=/tmp/k", {"known_hosts": Path("/tmp/k")}),
        ("-oUserKnownHostsFile=/dev/null", {"known_hosts": None}),
        ("-o 'userknownhostsfile /tmp/k'", {"known_hosts": Path("/tmp/k")}),
        ("-o StrictHostKeyChecking=yes", {"strict": True}),
        ("-o StrictHostKeyChecking=no", {"strict": False}),
        ("-o StrictHostKeyChecking=accept-new", {"strict": False}),
        ("-o ConnectTimeout=7", {"connect_timeout": 7.0}),
        ("-o ConnectTimeout=7 -o ConnectTimeout=9", {"connect_timeout": 7.0}),
        ("", {}),
    ],
)
def test_arguments_of_ssh_are_read(text: str, expected: dict[str, object]) -> None:
    given: dict[str, object] = {"address": "n1", "known_hosts": KNOWN, **expected}
    assert arguments(text) == SshOptions(**given)  # type: ignore[arg-type]


def test_variables_win_over_arguments() -> None:
    found = read(
        ansible_ssh_common_args="-p 1 -i /a", ansible_port=2, ansible_ssh_private_key_file="/b"
    )
    assert (found.port, found.key_file) == (2, Path("/b"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-o ForwardAgent=yes", "-o ForwardAgent is not supported"),
        ("-o ConectTimeout=3", "did you mean ConnectTimeout"),
        ("-o ConnectTimeout=soon", "-o ConnectTimeout: 'soon' is not a number of seconds"),
        ("-o ConnectTimeout", "-o ConnectTimeout has no value"),
        ("-o StrictHostKeyChecking=ask", "'ask' is not supported"),
        ("-o 'UserKnownHostsFile=a b'", "expected one file"),
        ("-J bastion", "-J: reaching a host through another one is not yet supported"),
        ("-o ProxyJump=bastion", "not yet supported"),
        ("-o 'ProxyCommand=ssh -W %h:%p b'", "not yet supported"),
        ("-A", "option -A not recognized"),
        ("-p", "option -p requires argument"),
        ("-p 99999", "'99999' is not a port"),
        ("somewhere", "'somewhere' is not an option"),
        ("-i 'open", "No closing quotation"),
    ],
)
def test_arguments_nobody_supports_are_refused_by_name(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as info:
        arguments(text)
    assert complaint in str(info.value)
    assert "n1: ansible_ssh_common_args" in str(info.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ansible_connection", "winrm"),
        ("ansible_port", 0),
        ("ansible_port", "ssh"),
        ("ansible_port", True),
        ("ansible_host", ["a"]),
        ("ansible_password", "x"),
        ("ansible_ssh_pass", "x"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"n1: {name}"):
        read(**{name: value})


def test_an_ipv6_address_is_shown_in_brackets() -> None:
    assert str(read(ansible_host="fd00::1", ansible_user="u")) == "u@[fd00::1]:22"
