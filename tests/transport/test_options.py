"""Connection variables become options, or an error that names the variable."""

from __future__ import annotations

import getpass
import os
import pwd
from pathlib import Path

import pytest

from raftfleet.clock import Deadline, SystemClock
from raftfleet.errors import UsageError
from raftfleet.transport import (
    LocalOptions,
    SshOptions,
    options_from_variables,
    resolve,
    unless_said,
)

KNOWN = Path("/project/known_hosts")
MACHINES = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))


def read(**variables: object) -> SshOptions:
    """What becomes of variables when there is no ssh_config."""
    args = variables.get("ansible_ssh_extra_args", "")
    variables["ansible_ssh_extra_args"] = f"{args} -F none"
    options = options_from_variables("n1", variables, project_known_hosts=KNOWN)
    assert isinstance(options, SshOptions)
    return resolve("n1", options, Deadline.after(20, SystemClock()))


def expected(**changes: object) -> SshOptions:
    """What nobody said anything about is ssh's default, or ours."""
    home = pwd.getpwuid(os.getuid()).pw_dir
    usual = {
        "address": "n1",
        "user": getpass.getuser(),
        "known_hosts": KNOWN,
        "trusted": (
            Path(home, ".ssh/known_hosts"),
            Path(home, ".ssh/known_hosts2"),
            *MACHINES,
        ),
    }
    return SshOptions(**{**usual, **changes})  # type: ignore[arg-type]


def arguments(text: str) -> SshOptions:
    return read(ansible_ssh_common_args=text)


def test_without_variables_the_name_is_the_address() -> None:
    assert read() == expected()


def test_the_usual_variables_are_read() -> None:
    assert read(
        ansible_host="10.0.0.1",
        ansible_port=2222,
        ansible_user="deploy",
        ansible_ssh_private_key_file="/keys/id",
        ansible_connection="ssh",
        ansible_python_interpreter="/usr/bin/python3",
    ) == expected(
        address="10.0.0.1",
        port=2222,
        user="deploy",
        key_file=Path("/keys/id"),
        identities_only=True,
    )


def test_the_old_names_are_read_and_win() -> None:
    """As ansible-core 2.19.14 does."""
    old = {"ansible_ssh_host": "a", "ansible_ssh_port": "23", "ansible_ssh_user": "u"}
    assert str(read(**old)) == "u@a:23"
    new = {"ansible_host": "b", "ansible_port": "24", "ansible_user": "v"}
    assert str(read(**old, **new)) == "u@a:23"
    assert read(ansible_private_key_file="~/id").key_file == Path.home() / "id"


@pytest.mark.parametrize("name", ["local", "ansible.builtin.local"])
def test_a_local_connection_needs_no_options(name: str) -> None:
    found = options_from_variables("n1", {"ansible_connection": name}, project_known_hosts=KNOWN)
    assert found == LocalOptions()


ONLY = {"identities_only": True}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("-i ~/id", {"key_file": Path.home() / "id", **ONLY}),
        ("-i/keys/id", {"key_file": Path("/keys/id"), **ONLY}),
        ("-p 2222", {"port": 2222}),
        ("-o Port=2222", {"port": 2222}),
        ("-l deploy -o 'User = other'", {"user": "deploy"}),
        ("-o UserKnownHostsFile=/tmp/k", {"known_hosts": Path("/tmp/k"), "trusted": MACHINES}),
        ("-oUserKnownHostsFile=/dev/null", {"known_hosts": None, "trusted": MACHINES}),
        (
            """-o 'UserKnownHostsFile="/tmp/a b" /tmp/c'""",
            {"known_hosts": Path("/tmp/a b"), "trusted": (Path("/tmp/c"), *MACHINES)},
        ),
        (
            "-o 'userknownhostsfile /tmp/k' -o GlobalKnownHostsFile=none",
            {"known_hosts": Path("/tmp/k"), "trusted": ()},
        ),
        ("-o StrictHostKeyChecking=yes", {"strict": True}),
        ("-o StrictHostKeyChecking=no", {"strict": False}),
        ("-o StrictHostKeyChecking=accept-new", {"strict": False}),
        ("-o ConnectTimeout=7", {"connect_timeout": 7.0}),
        ("-o ConnectTimeout=7 -o ConnectTimeout=9", {"connect_timeout": 7.0}),
        ("-o ServerAliveInterval=5 -o ServerAliveCountMax=2", {"keepalive": 5.0, "unanswered": 2}),
        ("-6 -b ::1", {"family": "inet6", "bind_address": "::1"}),
        ("-o IdentityAgent=none", {"agent": "none"}),
        ("-o HostKeyAlias=Vault", {"host_key_alias": "vault"}),
        ("-o 'ProxyCommand=ssh -W [%h]:%p %r@b'", {"proxy_command": "ssh -W [n1]:22 u@b"}),
        ("-C -o ControlMaster=auto -o ControlPersist=60s -o ControlPath=/tmp/%C", {}),
        ("-q -o BatchMode=yes -o LogLevel=ERROR -o Compression=yes -o ForwardAgent=no", {}),
        ("", {}),
    ],
)
def test_arguments_of_ssh_are_read(text: str, changes: dict[str, object]) -> None:
    if "%r" in text:
        assert read(ansible_ssh_common_args=text, ansible_user="u") == expected(user="u", **changes)
    else:
        assert arguments(text) == expected(**changes)


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("-J bastion", ("bastion", ())),
        ("-o ProxyJump=ops@bastion:2222", ("bastion", ("-l", "ops", "-p", "2222"))),
        ("-J a,b,u@c", ("c", ("-J", "a,b", "-l", "u"))),
        ("-J u@[fd00::1]:23", ("fd00::1", ("-l", "u", "-p", "23"))),
        ("-J [::1]", ("::1", ())),
        ("-J ssh://u@c:23", ("c", ("-l", "u", "-p", "23"))),
    ],
)
def test_the_last_jump_is_asked_for_and_told_of_those_before(
    text: str, jump: tuple[str, tuple[str, ...]]
) -> None:
    found = arguments(text).jump
    assert found is not None
    assert found.question is not None
    assert (found.question.host, found.question.arguments) == jump
    assert found.question.config == "none"
    assert found.known_hosts == KNOWN


def test_no_jump_may_be_said() -> None:
    assert arguments("-o ProxyJump=none -o ProxyJump=b").jump is None
    assert arguments("-o ProxyCommand=none").proxy_command is None


def test_variables_win_over_arguments() -> None:
    found = read(
        ansible_ssh_common_args="-p 1 -i /a", ansible_port=2, ansible_ssh_private_key_file="/b"
    )
    assert (found.port, found.key_file) == (2, Path("/b"))
    assert found.identities == ()


def test_arguments_win_in_ansibles_order() -> None:
    found = read(
        ansible_ssh_args="-p 1",
        ansible_port=2,
        ansible_user="v",
        ansible_ssh_common_args="-l common -o ConnectTimeout=3",
        ansible_ssh_extra_args="-o ConnectTimeout=4",
    )
    assert (found.port, found.user, found.connect_timeout) == (1, "v", 3.0)


def test_timeouts_and_host_key_checking_have_variables() -> None:
    assert read(ansible_timeout=7).connect_timeout == 7.0
    assert read(ansible_ssh_timeout="5", ansible_timeout=7).connect_timeout == 5.0
    assert read(ansible_host_key_checking=True).strict
    assert not read(ansible_host_key_checking=False).strict
    won = read(ansible_ssh_host_key_checking="yes", ansible_host_key_checking=False)
    assert won.strict


def test_what_ansible_does_with_ssh_is_its_own_affair() -> None:
    assert (
        read(
            ansible_ssh_pipelining=True,
            ansible_ssh_retries=3,
            ansible_ssh_executable="/usr/bin/ssh",
            ansible_ssh_host_key_ed25519_public="AAAA",
        )
        == expected()
    )


def test_an_address_in_brackets_is_one() -> None:
    assert read(ansible_host="[::1]").address == "::1"
    assert read(ansible_host="fe80::1%lo").address == "fe80::1%lo"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-o ForwardAgent=yes", "-o ForwardAgent: 'yes' is not supported"),
        ("-o ConectTimeout=3", "did you mean ConnectTimeout"),
        ("-o ConnectTimeout=soon", "-o ConnectTimeout: 'soon' is not a number of seconds"),
        ("-o ConnectTimeout", "-o ConnectTimeout has no value"),
        ("-o StrictHostKeyChecking=ask", "'ask' is not supported"),
        ("-o PKCS11Provider=/lib/x.so", "-o PKCS11Provider is not supported"),
        ("-o KnownHostsCommand=/bin/x", "-o KnownHostsCommand is not supported"),
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
        ("ansible_ssh_private_key_passphrase", "x"),
        ("ansible_ssh_executable", "/opt/sshpass-wrapper"),
        ("ansible_timeout", "soon"),
        ("ansible_host_key_checking", "perhaps"),
        ("ansible_ssh_pass", "x"),
        ("ansible_ssh_comon_args", "-p 1"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"n1: {name}"):
        read(**{name: value})


def test_an_ipv6_address_is_shown_in_brackets() -> None:
    assert str(read(ansible_host="fd00::1", ansible_user="u")) == "u@[fd00::1]:22"


def test_what_ssh_does_not_understand_is_said_in_its_words() -> None:
    with pytest.raises(UsageError, match=r"n1: ssh does not take its configuration: .*-J"):
        arguments("-J a -J b")
    with pytest.raises(UsageError, match=r"n1: .* Invalid -J argument"):
        arguments("-J ::1")


def test_without_ssh_there_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match=r"n1: the program ssh, .* is not installed") as info:
        arguments("-o ConnectTimeout=1234")
    assert "openssh-client" in str(info.value)


def test_what_is_said_otherwise_counts_where_no_alias_says_it() -> None:
    otherwise = {"ansible_user": "other", "ansible_timeout": 7}
    assert unless_said({"ansible_ssh_user": "ann"}, otherwise) == {
        "ansible_ssh_user": "ann",
        "ansible_timeout": 7,
    }
    assert unless_said({}, otherwise) == otherwise
    assert unless_said({"ansible_user": "ann", "ansible_ssh_timeout": 5}, otherwise) == {
        "ansible_user": "ann",
        "ansible_ssh_timeout": 5,
    }
