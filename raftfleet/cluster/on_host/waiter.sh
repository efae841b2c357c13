#!/bin/sh
# Runs one life of a node in the foreground and writes down how it began and ended.
#
#   waiter run STATE COUNTER CONSOLE SCENE LINE
#
# In the background a shell would make the node ignore SIGINT and SIGQUIT. SCENE is a script that sets
# environment and directory and becomes LINE. `waiter be ...` is the node before it has become itself.
act=$1 state=$2 counter=$3 console=$4 scene=$5 line=$6

if [ "$act" = be ]; then
  at=$(stat -L -c %s -- "$console")
  read -r boot </proc/sys/kernel/random/boot_id
  # Some shells ignore SIGQUIT themselves, but not for what they run: so another process is asked.
  ignored=$(cat /proc/self/status)
  ignored=${ignored#*SigIgn:?}
  read -r stat </proc/$$/stat
  set -- ${stat##*) }
  {
    echo "counter $counter"
    echo "pid $$"
    echo "start ${20}"
    echo "boot $boot"
    echo "sigign ${ignored%%[!0-9a-f]*}"
    echo "console $at"
  } >"$state/life-$counter.part" && mv -f "$state/life-$counter.part" "$state/life-$counter" || exit 126
  # Whatever else the login had open is not the node's.
  exec /bin/sh -c "$scene" sh "$line" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
fi

# A handler, not '': what is ignored here would be ignored by the node. The waiter outlives a signal
# to its whole group, so that the node's end is written down.
trap : HUP INT QUIT TERM USR1 USR2 PIPE ALRM
(exec sh "$0" be "$state" "$counter" "$console" "$scene" "$line") </dev/null >>"$console" 2>&1
status=$?
read -r uptime _ </proc/uptime
{
  echo "counter $counter"
  echo "status $status"
  echo "uptime $uptime"
  echo "wall $(date +%s.%N)"
} >"$state/exit-$counter.part"
mv -f "$state/exit-$counter.part" "$state/exit-$counter"
