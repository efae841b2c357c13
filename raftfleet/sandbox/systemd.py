"""What systemd finds on a host: its own units and none of those the machine has enabled.

The vendor's unit files stay in sight, so that a playbook may start one. What pulls them in goes: the
machine's /etc/systemd/system, the vendor's ``*.wants``, init scripts, fstab. Instead there is just
what a host is: the journal, the message bus on demand, sshd, and whatever gets enabled there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["hidden", "plant"]

_ETC: Final = Path("etc/systemd/system")
_SETTINGS: Final = (
    *("crypttab", "fstab", "init.d", "rc.local", "systemd/system", "systemd/journald.conf.d"),
    *(f"rc{level}.d" for level in "S0123456"),
)
_WANTED: Final = {
    "multi-user.target.wants": ("ssh.service",),
    "sockets.target.wants": ("dbus.socket",),
    "sysinit.target.wants": (
        "systemd-journald.service",
        "systemd-tmpfiles-setup.service",
    ),
}
_SSH: Final = """\
[Unit]
Description=Where the controller comes in

[Service]
ExecStart=/usr/sbin/sshd -D -e
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
RuntimeDirectory=sshd
RuntimeDirectoryMode=0755

[Install]
WantedBy=multi-user.target
Alias=sshd.service
"""
# In memory, as all that a host writes; and with the stamps of every line, however many there are.
_JOURNAL: Final = "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nRateLimitBurst=0\n"


def hidden() -> list[str]:
    """Return what of the machine's file tree must not be seen, relative to its root."""
    vendor = {Path(f"/{top}/systemd/system").resolve() for top in ("lib", "usr/lib")}
    local = [Path("/usr/local/lib/systemd/system")]
    pulls = [
        folder
        for units in (*sorted(vendor), *local)
        for kind in ("wants", "requires", "upholds")
        for folder in sorted(units.glob(f"*.{kind}"))
    ]
    settings = [Path("/etc") / name for name in _SETTINGS]
    there = [path for path in (*settings, *pulls, Path("/var/log/journal")) if path.exists()]
    return [str(path.relative_to("/")) for path in there]


def plant(seed: Path) -> None:
    """Add the host's units to its own files."""
    units = seed / _ETC
    units.mkdir(parents=True)
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    (units / "ssh.service").write_text(_SSH, encoding="utf-8")
    (units / "sshd.service").symlink_to("/etc/systemd/system/ssh.service")
    for target, wanted in _WANTED.items():
        (units / target).mkdir()
        for name in wanted:
            home = "/etc" if name == "ssh.service" else "/lib"
            (units / target / name).symlink_to(f"{home}/systemd/system/{name}")
    settings = seed / "etc/systemd/journald.conf.d"
    settings.mkdir()
    (settings / "raftfleet.conf").write_text(_JOURNAL, encoding="utf-8")
    (seed / "etc/fstab").write_text("", encoding="utf-8")
