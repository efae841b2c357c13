# The first process inside the user namespace of an ordinary user's sandbox. Its end ends every
# process in there, and with the last of them go the bridge, the cables and all mounts.
#
# Like the first process of a host it waits for a child of its own, and so reaps all orphans.
set -eu
mount -t sysfs sysfs /sys
ip link set lo up
echo ready
exec </dev/null >/dev/null 2>&1
while :; do
    sleep infinity &
    wait "$!"
done
