# Lays what systemd as the first process needs beyond a host's own file tree. Read by build.sh, with
# the tree in the working directory.

# Its control groups: those below the group that we were started in, which the host sees as the root
# of its own hierarchy. Where the machine still has version 1, systemd's named hierarchy alone: no
# controllers, so limits of units (CPUQuota=, MemoryMax=) have no effect there.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
else
    mount -t tmpfs -o size=1m,mode=0755,nosuid,nodev,noexec tmpfs sys/fs/cgroup
    mkdir sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd,nosuid,nodev,noexec cgroup sys/fs/cgroup/systemd
    # Left alone it would mount every controller the kernel has and make groups in the machine's own
    # hierarchies, which outlive the host. So the kernel has none, as far as the host can see.
    head -n 1 /proc/cgroups >run/cgroups
    mount --bind run/cgroups proc/cgroups
fi

# What it says before its journal runs goes where our own complaints go.
: >dev/console
mount --bind "$folder/log" dev/console
