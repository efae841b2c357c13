#!/bin/sh
# Turns a fresh set of namespaces into a host. Runs as the first process inside them.
#
#   build.sh FOLDER NAME DISK_MB INIT ADDRESS/PREFIX...
#
# INIT is plain (serve.sh is the first process) or systemd. FOLDER holds seed/ (files of this host), disk/ (an empty mount point) and, one level up, tree.sh
# (how the file tree is laid) and what that needs. Every mount made here lives in this host's own mount
# namespace: the machine never sees it, and it is gone with the last process of the host.
set -eu
umask 022
folder=$1 name=$2 disk_mb=$3 init=$4
shift 4

# /proc is still the machine's, so this is our number as the machine counts.
read -r pid _ </proc/self/stat
echo "$pid"
exec >&2

# The maker answers once it has written that number down and plugged our cable in. End of file
# means that it died: nothing has been made yet, so leaving is all there is to do.
read -r word || exit 1
[ "$word" = go ]
exec </dev/null

# Whatever a host writes goes to memory of a fixed size.
mount -t tmpfs -o "size=${disk_mb}m,mode=0755" raftfleet "$folder/disk"
cd "$folder/disk"
. "$folder/../tree.sh"

mount -t proc proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o size=32m,mode=0755,nosuid,nodev tmpfs run
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mkdir run/sshd run/lock
[ "$init" = plain ] || . "$folder/../init.sh"

# The kernel's switches have no namespace apart from those of the network: a host that may write
# them changes the machine.
hostname "$name"
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
if [ -e proc/sysrq-trigger ]; then
    mount --bind proc/sysrq-trigger proc/sysrq-trigger
    mount -o remount,bind,ro proc/sysrq-trigger
fi

# A first ARP request that gets lost costs 30 ms instead of a second.
echo 30 >proc/sys/net/ipv4/neigh/eth0/retrans_time_ms
{
    echo "link set lo up"
    # Without nodad an IPv6 address is of no use for its first second.
    for address; do
        case $address in
        *:*) echo "addr add $address dev eth0 nodad" ;;
        *) echo "addr add $address dev eth0" ;;
        esac
    done
    echo "link set eth0 up"
} | ip -batch -

pivot_root . mnt
cd /
umount -l /mnt

# From here on no process of this host may set the clock (the wall clock has no namespace), load
# modules, make device nodes or reboot. The first process gives these up itself, because whoever may
# trace it would otherwise get them back.
dropped=-sys_time,-sys_boot,-sys_module,-sys_rawio,-mknod,-syslog
dropped=$dropped,-mac_admin,-mac_override,-wake_alarm
if [ "$init" = systemd ]; then
    # It learns from the environment that it is in a container, and leaves hardware alone.
    export container=raftfleet
    set -- /lib/systemd/systemd --system --show-status=false --log-level=notice
    # In a container it reads its own command line for the kernel's. Neither of these matters where
    # the machine has control groups of version 2 alone.
    [ -e /sys/fs/cgroup/cgroup.controllers ] ||
        set -- "$@" systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1
else
    set -- /bin/sh /etc/raftfleet-host
fi
exec setpriv --bounding-set="$dropped" --inh-caps="$dropped" "$@"
