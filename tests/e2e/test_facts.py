"""Facts over real sshd: gathered unless a play declines, and what they outweigh."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_drills import events

if TYPE_CHECKING:
    from .conftest import Fleet, Said

pytestmark = pytest.mark.hosts


def play(fleet: Fleet, text: str, *words: str) -> Said:
    book = fleet.write("facts.yml", text)
    return fleet.say("play", book, "-i", fleet.inventory, "-e", "robustmq_era=fast", *words)


def shown(said: Said, host: str = "n1") -> list[Any]:
    assert said.code == 0, said.text
    told = re.findall(rf'^ok: \[{host}\] => {{\n    "msg": (.*)\n}}$', said.text, re.MULTILINE)
    return [json.loads(text) for text in told]


def test_a_play_gathers_unless_it_declines_and_the_recap_counts_it(fleet: Fleet) -> None:
    said = play(fleet, "- hosts: raft\n  tasks: [{debug: {msg: '{{ ansible_hostname }}'}}]\n")
    assert "TASK [Gathering Facts]" in said.text
    assert shown(said, "n2") == ["n2"]
    assert re.search(r"^n1 +: ok=2 ", said.text, re.MULTILINE)
    said = play(fleet, "- {hosts: raft, gather_facts: false, tasks: [{debug: {msg: hello}}]}\n")
    assert "Gathering Facts" not in said.text
    assert re.search(r"^n1 +: ok=1 ", said.text, re.MULTILINE)


def test_facts_stand_below_play_variables_and_above_the_inventory(fleet: Fleet) -> None:
    inventory = fleet.inventory.read_text()
    try:
        fleet.inventory.write_text(
            inventory.replace(
                "  vars:\n",
                "  vars:\n    ansible_kernel: old\n    ansible_machine: old\n",
                1,
            )
        )
        text = (
            "- hosts: n1\n  vars: {ansible_kernel: mine}\n  tasks:\n"
            "    - debug: {msg: '{{ ansible_kernel }} {{ ansible_machine }}'}\n"
            "    - debug: {msg: '{{ ansible_facts.kernel }} {{ ansible_facts[\"machine\"] }}'}\n"
            "    - debug: {msg: '{{ hostvars.n1.ansible_facts.hostname }}'}\n"
        )
        first, second, third = shown(play(fleet, text))
    finally:
        fleet.inventory.write_text(inventory)
    assert first.split()[0] == "mine"
    assert first.split()[1] != "old"
    assert second.split()[1] == first.split()[1]
    assert "mine" not in second
    assert third == "n1"


def test_a_play_says_what_to_gather(fleet: Fleet) -> None:
    text = (
        "- hosts: n1\n  gather_subset: ['!all', '!min', network]\n  tasks:\n"
        "    - debug: {msg: '{{ ansible_env is defined }} {{ ansible_interfaces | length }}'}\n"
    )
    assert shown(play(fleet, text)) == ["False 2"]


def test_what_was_gathered_is_registered_and_not_written_into_the_journal(fleet: Fleet) -> None:
    text = (
        "- hosts: n1\n  environment: {TOKEN: s3cret-in-env}\n  tasks:\n"
        "    - {setup: {gather_subset: [min]}, register: found}\n"
        "    - debug: {msg: '{{ found.ansible_facts.ansible_env.TOKEN | length }}'}\n"
    )
    said = play(fleet, text, "-v")
    assert shown(said) == [13]
    assert "s3cret-in-env" not in said.text
    runs = sorted(fleet.runs.iterdir())
    assert events(runs[-1])
    assert not any("s3cret-in-env" in p.read_text() for p in runs[-1].rglob("*.jsonl"))


def test_a_text_among_the_facts_is_never_a_template(fleet: Fleet) -> None:
    sign = "{{ '{{' }}"
    text = f"""\
- hosts: n1
  gather_facts: false
  tasks:
    - file: {{path: /etc/ansible/facts.d, state: directory}}
    - copy:
        dest: /etc/ansible/facts.d/site.fact
        content: '{{"x": "{sign.replace("'", "''")} 6 * 7 }}}}"}}'
    - setup: {{filter: [ansible_local]}}
    - debug: {{msg: "{{{{ ansible_local.site.x }}}}"}}
    - file: {{path: /etc/ansible/facts.d, state: absent}}
"""
    assert shown(play(fleet, text))[-1] == "{{ 6 * 7 }}"


SAME = (
    "all_ipv4_addresses", "all_ipv6_addresses", "apparmor", "architecture", "cmdline",
    "default_ipv4", "default_ipv6", "distribution", "distribution_major_version",
    "distribution_release", "distribution_version", "dns", "domain", "eth0", "fips", "fqdn",
    "hostname", "kernel", "kernel_version", "lo", "local", "machine", "memtotal_mb", "mounts",
    "nodename", "os_family", "pkg_mgr", "processor", "processor_cores", "processor_count",
    "processor_nproc", "processor_threads_per_core", "processor_vcpus", "python_version",
    "selinux", "service_mgr", "ssh_host_key_ed25519_public", "swaptotal_mb", "system",
    "system_vendor", "user_dir", "user_gecos", "user_gid", "user_id", "user_shell", "user_uid",
    "userspace_architecture", "userspace_bits", "virtualization_role", "virtualization_type",
)  # fmt: skip


@pytest.mark.skipif(shutil.which("ansible") is None, reason="needs ansible in the PATH")
def test_the_facts_are_those_that_ansible_gathers(fleet: Fleet) -> None:
    """Those that do not move, side by side on one host."""
    argv = ["ansible", "n1", "-i", str(fleet.inventory), "-m", "setup"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=fleet.folder)
    theirs: dict[str, Any] = json.loads(said.stdout.partition("=>")[2])["ansible_facts"]
    text = (
        "- hosts: n1\n  tasks:\n    - delegate_to: localhost\n"
        "      copy: {dest: '{{ playbook_dir }}/ours.json', content: '{{ ansible_facts | to_json }}'}\n"
    )
    assert play(fleet, text).code == 0
    ours = json.loads((fleet.folder / "ours.json").read_text())
    ours["local"] = ours.pop("ansible_local")
    differing = {
        name: (theirs.get(f"ansible_{name}"), ours.get(name))
        for name in SAME
        if theirs.get(f"ansible_{name}") != ours.get(name)
    }
    assert not differing
