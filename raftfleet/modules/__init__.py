"""Task modules, one file each: the generic ones of Ansible's, and those that act on the cluster.

On a host they need no more than POSIX sh and coreutils.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raftfleet.modules.table import ModuleTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raftfleet.playbook.module import Module

__all__ = ["INSTEAD", "bare_name", "find_module", "generic_modules"]

_PREFIXES: Final = ("ansible.builtin.", "ansible.legacy.")

_GENERIC: Final[Mapping[str, str]] = {
    "assert": "assert_:Assert",
    "blockinfile": "blockinfile:Blockinfile",
    "command": "command:Command",
    "copy": "copy_:Copy",
    "debug": "debug:Debug",
    "fail": "fail:Fail",
    "fetch": "fetch:Fetch",
    "file": "file:File",
    "find": "find:Find",
    "get_url": "get_url:GetUrl",
    "lineinfile": "lineinfile:Lineinfile",
    "pause": "pause:Pause",
    "ping": "ping:Ping",
    "replace": "replace:Replace",
    "script": "script:Script",
    "service": "service:Service",
    "set_fact": "set_fact:SetFact",
    "setup": "setup:Setup",
    "shell": "shell:Shell",
    "slurp": "slurp:Slurp",
    "stat": "stat_:Stat",
    "systemd": "systemd:Systemd",
    "systemd_service": "systemd:SystemdService",
    "tempfile": "tempfile_:Tempfile",
    "template": "template:Template",
    "unarchive": "unarchive:Unarchive",
    "uri": "uri:Uri",
    "wait_for": "wait_for:WaitFor",
    "wait_for_connection": "wait_for_connection:WaitForConnection",
}

INSTEAD: Final[Mapping[str, str]] = {
    "ansible.posix.authorized_key": "lineinfile, in the authorized_keys file",
    "ansible.posix.mount": "lineinfile, in /etc/fstab, then command: mount FOLDER",
    "ansible.posix.synchronize": "copy, with a folder as src, or unarchive",
    "ansible.posix.sysctl": "copy, into /etc/sysctl.d, then command: sysctl --system",
    "apt": "command: apt-get install -y NAME",
    "apt_key": "get_url, into /etc/apt/keyrings",
    "apt_repository": "copy, into /etc/apt/sources.list.d",
    "assemble": "template, with a loop over the parts",
    "async_status": "wait_for, for what the command brings about",
    "community.general.archive": "command: tar -czf FILE FOLDER, with creates: FILE",
    "community.general.ini_file": "lineinfile, or template for the whole file",
    "community.general.modprobe": "command: modprobe NAME",
    "cron": "copy, into /etc/cron.d",
    "deb822_repository": "copy, into /etc/apt/sources.list.d",
    "debconf": "shell: echo 'PACKAGE QUESTION TYPE VALUE' | debconf-set-selections",
    "dnf": "command: dnf install -y NAME",
    "dnf5": "command: dnf5 install -y NAME",
    "expect": "shell, with the program's own option for answers, or stdin:",
    "gather_facts": "setup, or gather_facts: true in the play",
    "getent": "command: getent DATABASE KEY",
    "git": "command: git clone URL FOLDER, with creates: FOLDER",
    "group": "command: groupadd NAME, with creates or a test",
    "hostname": "command: hostnamectl set-hostname NAME",
    "iptables": "command: iptables RULE",
    "known_hosts": "lineinfile, in the known_hosts file",
    "package": "command, with the host's package manager",
    "package_facts": "command: dpkg-query -W, or rpm -qa, and register",
    "pip": "command: python3 -m pip install NAME",
    "raw": "shell",
    "reboot": "shell: sleep 1 && reboot, in the background, then wait_for_connection with a delay",
    "rpm_key": "command: rpm --import KEY",
    "service_facts": "command: systemctl list-units --type=service, and register",
    "subversion": "command: svn checkout URL FOLDER",
    "sysvinit": "service",
    "user": "command: useradd NAME, with creates: /home/NAME",
    "yum": "command: yum install -y NAME",
    "yum_repository": "copy, into /etc/yum.repos.d",
}
"""Modules of Ansible's that are not offered, each with what to write instead."""


def generic_modules() -> ModuleTable:
    """Return the generic modules by their bare names, sorted."""
    return ModuleTable(_GENERIC)


def bare_name(name: str) -> str:
    """Return a module's name without the prefix of Ansible's own collection."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def find_module(name: str, modules: Mapping[str, Module]) -> Module | None:
    """Return the module of this name, bare or with the prefix `ansible.builtin.`, or None."""
    return modules.get(bare_name(name))
