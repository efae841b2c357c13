# Signals one process and stamps its end. In: $pid, $start, $counter, $signal (a number), $grace (seconds),
# $python and $perl (the exact ways), $ways (which ways to try, in this order), $undo (lines that say who will start
# it again, nothing when it is to stay down), $unit (its unit, nothing where systemd does not run it).
by_python() {
  for one in /usr/bin/python3 python3; do
    command -v "$one" >/dev/null 2>&1 || continue
    "$one" -S -E -c "$python" "$pid" "$start" "$signal" "$grace"
    [ $? != 3 ] && return
  done
  return 1
}

by_perl() {
  perl -MTime::HiRes -e 1 2>/dev/null || return 1
  perl -e "$perl" "$pid" "$start" "$signal" "$grace"
}

stamp() { read -r up _ </proc/uptime; }

# The shell's own way: stamps of 10 ms.
by_shell() {
  stamp; echo "began $up"
  same_process "$pid" "$start" || { echo "absent yes"; return; }
  echo "method shell"
  while read -r key ignored; do
    [ "$key" = SigIgn: ] && echo "sigign $ignored"
  done <"/proc/$pid/status"
  stamp; before=$up
  kill -"$signal" "$pid" 2>/dev/null || { echo "absent yes"; return; }
  stamp; echo "signalled $before $up"
  if tail --pid="$$" -n 0 /dev/null 2>/dev/null && command -v timeout >/dev/null; then
    timeout "$grace" tail --pid="$pid" -s 0.001 -f /dev/null
  else
    turns=${grace%.*}00
    while same_process "$pid" "$start" && [ "$turns" -gt 0 ]; do sleep 0.01; turns=$((turns - 1)); done
  fi
  stamp
  if same_process "$pid" "$start"; then echo "alive yes"; else echo "gone $up $up"; fi
  stamp; echo "ended $up"
}

# The intent lies on the host before the deed: whoever comes after a dead controller finds it here.
if [ -n "$undo" ]; then
  printf '%s\n' "$undo" >"$state/undo.part" && mv -f "$state/undo.part" "$state/undo" || exit 1
else
  rm -f "$state/undo"
fi

# systemd must not start it by itself: not before we do, and not at all when it is to stay down.
[ -z "$unit" ] || : >"$state/hold" || exit 1

for way in $ways; do
  "by_$way" && break
done

if ! same_process "$pid" "$start"; then
  turns=200
  while [ ! -f "$state/exit-$counter" ] && [ "$turns" -gt 0 ]; do sleep 0.01; turns=$((turns - 1)); done
  told exit "$state/exit-$counter"
fi
