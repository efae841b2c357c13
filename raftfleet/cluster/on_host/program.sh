# What program a process is. In: $pid, $start.
# The record of a life is written before the process has become the node, so that is waited for.
# A digest is kept with what would change if the file did, for reading a large program takes seconds.
digest_of() {
  mark=$(stat -L -c '%d:%i:%s:%y:%z' -- "$1") || return 1
  if [ "$(value "$state/digest" mark)" = "$mark" ]; then value "$state/digest" digest; return; fi
  sum=$(sha256sum <"$1") || return 1
  sum=${sum%% *}
  printf '%s\n' "mark $mark" "digest $sum" >"$state/digest.part" && mv -f "$state/digest.part" "$state/digest"
  echo "$sum"
}

# A script's own file is the first or second word of its command line; /proc/PID/exe is what interprets it.
script_of() {
  tr '\0' '\n' <"/proc/$pid/cmdline" | head -n 3 | tail -n +2 | while IFS= read -r word; do
    case $word in /*) ;; *) word=$(readlink "/proc/$pid/cwd")/$word ;; esac
    [ -f "$word" ] && [ "$(head -c 2 -- "$word")" = '#!' ] || continue
    echo "$word"
    break
  done 2>/dev/null
}

shell=$(readlink -f /bin/sh)
turns=200
while same_process "$pid" "$start"; do
  program=$(readlink "/proc/$pid/exe")
  script=$(script_of)
  turns=$((turns - 1))
  if [ "$script" = "$state/waiter" ] || { [ "$program" = "$shell" ] && [ -z "$script" ]; }; then
    if [ "$turns" -gt 0 ]; then sleep 0.01; continue; fi
  fi
  if [ -n "$script" ]; then
    printf '%s\n' "kind script" "path $script" "digest $(digest_of "$script")"
  else
    printf '%s\n' "kind program" "path $program" "digest $(digest_of "/proc/$pid/exe")"
  fi
  break
done
