#!/bin/sh
# Keeps the records of a node that systemd runs; its unit calls it around every life, whoever starts that.
#
#   unit before STATE UNIT CONSOLE   a life is about to begin; status 1 turns it away
#   unit began STATE UNIT            it has
#   unit ended STATE UNIT            it is over
act=$1 state=$2 unit=$3
umask 077
mkdir -p "$state"
counter=0
{ read -r counter <"$state/counter"; } 2>/dev/null

put() { cat >"$state/$1.part" && mv -f "$state/$1.part" "$state/$1"; }

case $act in
before)
  # Held down by whoever stopped it: what systemd does by itself must not undo that.
  restarts=$(systemctl show --property=NRestarts --value -- "$unit")
  [ "${restarts:-0}" -gt 0 ] && [ -e "$state/hold" ] && exit 1
  counter=$((counter + 1)) old=$((counter - 32))
  rm -f -- "$state/life-$old" "$state/exit-$old"
  stat -L -c %s -- "$4" 2>/dev/null | put printed
  echo "$counter" | put counter
  ;;
began)
  pid=${MAINPID:-$(systemctl show --property=MainPID --value -- "$unit")}
  printed=0
  { read -r printed <"$state/printed"; } 2>/dev/null
  read -r boot </proc/sys/kernel/random/boot_id
  ignored=$(cat "/proc/$pid/status") || exit 0
  ignored=${ignored#*SigIgn:?}
  read -r stat <"/proc/$pid/stat" || exit 0
  set -- ${stat##*) }
  put "life-$counter" <<END
counter $counter
pid $pid
start ${20}
boot $boot
sigign ${ignored%%[!0-9a-f]*}
console ${printed:-0}
END
  ;;
ended)
  read -r uptime _ </proc/uptime
  code= status= exited=
  while IFS== read -r key said; do
    case $key in
    ExecMainCode) code=$said ;;
    ExecMainStatus) status=$said ;;
    ExecMainExitTimestampMonotonic) exited=$said ;;
    esac
  done <<END
$(systemctl show --property=ExecMainCode,ExecMainStatus,ExecMainExitTimestampMonotonic -- "$unit")
END
  # CLD_EXITED is 1, CLD_KILLED 2, CLD_DUMPED 3; a shell says 128 and the signal's number.
  [ "$code" = 1 ] || status=$((128 + status))
  {
    echo "counter $counter"
    echo "status $status"
    echo "uptime $uptime"
    # systemd's stamp is on the monotonic clock, our records are on the boot clock; the distance is known to
    # microseconds. Without Python the uptime above has to do.
    python3 -S -E - "$exited" <<'END' 2>/dev/null
import sys, time
exited, now = int(sys.argv[1]) / 1e6, time.clock_gettime
first, steady, last, wall = now(time.CLOCK_BOOTTIME), now(time.CLOCK_MONOTONIC), now(time.CLOCK_BOOTTIME), time.time()
if exited > 0:
    print("at %.6f %.6f" % (exited + first - steady, exited + last - steady + 1e-6))
    print("wall %.6f" % (wall - (last - (exited + last - steady))))
END
  } | put "exit-$counter"
  ;;
esac
