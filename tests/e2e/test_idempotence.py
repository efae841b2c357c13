"""Every role and every playbook that is no drill, run twice: the second time nothing changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

from raftfleet.errors import SandboxError
from raftfleet.sandbox.tools import require_systemd
from raftfleet.simulator.bundle import bundle
from tests.e2e.conftest import REPOSITORY, Fleet, Said, need_hosts
from tests.e2e.test_deploy import changed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.hosts


def is_drill(file: Path) -> bool:
    return any("drill" in play for play in yaml.safe_load(file.read_text()))


PLAYBOOKS = {path.name for path in (REPOSITORY / "playbooks").glob("*.yml") if not is_drill(path)}
ORDER = ("deploy.yml", "start.yml", "up.yml", "stop.yml", "clean.yml")
ROLES = sorted(path.name for path in (REPOSITORY / "roles").iterdir())
VARIANTS = {
    "self-signed": {"robustmq_binary": "@program"},
    "certificate": {
        "robustmq_binary": "@program",
        "robustmq_tls_cert": "@cert",
        "robustmq_tls_key": "@key",
    },
    "environment": {
        "robustmq_binary": "simulator",
        "robustmq_environment": '{"A": "x \\"y\\" $z %n"}',
        "robustmq_config": '{"http_port": 18090}',
    },
    "simulator": {"robustmq_binary": "simulator"},
}


@pytest.fixture(scope="module", params=["plain", "systemd"])
def hosts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two hosts of each kind; on those with systemd it runs the nodes."""
    need_hosts()
    init: str = request.param
    try:
        require_systemd()
    except SandboxError as missing:
        if init == "systemd":
            pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp(init)
    made = Fleet(f"twice-{init}-{os.getpid()}", folder, folder / "hosts.yml")
    said = made.say("sandbox", "up", "--name", made.name, "--init", init, "-n", "2")
    assert said.code == 0, said.text
    try:
        manager = "systemd" if init == "systemd" else "none"
        listed = made.say("sandbox", "inventory", "--name", made.name).text
        head = f"ansible_user: root\n    raft_service_manager: {manager}\n    robustmq_era: fast"
        made.inventory.write_text(listed.replace("ansible_user: root", head, 1))
        for name in ("cert", "key"):
            made.write(name, f"-----BEGIN {name.upper()}-----\n")
        made.folder.joinpath("program").write_bytes(bundle())
        yield made
    finally:
        said = made.say("sandbox", "down", "--name", made.name)
        assert said.code == 0, said.text


def play(fleet: Fleet, playbook: Path, variables: dict[str, str]) -> Said:
    words = []
    for name, value in variables.items():
        given = str(fleet.folder / value[1:]) if value.startswith("@") else value
        text = f'{{"{name}": {given}}}' if given.startswith("{") else f"{name}={given}"
        words += ["-e", text]
    said = fleet.say("play", playbook, "-i", fleet.inventory, *words)
    assert said.code == 0, said.text
    return said


def test_every_playbook_that_is_no_drill_is_in_the_list() -> None:
    assert set(ORDER) == PLAYBOOKS


@pytest.mark.parametrize("playbook", ORDER)
def test_a_playbook_changes_something_once(hosts: Fleet, playbook: str) -> None:
    path, given = REPOSITORY / "playbooks" / playbook, VARIANTS["simulator"]
    first, second = (changed(play(hosts, path, given).text) for _ in range(2))
    assert second
    assert not any(second.values()), second
    if playbook != "up.yml":  # the ones before it have done its work
        assert any(first.values()), "it did nothing at all, so the second run shows nothing"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_changes_something_once(hosts: Fleet, role: str, variant: str) -> None:
    folder = REPOSITORY / "roles" / role
    book = hosts.write("role.yml", f"- hosts: raft\n  gather_facts: false\n  roles: [{folder}]\n")
    first, second = (changed(play(hosts, book, VARIANTS[variant]).text) for _ in range(2))
    assert second
    assert not any(second.values()), second
    assert all(first.values()), first
