"""Facts of the operating system and the user: the subset ``min``."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

from raftfleet.modules.facts.questions import PACKAGE_MANAGERS

if TYPE_CHECKING:
    from collections.abc import Mapping

# os-release's ID, and the name that Ansible gives the distribution.
_NAMES: Final = {
    "almalinux": "AlmaLinux",
    "alpine": "Alpine",
    "amzn": "Amazon",
    "arch": "Archlinux",
    "centos": "CentOS",
    "debian": "Debian",
    "devuan": "Devuan",
    "fedora": "Fedora",
    "gentoo": "Gentoo",
    "kali": "Kali",
    "linuxmint": "Linux Mint",
    "manjaro": "Manjaro",
    "ol": "OracleLinux",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
    "raspbian": "Debian",
    "rhel": "RedHat",
    "rocky": "Rocky",
    "sles": "SLES",
    "ubuntu": "Ubuntu",
    "void": "Void",
}
_FAMILIES: Final = {
    "alpine": "Alpine",
    "arch": "Archlinux",
    "debian": "Debian",
    "fedora": "RedHat",
    "gentoo": "Gentoo",
    "rhel": "RedHat",
    "suse": "Suse",
    "ubuntu": "Debian",
}
_OWN_FAMILY: Final = {
    "almalinux": "RedHat",
    "amzn": "RedHat",
    "centos": "RedHat",
    "devuan": "Debian",
    "kali": "Debian",
    "linuxmint": "Debian",
    "manjaro": "Archlinux",
    "ol": "RedHat",
    "opensuse-leap": "Suse",
    "opensuse-tumbleweed": "Suse",
    "raspbian": "Debian",
    "rocky": "RedHat",
    "sles": "Suse",
    **_FAMILIES,
}
_SPOKEN: Final = re.compile(r"(\w+)=(?:\"(.*)\"|'(.*)'|(.*))")
_SHORT: Final = re.compile(r"\bi[3-6]86\b|\bi86pc\b")


def platform(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read uname, the full name and the machine's id."""
    uname, full, machine_id = text.split("\1")
    name, node, release, machine, version, *bits = uname.splitlines()
    fqdn = full.strip() or node
    found: dict[str, Any] = {
        "system": name,
        "nodename": node,
        "hostname": node.split(".")[0],
        "fqdn": fqdn,
        "domain": fqdn.partition(".")[2],
        "kernel": release,
        "kernel_version": version,
        "machine": machine,
        "architecture": "i386" if _SHORT.search(machine) else machine,
    }
    if bits and bits[0].isdecimal():
        found["userspace_bits"] = bits[0]
        narrow = machine == "x86_64" and bits[0] == "32"
        found["userspace_architecture"] = "i386" if narrow else found["architecture"]
    if machine_id.strip():
        found["machine_id"] = machine_id.strip()
    return found


def distribution(text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Read os-release(5); Debian's minor version stands in a file of its own."""
    release, _, debian = text.partition("\1")
    said = _settings(release)
    if not said:
        system = before.get("system", "Linux")
        return {"distribution": system, "os_family": system}
    ident = said.get("ID", "")
    version = said.get("VERSION_ID", "NA") or "NA"
    inside = re.search(r"\((.*)\)", said.get("VERSION", ""))
    found = {
        "distribution": _NAMES.get(ident, said.get("NAME", ident)),
        "distribution_release": said.get("VERSION_CODENAME") or (inside[1] if inside else "NA"),
    }
    exact = debian.strip()
    if ident in {"debian", "raspbian"} and re.fullmatch(r"\d+(\.\d+)*", exact):
        version = exact
        found["distribution_minor_version"] = exact.partition(".")[2]
    kin = (ident, *said.get("ID_LIKE", "").split())
    family = _OWN_FAMILY.get(ident) or next((_FAMILIES[k] for k in kin if k in _FAMILIES), None)
    return found | {
        "distribution_version": version,
        "distribution_major_version": version.split(".")[0],
        "os_family": family or found["distribution"],
    }


def _settings(text: str) -> dict[str, str]:
    """Read lines ``NAME=value`` as a shell would, without anything to evaluate."""
    found = {}
    for line in text.splitlines():
        if match := _SPOKEN.fullmatch(line.strip()):
            found[match[1]] = next(part for part in match.groups()[1:] if part is not None)
    return found


def user(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read who the task acts as."""
    effective, group, real, real_group, name, *line = text.splitlines()
    found: dict[str, Any] = {
        "effective_user_id": int(effective),
        "effective_group_id": int(group),
        "real_user_id": int(real),
        "real_group_id": int(real_group),
        "user_id": name,
        "user_uid": int(effective),
        "user_gid": int(group),
    }
    if line and line[0].count(":") >= 6:  # passwd(5)
        _, _, _, gid, gecos, home, shell = line[0].split(":")[:7]
        found |= {"user_gid": int(gid), "user_gecos": gecos, "user_dir": home, "user_shell": shell}
    return found


def date_time(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read the wall clock; the parts are texts, as in Ansible."""
    year, month, day, hour, minute, second, weekday, number, week, epoch, offset, zone, *nanos = (
        text.split()
    )
    micro = nanos[0][:6] if nanos and nanos[0].isdecimal() else "000000"
    utc = dt.datetime.fromtimestamp(int(epoch), dt.UTC)
    short = f"{year}{month}{day}T{hour}{minute}{second}"
    return {
        "date_time": {
            "year": year,
            "month": month,
            "day": day,
            "hour": hour,
            "minute": minute,
            "second": second,
            "weekday": weekday,
            "weekday_number": number,
            "weeknumber": week,
            "epoch": epoch,
            "epoch_int": epoch,
            "date": f"{year}-{month}-{day}",
            "time": f"{hour}:{minute}:{second}",
            "iso8601": f"{utc:%Y-%m-%dT%H:%M:%S}Z",
            "iso8601_micro": f"{utc:%Y-%m-%dT%H:%M:%S}.{micro}Z",
            "iso8601_basic": f"{short}{micro}",
            "iso8601_basic_short": short,
            "tz": zone,
            "tz_offset": offset,
        }
    }


_FIRST_PROCESSES: Final = {
    "procd": "openwrt_init",
    "runit-init": "runit",
    "svscan": "svc",
    "openrc-init": "openrc",
}


def service_mgr(text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what starts services: the first process, unless its name says nothing."""
    first, *seen = text.splitlines() or [""]
    if first and first != "init" and not first.endswith("sh"):
        return {"service_mgr": _FIRST_PROCESSES.get(first, first)}
    if before.get("distribution") == "OpenWrt":
        return {"service_mgr": "openwrt_init"}
    order = ("systemd", "upstart", "openrc", "offline", "sysvinit", "dinit")
    found = next((name for name in order if name in seen), "service")
    return {"service_mgr": "systemd" if found == "offline" else found}


def pkg_mgr(text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the package manager that the distribution itself supports, where several are there."""
    lines = text.splitlines()
    there = [PACKAGE_MANAGERS[line] for line in lines if line in PACKAGE_MANAGERS]
    family = before.get("os_family")
    if family == "Debian":
        return {"pkg_mgr": "apt"}
    if family == "RedHat" and "dnf" in there:
        return {"pkg_mgr": "dnf5" if lines[-1] == "/usr/bin/dnf5" else "dnf"}
    return {"pkg_mgr": there[-1] if there else "unknown"}


def python(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell which Python is there; a host needs none."""
    path, said = text.splitlines()[:2]
    major, minor, micro = re.fullmatch(r"Python (\d+)\.(\d+)\.(\d+)\S*", said.strip()).groups()  # type: ignore[union-attr]
    version = {"major": int(major), "minor": int(minor), "micro": int(micro)}
    return {
        "python": {"executable": path, "version": version},
        "python_version": f"{major}.{minor}.{micro}",
    }


def selinux(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell whether SELinux is on."""
    enforcing, *config = text.splitlines() or [""]
    if enforcing not in {"0", "1"}:
        return {"selinux": {"status": "disabled"}}
    said = _settings("\n".join(config))
    found = {"status": "enabled", "mode": "enforcing" if enforcing == "1" else "permissive"}
    for ours, name in (("config_mode", "SELINUX"), ("type", "SELINUXTYPE")):
        if name in said:
            found[ours] = said[name]
    return {"selinux": found}


def apparmor(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell whether AppArmor is on."""
    return {"apparmor": {"status": text.strip() or "disabled"}}


def fips(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell whether the kernel is in FIPS mode."""
    return {"fips": text.strip() == "1"}


def cmdline(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read the kernel's command line; a word without a value is true."""
    found: dict[str, Any] = {}
    for word in text.split():
        name, is_set, value = word.partition("=")
        found[name] = value if is_set else True
    return {"cmdline": found}


def dns(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read resolv.conf(5)."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        key, *values = line.split() or ["#"]
        if key == "nameserver" and values:
            found.setdefault("nameservers", []).append(values[0])
        elif key == "domain" and values:
            found["domain"] = values[0]
        elif key == "search":
            found["search"] = values
        elif key == "options":
            pairs = (value.partition(":") for value in values)
            found["options"] = {name: number or True for name, _, number in pairs}
    return {"dns": found}


def loadavg(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read the load averages of one, five and fifteen minutes."""
    one, five, fifteen = map(float, text.split()[:3])
    return {"loadavg": {"1m": one, "5m": five, "15m": fifteen}}


def systemd(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell systemd's version, where it is installed."""
    first, *features = text.splitlines()
    return {"systemd": {"version": int(first.split()[1]), "features": " ".join(features)}}


def ssh_pub_keys(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read the host's public keys, one fact for each kind."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        kind, key = line.split()[:2]
        short = "ecdsa" if kind.startswith("ecdsa") else kind.removeprefix("ssh-")
        short = "dsa" if short == "dss" else short
        found[f"ssh_host_key_{short}_public"] = key
        found[f"ssh_host_key_{short}_public_keytype"] = kind
    return found


def env(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Read the environment of the task's user."""
    pairs = (entry.partition("=") for entry in text.split("\0") if "=" in entry)
    return {"env": {name: value for name, _, value in pairs if not name.startswith("RAFTFLEET_")}}
