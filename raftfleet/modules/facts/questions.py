"""What a host is asked: shell snippets with the subset each belongs to.

Only sh, coreutils and /proc are taken for granted. What a host lacks makes a snippet say nothing,
and then the facts that hang on it are absent. The order is that of cost: nothing is asked twice,
and most answers are files that the shell or one ``cat`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from raftfleet.errors import TaskError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PACKAGE_MANAGERS", "QUESTIONS", "Question", "chosen", "script"]

_NOT_OFFERED: Final = frozenset({"facter", "ohai"})


@dataclass(frozen=True, slots=True)
class Question:
    """One snippet; ``names`` are what `gather_subset` may call it beside its own name and group."""

    name: str
    group: str
    line: str
    names: tuple[str, ...] = ()


# A file's parts, or several answers to one question, stand apart by the character 1.
_APART: Final = r"printf '\1'"

# Where a package manager lies, and Ansible's name for it; the last that is there counts.
PACKAGE_MANAGERS: Final = {
    "/usr/bin/rpm-ostree": "atomic_container",
    "/usr/bin/yum": "yum",
    "/usr/bin/dnf": "dnf",
    "/usr/bin/apt-get": "apt",
    "/usr/bin/zypper": "zypper",
    "/usr/bin/pacman": "pacman",
    "/bin/opkg": "opkg",
    "/sbin/apk": "apk",
    "/usr/bin/emerge": "portage",
    "/usr/bin/xbps-install": "xbps",
}

# Name, content and status of each file.
_LOCAL: Final = r"""for f in "$rf_local"/*.fact; do
  [ -f "$f" ] || continue
  f_name=${f##*/}; printf '\1%s\1' "${f_name%.fact}"
  if [ -x "$f" ]; then timeout "$rf_limit" "$f" </dev/null; else cat "$f"; fi
  printf '\1%s' "$?"
done"""

_DEVICES: Final = r"""for d in /sys/class/net/*; do
  [ -e "$d/mtu" ] || continue
  kind=; [ -d "$d/bridge" ] && kind=bridge; [ -d "$d/bonding" ] && kind=bonding
  printf '%s\t%s' "${d##*/}" "$kind"
  for f in address mtu operstate type flags speed; do
    v=; [ -r "$d/$f" ] && read -r v <"$d/$f"; printf '\t%s' "$v"
  done
  echo
done"""

# The sizes of file systems are asked in one go, and a dead server of one holds up nothing else.
_MOUNTS: Final = rf"""cat /proc/self/mounts; {_APART}
set --
while read -r device at rest; do
  case $device in /*|*:/*) ;; *) continue ;; esac
  case $at in *\\*) at=$(printf %b. "$at"); at=${{at%.}} ;; esac
  set -- "$@" "$at"
done </proc/self/mounts
[ $# = 0 ] || timeout "$rf_limit" stat -f -c '%S %b %a %c %d %n' "$@" """

QUESTIONS: Final = (
    Question(
        "platform",
        "min",
        f"uname -s; uname -n; uname -r; uname -m; uname -v; getconf LONG_BIT; {_APART}; "
        f"timeout 3 hostname -f; {_APART}; "
        "cat /etc/machine-id || cat /var/lib/dbus/machine-id",
        ("architecture", "kernel", "machine", "machine_id", "system"),
    ),
    Question(
        "distribution",
        "min",
        f"cat /etc/os-release || cat /usr/lib/os-release; {_APART}; cat /etc/debian_version",
        (
            "distribution_version",
            "distribution_release",
            "distribution_major_version",
            "os_family",
        ),
    ),
    Question(
        "user",
        "min",
        'rf_uid=$(id -u); echo "$rf_uid"; id -g; id -ru; id -rg; id -un; '
        'getent passwd "$rf_uid" || grep "^[^:]*:[^:]*:$rf_uid:" /etc/passwd',
        (
            "user_id",
            "user_uid",
            "user_gid",
            "user_dir",
            "user_shell",
            "user_gecos",
            "effective_user_id",
            "effective_group_ids",
            "real_user_id",
        ),
    ),
    Question(
        "date_time",
        "min",
        "LC_ALL=C date '+%Y %m %d %H %M %S %A %w %W %s %z %Z %N'",
    ),
    Question(
        "service_mgr",
        "min",
        "cat /proc/1/comm; command -v systemctl >/dev/null && { [ -d /run/systemd/system ] && echo systemd; "
        '[ "$(basename "$(readlink /sbin/init)")" = systemd ] && echo offline; }; '
        "[ -d /etc/init ] && command -v initctl >/dev/null && echo upstart; "
        "[ -e /sbin/openrc ] && echo openrc; [ -d /etc/init.d ] && echo sysvinit; "
        "[ -d /etc/dinit.d ] && echo dinit",
    ),
    Question(
        "pkg_mgr",
        "min",
        f'for p in {" ".join(PACKAGE_MANAGERS)}; do [ -e "$p" ] && echo "$p"; done; readlink -f /usr/bin/dnf',
    ),
    Question(
        "python",
        "min",
        '[ -x "$rf_python" ] || rf_python=$(command -v python3 || command -v python) && '
        '{ readlink -f "$rf_python"; "$rf_python" -V 2>&1; }',
        ("python_version",),
    ),
    Question("selinux", "min", "cat /sys/fs/selinux/enforce; cat /etc/selinux/config"),
    Question("apparmor", "min", "[ -d /sys/kernel/security/apparmor ] && echo enabled"),
    Question("fips", "min", "cat /proc/sys/crypto/fips_enabled"),
    Question("cmdline", "min", "cat /proc/cmdline"),
    Question("dns", "min", "cat /etc/resolv.conf"),
    Question("loadavg", "min", "cat /proc/loadavg"),
    Question("systemd", "min", "systemctl --version"),
    Question(
        "ssh_pub_keys",
        "min",
        "cat /etc/ssh/ssh_host_*_key.pub",
        ("ssh_host_pub_keys",),
    ),
    Question("local", "min", _LOCAL),
    Question(
        "cpu",
        "hardware",
        "grep -E '^(processor|vendor_id|model name|Processor|physical id|cpu cores|siblings)' "
        f"/proc/cpuinfo; {_APART}; nproc",
        ("processor", "processor_cores", "processor_count"),
    ),
    Question("memory", "hardware", "cat /proc/meminfo"),
    Question("uptime", "hardware", "cat /proc/uptime"),
    Question("mounts", "hardware", _MOUNTS),
    Question(
        "dmi",
        "hardware",
        "cd /sys/devices/virtual/dmi/id && for f in bios_date bios_vendor bios_version board_name "
        "board_vendor product_name product_version sys_vendor; do "
        'v=; [ -r "$f" ] && read -r v <"$f"; printf "%s\\t%s\\n" "$f" "$v"; done',
        ("devices",),
    ),
    Question("devices", "network", _DEVICES, ("interfaces",)),
    Question(
        "addresses",
        "network",
        f"ip -o addr show; {_APART}; ip -4 route get 8.8.8.8; {_APART}; ip -6 route get 2001:4860:4860::8888",
        ("all_ipv4_addresses", "all_ipv6_addresses", "default_ipv4", "default_ipv6"),
    ),
    Question(
        "virtualization",
        "virtual",
        "[ -r /proc/1/environ ] && tr '\\0' '\\n' </proc/1/environ | grep '^container='; "
        "[ -r /run/systemd/container ] && { printf 'systemd='; cat /run/systemd/container; echo; }; "
        "grep -oE '/(docker[/-]|lxc/)' /proc/1/cgroup; "
        "for f in /.dockerenv /run/.containerenv /proc/xen /dev/kvm; do "
        '[ -e "$f" ] && echo "$f"; done; '
        "for f in product_name sys_vendor bios_vendor; do "
        'v=; [ -r "/sys/devices/virtual/dmi/id/$f" ] && read -r v <"/sys/devices/virtual/dmi/id/$f" && '
        'echo "$f=$v"; done; '
        "grep -m1 -oE '^model name.*QEMU Virtual CPU' /proc/cpuinfo; "
        "grep -oE '^(kvm|vboxdrv|virtio) ' /proc/modules",
        ("virtualization_role", "virtualization_type"),
    ),
    Question("env", "min", "cat /proc/self/environ || env -0"),
)


def chosen(subsets: Sequence[str]) -> tuple[Question, ...]:
    """Return the questions of a `gather_subset`, in their order.

    As in Ansible: ``min`` is always in unless ``!min`` takes it out, so exclusions alone leave the
    smallest set; what is named outweighs what is excluded. Raises `TaskError` for a subset nobody
    knows.
    """
    named, removed, wanted = set[str](), set[str](), _members("min")
    for subset in map(str.strip, subsets):
        if subset == "!all":
            removed |= _members("all") - _members("min")
        elif subset.startswith("!"):
            removed |= _members(subset[1:])
        elif subset in {"all", "min"}:
            wanted |= _members(subset)
        else:
            named |= _members(subset)
    wanted = (wanted - removed) | named
    return tuple(question for question in QUESTIONS if question.name in wanted)


def _members(subset: str) -> set[str]:
    """Return the names of the questions that a subset stands for."""
    if subset == "all":
        return {question.name for question in QUESTIONS}
    found = {q.name for q in QUESTIONS if subset in (q.name, q.group, *q.names)}
    if not found and subset not in _NOT_OFFERED:
        known = {"all", *(name for q in QUESTIONS for name in (q.name, q.group, *q.names))}
        raise TaskError(
            f"gather_subset: there is no subset {subset!r}",
            hint=nearest(subset, known) or "all, min, hardware, network and virtual are subsets",
        )
    return found


def script(
    questions: Iterable[Question], *, python: str = "", local: str = "", limit: float = 10
) -> str:
    """Return the command that asks them all; an answer comes after its name, between NULs.

    ``python`` and ``local`` are quoted already; ``limit`` bounds what may hang, in seconds.
    """
    lines = ["exec 2>/dev/null", f"rf_python={python}", f"rf_local={local}", f"rf_limit={limit:g}"]
    for question in questions:
        lines += [f"printf '\\0%s\\0' {question.name}", question.line]
    return "\n".join((*lines, ":"))
