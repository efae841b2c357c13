"""Hosts of an ordinary user, made, used and removed by commands that run as one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raftfleet import sandbox
from raftfleet.errors import SandboxError
from raftfleet.sandbox import place
from raftfleet.sandbox.rootless import KEEPER_TAG
from raftfleet.sandbox.waiting import until
from tests.sandbox.ordinary_user import OrdinaryUser

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.hosts

NAME = f"sbx-user-{os.getpid()}"
DROPPED = (16, 17, 22, 25, 27, 32, 33, 34, 35)  # capabilities that no host may hold


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with contextlib.ExitStack() as last:
        path = Path(tempfile.mkdtemp(prefix="raftfleet-user-"))
        path.chmod(0o755)
        last.callback(shutil.rmtree, path)
        yield path


@pytest.fixture(scope="module")
def user(folder: Path) -> Iterator[OrdinaryUser]:
    if shutil.which("newuidmap") is None:
        pytest.skip("newuidmap is not installed (apt-get install uidmap)")
    us = OrdinaryUser(folder, 4001).make()
    tried = us.run("unshare", "--user", "--map-auto", "--map-root-user", "--net", "true")
    if tried.returncode != 0:
        pytest.skip(f"no user namespaces for ordinary users here: {tried.stderr.strip()}")
    yield us
    us.raftfleet("sandbox", "down", "--name", NAME)
    assert leftovers(us) == []


@pytest.fixture
def up(user: OrdinaryUser) -> Iterator[OrdinaryUser]:
    done = user.raftfleet("sandbox", "up", "--name", NAME, "--disk-mb", "64")
    assert done.returncode == 0, done.stderr
    yield user
    done = user.raftfleet("sandbox", "down", "--name", NAME)
    assert done.returncode == 0, done.stderr
    assert leftovers(user) == []


def leftovers(user: OrdinaryUser) -> list[str]:
    """Return all that is there because of a user's sandboxes, found without the code under test."""
    found = [str(path) for path in user.sandboxes.glob("*")]
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            if f"={NAME}/".encode() in environment:
                found.append(f"tagged process {entry.name}")
            mounts = (entry / "mountinfo").read_text(encoding="utf-8", errors="replace")
            if f"{user.sandboxes}/" in mounts:
                found.append(f"process {entry.name} has mounts of the sandbox")
    return found


def keeper() -> int:
    """Return the pid of the first process inside, found by its tag, which it hands to its child."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{KEEPER_TAG}={NAME}/".encode() in (entry / "environ").read_bytes():
                pids.append(int(entry.name))
    parents = {int(Path(f"/proc/{pid}/stat").read_text().split()[3]): pid for pid in pids}
    return next(pid for pid in pids if pid in parents)


def ssh(user: OrdinaryUser, host: str, text: str) -> str:
    done = user.raftfleet("sandbox", "ssh", "--name", NAME, host, text)
    return (done.stdout + done.stderr).strip()


def test_an_ordinary_user_has_hosts_and_is_root_on_them(up: OrdinaryUser) -> None:
    for name in ("n1", "n2", "n3"):
        assert ssh(up, name, "uname -n; id -u; cat /etc/hostname").split() == [name, "0", name]
    said = ssh(up, "n1", "bash -c 'head -n 1 </dev/tcp/n3/22'")
    assert said.startswith("SSH-2.0-")
    record = json.loads((up.sandboxes / NAME / "state.json").read_text())
    for address in [host["address6"] for host in record["hosts"] if host["address6"]]:
        assert ssh(up, "n2", f"bash -c 'head -n 1 </dev/tcp/{address}/22'").startswith("SSH-2.0-")


def test_a_users_host_has_clocks_of_its_own_and_may_not_set_the_machines(up: OrdinaryUser) -> None:
    assert float(ssh(up, "n2", "cat /proc/uptime").split()[0]) > time.monotonic() + 10_000_000
    bounds = int(ssh(up, "n1", "grep CapBnd /proc/1/status").split()[1], 16)
    assert [bit for bit in DROPPED if bounds >> bit & 1] == []
    assert "Operation not permitted" in ssh(up, "n1", 'date -s "@$(date +%s)"')


def test_a_users_host_can_change_its_own_files_and_none_of_the_machine(up: OrdinaryUser) -> None:
    said = ssh(up, "n1", "touch /etc/x /opt/x /var/lib/x /root/x /usr/x; ls /etc/x /opt/x; df /")
    assert "touch: cannot touch '/usr/x': Read-only file system" in said
    assert "/etc/x\n/opt/x" in said
    assert not Path("/etc/x").exists()
    assert ssh(up, "n1", "ls -d /home/* /etc/ssh/*key") == (
        "/etc/ssh/ssh_host_ed25519_key\nls: cannot access '/home/*': No such file or directory"
    )
    assert "No space left" in ssh(up, "n2", "head -c 100m /dev/zero >/root/full")


def test_the_death_of_the_keeper_ends_everything(up: OrdinaryUser) -> None:
    os.kill(keeper(), signal.SIGKILL)
    until(
        lambda: ", ".join(p for p in leftovers(up) if "process" in p) or None,
        seconds=10,
        what="end of all processes",
    )
    done = up.raftfleet("sandbox", "ssh", "--name", NAME, "n1", "true")
    assert done.returncode == 5
    assert f"sandbox {NAME} has lost: n1, n2, n3" in done.stderr
    again = up.raftfleet("sandbox", "up", "--name", NAME, "-n", "1", "--disk-mb", "16")
    assert again.returncode == 0, again.stderr


def test_a_second_up_is_refused_and_harms_nothing(up: OrdinaryUser) -> None:
    done = up.raftfleet("sandbox", "up", "--name", NAME)
    assert done.returncode == 5
    assert f"sandbox {NAME} is up already, with 3 hosts" in done.stderr
    assert ssh(up, "n3", "uname -n") == "n3"


def test_a_users_sandbox_is_nobody_elses(up: OrdinaryUser, folder: Path) -> None:
    other = OrdinaryUser(folder, 4002).make()
    for runtime, said in ((other.runtime, "there is no sandbox"), (up.runtime, "somebody else's")):
        for words in (("ssh", "--name", NAME, "n1", "true"), ("inventory", "--name", NAME)):
            done = other.raftfleet("sandbox", *words, XDG_RUNTIME_DIR=str(runtime))
            assert done.returncode == 5
            assert said in done.stderr
    done = other.raftfleet("sandbox", "down", "--name", NAME)
    assert done.stdout == f"sandbox {NAME}: removed nothing\n"
    assert not sandbox.exists(NAME), "root's own are others"
    assert ssh(up, "n1", "uname -n") == "n1"


def test_a_runtime_folder_that_others_may_enter_is_refused(user: OrdinaryUser) -> None:
    open_to_all = user.home / "open"
    open_to_all.mkdir(mode=0o755)
    os.chown(open_to_all, user.uid, user.uid)
    done = user.raftfleet("sandbox", "up", "--name", NAME, XDG_RUNTIME_DIR=str(open_to_all))
    assert done.returncode == 5
    assert "must be a folder of yours that nobody else may enter" in done.stderr
    assert f"chmod 700 {open_to_all}" in done.stderr


@pytest.mark.parametrize("moment", [0.15, 0.25, 0.35, 0.45, 0.6])
def test_after_an_up_that_was_killed_down_leaves_nothing(user: OrdinaryUser, moment: float) -> None:
    maker = user.start("sandbox", "up", "--name", NAME, "--disk-mb", "16")
    with maker, contextlib.suppress(Exception):
        maker.wait(moment)  # a moment among many: whichever step it is, nothing may stay
    maker.kill()
    done = user.raftfleet("sandbox", "down", "--name", NAME)
    assert done.returncode == 0, done.stderr
    assert leftovers(user) == []


MISSING = {
    "no newuidmap": (
        {"/usr/bin/newuidmap": ""},
        "programs missing: newuidmap",
        "sudo apt-get install uidmap",
    ),
    "no range of uids": (
        {"/etc/subuid": "somebody:100000:65536\n"},
        "/etc/subuid grants user rf4003 fewer than 65536 ids",
        "sudo usermod --add-subuids 400365536-400431071 rf4003",
    ),
    "no ranges at all": (
        {"/etc/subuid": "", "/etc/subgid": ""},
        "/etc/subuid and /etc/subgid grant user rf4003 fewer than 65536 ids",
        "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 rf4003",
    ),
    "namespaces forbidden": (
        {"/proc/sys/user/max_user_namespaces": "0\n"},
        "no user namespaces are allowed (user.max_user_namespaces = 0)",
        "sudo sysctl -w user.max_user_namespaces=15000",
    ),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_is_named_with_the_command_that_grants_it(
    user: OrdinaryUser, folder: Path, what: str
) -> None:
    del user  # it skips where there is nothing to hide
    covers, problem, remedy = MISSING[what]
    poor = OrdinaryUser(folder, 4003, covers)
    if not poor.home.exists():
        poor.make()
    done = poor.raftfleet("sandbox", "up", "--name", NAME)
    assert done.returncode == 5
    assert problem in done.stderr
    assert remedy in done.stderr
    assert leftovers(poor) == []


def test_a_helper_that_fails_is_quoted_and_nothing_half_made_stays(
    user: OrdinaryUser, folder: Path
) -> None:
    del user
    poor = OrdinaryUser(folder, 4004, {"/usr/bin/newgidmap": "#!/bin/sh\nexit 7\n"}).make()
    poor.argv()
    (folder / "cover-4004-3").chmod(0o755)
    done = poor.raftfleet("sandbox", "up", "--name", NAME)
    assert done.returncode == 5
    assert f"no user namespace for sandbox {NAME}" in done.stderr
    assert leftovers(poor) == []


def test_an_ordinary_user_sees_the_whole_demo_pass(user: OrdinaryUser) -> None:
    done = user.raftfleet("demo", "--name", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: PASS" in done.stdout
    assert "inside" in done.stdout, "no failover was timed"
    assert leftovers(user) == []


def test_commands_on_the_printed_inventory_join_by_themselves(up: OrdinaryUser) -> None:
    shown = up.raftfleet("sandbox", "inventory", "--name", NAME).stdout
    inventory = up.home / "hosts.yml"
    inventory.write_text(shown, encoding="utf-8")
    playbook = up.home / "look.yml"
    playbook.write_text("- hosts: raft\n  tasks: [{command: uname -n}]\n", encoding="utf-8")
    done = up.raftfleet("play", str(playbook), "-i", str(inventory), "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    mixed = up.home / "mixed.yml"
    others = shown.replace(f'    raftfleet_sandbox: "{NAME}"\n', "", 1).replace(
        "        n1:\n", f"        n1:\n          raftfleet_sandbox: {NAME}\n", 1
    )
    mixed.write_text(others, encoding="utf-8")
    done = up.raftfleet("play", str(playbook), "-i", str(mixed))
    assert done.returncode == 5
    assert f"the hosts of sandbox {NAME} and others cannot be reached from one place" in done.stderr


def test_root_is_told_whose_an_inventory_is() -> None:
    assert not place.ROOTLESS
    with pytest.raises(SandboxError, match="belongs to an ordinary user") as caught:
        sandbox.join([{"raftfleet_sandbox": "theirs"}])
    assert "run the command as that user" in (caught.value.hint or "")
    sandbox.join([{"ansible_host": "10.0.0.1"}])  # nothing to join
