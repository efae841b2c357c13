"""The role and its playbooks: that they can be read, and what they run on a host of a real broker."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from raftfleet.errors import SourceError
from raftfleet.modules.command import Command
from raftfleet.modules.copy_ import Copy
from raftfleet.modules.debug import Debug
from raftfleet.modules.file import File
from raftfleet.modules.shell import Shell
from raftfleet.playbook.module import Argument, Module, ModuleContext, Result
from raftfleet.playbook.syntax import load_playbook
from raftfleet.playbook.syntax.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).parents[3]
TASKS = REPOSITORY / "roles" / "robustmq" / "tasks"
OWN = ("deploy.yml", "start.yml", "stop.yml", "clean.yml")


@dataclass
class Stub:
    """Stands for a module that acts on the cluster; it is only read, never run."""

    name: str
    arguments: Mapping[str, Argument]
    free_form: str | None = None
    once: bool = True
    local: bool = False
    raw: frozenset[str] = field(default_factory=frozenset)

    def run(self, arguments: Mapping[str, Any], context: ModuleContext) -> Result:
        raise NotImplementedError


RAFT: dict[str, dict[str, Argument]] = {
    "raft_check": {},
    "raft_install": {},
    "raft_config": {},
    "raft_unit": {},
    "raft_start": {"node": Argument("raw")},
    "raft_stop": {
        "node": Argument("raw"),
        "signal": Argument(choices=("INT", "TERM")),
        "grace": Argument("float"),
    },
    "raft_wipe": {"node": Argument("raw")},
    "raft_wait": {"for": Argument(choices=("failover", "agreement", "converged"))},
}
MODULES: dict[str, Module] = {
    **{name: Stub(name, arguments) for name, arguments in RAFT.items()},
    **{one.name: one for one in (Command(), Copy(), Debug(), File(), Shell())},
}


@pytest.mark.parametrize("name", OWN)
def test_a_playbook_can_be_read(name: str) -> None:
    playbook = load_playbook(
        REPOSITORY / "playbooks" / name, modules=MODULES, role_paths=[REPOSITORY / "roles"]
    )
    assert playbook.plays


def test_a_misspelt_argument_would_be_seen(tmp_path: Path) -> None:
    text = (REPOSITORY / "playbooks" / "stop.yml").read_text().replace("grace:", "grase:")
    planted = tmp_path / "stop.yml"
    planted.write_text(text)
    with pytest.raises(SourceError):
        load_playbook(planted, modules=MODULES)


def test_every_file_of_tasks_can_be_read_and_is_used() -> None:
    deploy = REPOSITORY / "playbooks" / "deploy.yml"
    playbook = load_playbook(deploy, modules=MODULES, role_paths=[REPOSITORY / "roles"])
    site = Site(TASKS, deploy.parent, TASKS.parent, ())
    used = {"main.yml"}
    names = sorted(path.name for path in TASKS.glob("*.yml"))
    for name in names:
        assert playbook.library.tasks(TASKS / name, site)
        used |= {
            t["include_tasks"]
            for t in yaml.safe_load((TASKS / name).read_text())
            if "include_tasks" in t
        }
    assert sorted(used) == names


def test_the_self_signed_pair_is_one(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    task = yaml.safe_load((TASKS / "self-signed.yml").read_text())[-1]
    line = task["shell"]["cmd"].replace("{{ inventory_hostname }}", "n1")
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cert.pem", "key.pem"]
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    assert "BEGIN PRIVATE KEY" in (tmp_path / "key.pem").read_text()

    def public(*words: str) -> str:
        argv = ["openssl", *words]
        return subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert public("x509", "-in", "cert.pem", "-noout", "-pubkey") == public(
        "pkey", "-in", "key.pem", "-pubout"
    )
    assert "CN = n1" in public("x509", "-in", "cert.pem", "-noout", "-subject").replace(
        "CN=", "CN = "
    )
