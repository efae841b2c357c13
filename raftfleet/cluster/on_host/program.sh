# What program a process is. In: $pid, $start, $home.
# A digest is kept with what would change if the file did, for reading a large program takes seconds.
digest_of() {
  mark=$(stat -L -c '%d:%i:%s:%y:%z' -- "$1") || return 1
  { read -r sum && read -r known; } 2>/dev/null <"$state/digest"
  if [ "$known" != "$mark" ]; then
    sum=$(sha256sum <"$1") || return 1
    sum=${sum%% *}
    printf '%s\n' "$sum" "$mark" >"$state/digest.part" && mv -f "$state/digest.part" "$state/digest"
  fi
  echo "$sum"
}

# A script's own file stands early on its command line; /proc/PID/exe is what interprets it.
script_of() {
  tr '\0' '\n' <"/proc/$pid/cmdline" | head -n 6 | tail -n +2 | while IFS= read -r word; do
    case $word in /*) ;; *) word=$(readlink "/proc/$pid/cwd")/$word ;; esac
    [ -f "$word" ] && [ "$(head -c 2 -- "$word")" = '#!' ] || continue
    echo "$word"
    break
  done 2>/dev/null
}

# It may become several things on its way to being the node: taken for it is what lies below its home, or
# what it has been for a while.
calm=0 before=
while same_process "$pid" "$start"; do
  program=$(readlink "/proc/$pid/exe")
  script=
  case $program in
    "$home"/*) break ;;
  esac
  script=$(script_of)
  case ${script:-$program} in
    "$home"/*) break ;;
    "$before") calm=$((calm + 1)) ;;
    *) calm=0 before=${script:-$program} ;;
  esac
  [ "$calm" -lt 10 ] || break
  sleep 0.01
done
same_process "$pid" "$start" || exit 0
if [ -n "$script" ]; then
  printf '%s\n' "kind script" "path $script" "digest $(digest_of "$script")"
else
  printf '%s\n' "kind program" "path $program" "digest $(digest_of "/proc/$pid/exe")"
fi
