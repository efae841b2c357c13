# Starts the next life of a node, detached. In: $home, $console, $scene, $line; the waiter on standard input. Where
# systemd runs the node, $unit is its unit and $mark the line that makes it ours.
# Out: `found`, `refused` or `begun`, and what the records say.
(umask 077 && mkdir -p "$state") || exit 1
cat >"$state/waiter.part" && mv -f "$state/waiter.part" "$state/waiter" || exit 1
exec 9>"$state/lock"
flock -w 5 9 || { echo "refused another start of $node is under way"; exit 0; }
[ -d "$home" ] || { echo "refused there is no $home: it was never deployed"; exit 0; }

count
if lives "$state/life-$counter"; then
  echo found
  rm -f "$state/undo"
  told life "$state/life-$counter"
  exit 0
fi
if [ -n "$unit" ]; then
  [ -d /run/systemd/system ] || { echo "refused its host is not run by systemd, as raft_service_manager says"; exit 0; }
  [ "$(id -u)" = 0 ] || { echo "refused only root starts units of systemd: ansible_become: true"; exit 0; }
  grep -qxF -e "$mark" "/etc/systemd/system/$unit" 2>/dev/null ||
    { echo "refused there is no unit $unit of ours on its host: deploy it"; exit 0; }
fi
counter=$((counter + 1))
mkdir -p -- "${console%/*}" && : >>"$console" || exit 1
[ -n "$unit" ] || { echo "$counter" >"$state/counter.part" && mv -f "$state/counter.part" "$state/counter"; } || exit 1
printf '%s\n' "$line" >"$state/command"
old=$((counter - 32))
rm -f -- "$state/life-$old" "$state/exit-$old"

# Who logs in may have signals ignored (nohup does it, and so does a shell's &), and a shell cannot undo that.
if env --default-signal true 2>/dev/null; then
  set -- env --default-signal
elif perl -e 1 2>/dev/null; then
  set -- perl -e '$SIG{$_} = "DEFAULT" for grep { !/^__/ } keys %SIG; exec { $ARGV[0] } @ARGV'
elif python3 -S -E -c 1 2>/dev/null; then
  set -- python3 -S -E -c 'import os, signal, sys
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_DFL)
    except (OSError, ValueError):
        pass
os.execvp(sys.argv[1], sys.argv[1:])'
else
  set --
fi
set -- "$@" sh "$state/waiter" run "$state" "$counter" "$console" "$scene" "$line"
if [ -n "$unit" ]; then
  rm -f "$state/hold"
  systemctl start -- "$unit" </dev/null >/dev/null 2>"$state/waiter.err" 7>&- 9>&-
elif setsid -f true 2>/dev/null; then
  setsid -f "$@" </dev/null >/dev/null 2>"$state/waiter.err" 7>&- 9>&-
else # BusyBox has no -f
  setsid "$@" </dev/null >/dev/null 2>"$state/waiter.err" 7>&- 9>&- &
fi

turns=500
while [ ! -f "$state/life-$counter" ] && [ ! -f "$state/exit-$counter" ] && [ "$turns" -gt 0 ]; do
  sleep 0.01
  turns=$((turns - 1))
done
if [ -f "$state/life-$counter" ]; then
  echo begun
  rm -f "$state/undo"
  told life "$state/life-$counter"
  told exit "$state/exit-$counter"
else
  echo "refused the waiter did not start $node: $(tail -n 3 "$state/waiter.err" "$console" | tr '\n' ' ')"
fi
