"""A host that is logged in to as somebody who must become root: every module honours it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from .conftest import Fleet, need_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.hosts

SETUP = """
useradd -m -s /bin/bash admin && usermod -p '*' admin && cp -r /root/.ssh /home/admin/
chown -R admin: /home/admin/.ssh && mkdir -m 700 /srv/private
"""
RULE = "echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin; chmod 440 /etc/sudoers.d/admin"
PLAY = """
- hosts: raft
  gather_facts: false
  become: {become}
  tasks:
    - file: {{path: /srv/private/folder, state: directory, mode: "0700"}}
    - copy: {{content: "one\\n", dest: /srv/private/folder/copied, mode: "0600"}}
    - template: {{src: greeting.j2, dest: /srv/private/folder/made, mode: "0600"}}
    - stat: {{path: /srv/private/folder/made}}
      register: seen
    - slurp: {{src: /srv/private/folder/copied}}
      register: read
    - fetch: {{src: /srv/private/folder/made, dest: fetched/}}
    - script: who.sh
      register: script
    - command: id -un
      register: who
    - shell: "cat /srv/private/folder/copied && test -O /srv/private/folder/copied"
    - assert:
        that:
          - who.stdout == 'root'
          - script.stdout | trim == 'root'
          - seen.stat.pw_name == 'root'
          - read.content == 'b25lCg=='
"""


@pytest.fixture
def admins(tmp_path: Path) -> Iterator[Fleet]:
    """One host, reached as admin."""
    need_hosts()
    assert shutil.which("sudo"), "sudo is not installed; .ci/run installs it"
    name = f"door-become-{os.getpid()}"
    fleet = Fleet(name, tmp_path, tmp_path / "hosts.yml")
    said = fleet.say("sandbox", "up", "-n", "1", "--name", name)
    assert said.code == 0, said.text
    try:
        assert fleet.say("sandbox", "ssh", "--name", name, "n1", SETUP).code == 0
        listed = fleet.say("sandbox", "inventory", "--name", name).text
        more = "ansible_user: admin\n    robustmq_binary: simulator\n    robustmq_era: fast"
        fleet.inventory.write_text(listed.replace("ansible_user: root", more, 1))
        yield fleet
    finally:
        assert fleet.say("sandbox", "down", "--name", name).code == 0


def test_a_user_who_becomes_root_can_do_everything(admins: Fleet) -> None:
    (admins.folder / "files").mkdir()
    (admins.folder / "templates").mkdir()
    admins.write("files/who.sh", "#!/bin/sh\nid -un\n")
    admins.write("templates/greeting.j2", "hello {{ inventory_hostname }}\n")
    as_admin = admins.write("as-admin.yml", PLAY.format(become="false"))
    as_root = admins.write("as-root.yml", PLAY.format(become="true"))
    run = ("play", as_root, "-i", admins.inventory)

    said = admins.say("play", as_admin, "-i", admins.inventory)
    assert said.code == 2, said.text
    assert "Permission denied" in said.text
    said = admins.say(*run)
    assert said.code == 2, said.text
    assert "n1: cannot become root: sudo: a password is required" in said.text
    assert "NOPASSWD" in said.text

    assert admins.say("sandbox", "ssh", "--name", admins.name, "n1", RULE).code == 0
    said = admins.say(*run)
    assert said.code == 0, said.text
    assert "changed=7" in said.text, said.text
    fetched = admins.folder / "fetched/n1/srv/private/folder/made"
    assert fetched.read_text() == "hello n1\n"
    again = admins.say(*run)
    assert "changed=3" in again.text, again.text  # script, command and shell


def test_a_cluster_is_deployed_and_driven_by_who_becomes_root(admins: Fleet) -> None:
    refused = admins.say("up", "-i", admins.inventory)
    assert refused.code == 2, refused.text
    assert "set ansible_become: true" in refused.text
    assert admins.say("sandbox", "ssh", "--name", admins.name, "n1", RULE).code == 0
    play = admins.write("play.yml", "- {hosts: raft, become: true, tasks: [{raft_install: {}}]}\n")
    by_play = admins.say("play", play, "-i", admins.inventory)
    assert by_play.code == 2, by_play.text
    assert "become makes root of this task, and the node n1 is admin's" in by_play.text
    text = admins.inventory.read_text()
    admins.inventory.write_text(
        text.replace("ansible_user: admin", "ansible_user: admin\n    ansible_become: true")
    )
    admins.up()
    by_play = admins.say("play", play, "-i", admins.inventory)
    assert by_play.code == 0, by_play.text
    again = admins.say("up", "-i", admins.inventory)
    assert again.code == 0, again.text
    assert "changed=0" in again.text
    assert admins.say("status", "-i", admins.inventory).code == 0
    down = admins.say("down", "-i", admins.inventory)
    assert down.code == 0, down.text
    owner = admins.say(
        "sandbox", "ssh", "--name", admins.name, "n1", "stat -c %U /opt/robustmq/bin/broker-server"
    )
    assert owner.text.strip() == "root"
