"""What kind of machine the host is: a container, a guest, or neither."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Signs, and what they show; the innermost first: a container before the machine it runs on.
_SIGNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("/docker[/-]", "docker", "guest"),
    ("/lxc/|container=lxc", "lxc", "guest"),
    ("container=podman", "podman", "guest"),
    ("container=.+", "container", "guest"),
    ("systemd=(.+)", "", "guest"),
    ("/\\.dockerenv", "docker", "guest"),
    ("/run/\\.containerenv", "podman", "guest"),
    ("/proc/xen", "xen", "guest"),
    ("product_name=(KVM|KVM Server|Bochs|AHV|CloudStack KVM Hypervisor)", "kvm", "guest"),
    ("product_name=VMware.*", "VMware", "guest"),
    ("product_name=OpenStack (Compute|Nova)", "openstack", "guest"),
    ("sys_vendor=oVirt", "oVirt", "guest"),
    ("bios_vendor=Xen", "xen", "guest"),
    ("bios_vendor=innotek GmbH", "virtualbox", "guest"),
    ("bios_vendor=(Amazon EC2|DigitalOcean|Hetzner|Linode)", "kvm", "guest"),
    ("sys_vendor=(QEMU|Amazon EC2|DigitalOcean|Google|Scaleway|Nutanix)", "kvm", "guest"),
    ("sys_vendor=KubeVirt", "KubeVirt", "guest"),
    ("sys_vendor=Microsoft Corporation", "VirtualPC", "guest"),
    ("sys_vendor=Parallels Software International Inc\\.", "parallels", "guest"),
    ("sys_vendor=OpenStack Foundation", "openstack", "guest"),
    ("model name.*QEMU Virtual CPU", "kvm", "guest"),
    ("kvm", "kvm", "host"),
    ("vboxdrv", "virtualbox", "host"),
    ("virtio", "kvm", "guest"),
    ("/dev/kvm", "kvm", "host"),
)


def virtualization(text: str, _before: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the kind of machine, and whether it is a guest of such or a host of such."""
    seen = [line.rstrip() for line in text.splitlines()]
    for pattern, kind, role in _SIGNS:
        match = next(filter(None, (re.fullmatch(pattern, sign) for sign in seen)), None)
        if match:
            return {"virtualization_type": kind or match[1], "virtualization_role": role}
    return {"virtualization_type": "NA", "virtualization_role": "NA"}
