#!/bin/sh
# The first process of a host: keeps sshd running, as a service manager would, and reaps orphans.
#
# A shell that waits for a child of its own also reaps the children it inherits, so /proc and
# `kill -0` tell the truth about every process that has ended.
while :; do
    /usr/sbin/sshd -D -E /var/log/sshd.log &
    wait "$!"
    echo "sshd ended with status $?" >&2
    tail -n 3 /var/log/sshd.log >&2
    sleep 1 &
    wait "$!"
done
