"""`setup` on this machine, and what it makes of odd answers."""

from __future__ import annotations

import json
import os
import platform
import pwd
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from raftfleet.errors import TaskError
from raftfleet.modules.facts import QUESTIONS, chosen, read_facts
from raftfleet.playbook.module import Status
from raftfleet.transport.protocol import Exited

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.conftest import Bench


def facts(bench: Bench, **arguments: Any) -> dict[str, Any]:
    result = bench.run("setup", **arguments)
    assert result.status is Status.OK
    assert result.values["ansible_facts"] == result.gathered
    return dict(result.gathered)


def test_what_this_machine_says_of_itself(bench: Bench) -> None:
    found = facts(bench)
    me = pwd.getpwuid(os.geteuid())
    assert found["ansible_nodename"] == socket.gethostname()
    assert found["ansible_kernel"] == platform.release()
    assert found["ansible_machine"] == platform.machine()
    assert found["ansible_system"] == "Linux"
    assert found["ansible_processor_nproc"] == len(os.sched_getaffinity(0))
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    assert found["ansible_memtotal_mb"] == pages * size // 2**20
    assert (found["ansible_user_id"], found["ansible_user_uid"]) == (me.pw_name, me.pw_uid)
    assert (found["ansible_user_dir"], found["ansible_user_shell"]) == (me.pw_dir, me.pw_shell)
    assert "lo" in found["ansible_interfaces"]
    assert found["ansible_lo"]["ipv4"]["address"] == "127.0.0.1"
    assert "127.0.0.1" not in found["ansible_all_ipv4_addresses"]
    assert found["ansible_env"]["PATH"]
    assert abs(int(found["ansible_date_time"]["epoch"]) - bench.clock.wall()) < 60
    assert found["module_setup"] is True


def test_every_question_is_answered_here_so_that_none_is_misspelt(bench: Bench) -> None:
    """Each part gives at least one fact on a Linux machine with iproute2."""
    for question in QUESTIONS:
        if question.name in {"systemd", "python", "ssh_pub_keys"}:
            continue  # of programs that need not be there
        found = facts(bench, gather_subset=["!all", "!min", question.name])
        assert len(found) > 2, question.name


def test_the_environment_of_the_task_is_what_env_shows(bench: Bench) -> None:
    bench.environment = {"GREETING": "line one\nline two=2"}
    assert facts(bench)["ansible_env"]["GREETING"] == "line one\nline two=2"


def test_local_facts_are_json_or_ini_or_what_a_program_prints(bench: Bench) -> None:
    folder = bench.folder / "facts"
    folder.mkdir()
    (folder / "plain.fact").write_text("[site]\nrack = 7\n")
    (folder / "data.fact").write_text('{"zone": ["a", "b"]}')
    program = folder / "told.fact"
    program.write_text("#!/bin/sh\necho '{\"pid\": true}'\n")
    program.chmod(0o755)
    broken = folder / "broken.fact"
    broken.write_text("#!/bin/sh\necho '{}'; exit 3\n")
    broken.chmod(0o755)
    (folder / "odd.fact").write_text("neither of both")
    (folder / "other.txt").write_text("{}")
    found = facts(bench, fact_path=str(folder))["ansible_local"]
    assert found["plain"] == {"site": {"rack": "7"}}
    assert found["data"] == {"zone": ["a", "b"]}
    assert found["told"] == {"pid": True}
    assert "check content: odd.fact" in found["odd"]
    assert found.keys() == {"plain", "data", "told", "odd"}


def test_a_program_that_hangs_costs_its_own_facts_only(bench: Bench) -> None:
    program = bench.folder / "slow.fact"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    found = facts(bench, fact_path=str(bench.folder), gather_timeout=0.2)
    assert found["ansible_local"] == {}
    assert found["ansible_env"]


def test_a_filter_keeps_names_that_match_with_or_without_prefix(bench: Bench) -> None:
    found = facts(bench, filter=["ansible_user_*", "hostname"])
    assert "ansible_user_id" in found
    assert "ansible_hostname" in found
    assert "ansible_memtotal_mb" not in found


@pytest.mark.parametrize(
    ("subsets", "there", "absent"),
    [
        (["all"], {"env", "memory", "devices", "virtualization"}, set()),
        (["min"], {"env"}, {"memory", "devices", "virtualization"}),
        (["!all"], {"env"}, {"memory", "devices", "virtualization"}),
        (["!hardware"], {"env"}, {"memory", "devices", "virtualization"}),
        (["network"], {"env", "devices"}, {"memory", "virtualization"}),
        (["!all", "!min", "network"], {"devices"}, {"env", "memory"}),
        (["!all", "hardware"], {"env", "memory"}, {"devices"}),
        (["all", "!env"], {"memory", "devices"}, {"env"}),
        (["!all", "!min", "default_ipv4"], {"addresses"}, {"env", "memory"}),
        (["!facter", "!ohai"], {"env"}, {"memory"}),
    ],
)
def test_subsets_mean_what_they_mean_to_ansible(
    subsets: list[str], there: set[str], absent: set[str]
) -> None:
    """Observed with ansible-core 2.19: exclusions alone leave the smallest set."""
    names = {question.name for question in chosen(subsets)}
    assert there <= names
    assert not absent & names


def test_an_unknown_subset_is_refused_with_the_nearest(bench: Bench) -> None:
    with pytest.raises(TaskError, match="no subset 'netwrok'") as caught:
        bench.run("setup", gather_subset=["netwrok"])
    assert caught.value.hint == "network"


def test_subsets_may_stand_in_one_text(bench: Bench) -> None:
    assert "ansible_env" not in facts(bench, gather_subset=["!all,!min", "network"])


def test_no_fact_says_how_to_reach_the_host(faked: Bench) -> None:
    """An interface may be called `host`, and a fact outweighs the inventory."""
    from raftfleet.testing.transport import FakeTransport  # noqa: PLC0415

    assert isinstance(faked.transport, FakeTransport)
    lines = "".join(
        f"{name}\t\t02:00:00:00:00:01\t1500\tup\t1\t0x1003\t1000\n"
        for name in ("host", "user", "become_user", "br-lan")
    )
    faked.transport.on("exec*", Exited(status=0, stdout=f"\0devices\0{lines}".encode()))
    found = facts(faked)
    assert not {"ansible_host", "ansible_user", "ansible_become_user"} & found.keys()
    assert found["ansible_br_lan"]["device"] == "br-lan"
    assert found["ansible_interfaces"] == ["host", "user", "become_user", "br-lan"]


def test_an_answer_without_sense_costs_its_own_facts_only() -> None:
    found = read_facts(
        "\0memory\0MemTotal: lots\n\0uptime\0" + "12.5 3.0\n\0nonsense\0x\0loadavg\0"
    )
    assert found == {"uptime_seconds": 12}


def test_two_runs_agree_but_for_what_moves(bench: Bench) -> None:
    moving = {"ansible_date_time", "ansible_loadavg", "ansible_memfree_mb", "ansible_memory_mb",
              "ansible_uptime_seconds", "ansible_mounts"}  # fmt: skip
    one, two = facts(bench), facts(bench)
    assert {k: v for k, v in one.items() if k not in moving} == {
        k: v for k, v in two.items() if k not in moving
    }
    assert json.loads(json.dumps(one)) == one


def test_a_shell_without_gnu_tools_answers_too(bench: Bench, tmp_path: Path) -> None:
    """With dash and an all but empty PATH, what needs no program is still there."""
    from raftfleet.modules.facts import script  # noqa: PLC0415

    del bench
    (tmp_path / "cat").symlink_to("/bin/cat")
    said = subprocess.run(
        ["/bin/dash", "-c", script(QUESTIONS)],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert said.stderr == b""
    found = read_facts(said.stdout.decode())
    assert found["memtotal_mb"] > 0
    assert found["interfaces"]
    assert (
        found["env"] == {"PATH": str(tmp_path), "PWD": found["env"].get("PWD", "")} or found["env"]
    )
