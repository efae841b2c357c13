# One step of the cluster lock on this host. In: $act (look, take, renew or release), $token; to take and to renew: $epoch,
# $life; to take: $holder (lines of who it is), $over (the token of a holder known to be dead, or nothing); to renew: $acts.
#
# Times are hundredths of a second on this host's boot clock. Two of them lie in a record: until `holds` nobody else
# may take the lock, until `acts` commands of its holder are obeyed (see lock.py for why they differ).
command -v flock >/dev/null || { echo "there is no flock on this host (util-linux)" >&2; exit 1; }
(umask 077 && mkdir -p "$lock") || exit 1
exec 8>>"$lock/guard"
flock -w 3 8 || { echo "busy another step of the lock is under way"; exit 0; }
now
recorded
highest=0
{ read -r highest <"$lock/epoch"; } 2>/dev/null

free() { [ "$its_boot" != "$boot" ] || [ "$its_holds" -le "$now" ] || [ "$its_token" = "${over:-none}" ]; }

# write ACTS WHO: the record, and the highest epoch, which outlives it.
write() {
  if [ "$epoch" -gt "$highest" ]; then
    highest=$epoch
    printf '%s\n' "$epoch" >"$lock/epoch.part" && mv -f "$lock/epoch.part" "$lock/epoch" || exit 1
  fi
  {
    printf '%s\n' "token $token" "epoch $epoch" "boot $boot" "holds $((now + life))" "acts $1"
    printf '%s\n' "$2"
  } >"$lock/held.part" && mv -f "$lock/held.part" "$lock/held" || exit 1
}

about() {
  [ -n "$its_token" ] || return 0
  if free; then echo "lock.state expired"; else echo "lock.state held"; fi
  echo "lock.left $((its_holds - now))"
  told lock "$lock/held"
}

case $act in
  look) about ;;
  take)
    if [ "$its_token" != "$token" ] && ! free; then
      echo "refused held"
      about
    elif [ "$epoch" -lt "$highest" ]; then
      echo "refused stale"
    elif [ "$its_boot" != "$boot" ] && [ "$now" -lt "$life" ]; then
      echo "refused young" # a record of before the reboot may be lost, and what it promised not over
    else
      # A command of the holder before us may still be under way: what it does must not fall into our time.
      exec 7>>"$lock/acting"
      if flock -n -x 7; then
        write 0 "$holder"
        echo taken
      else
        echo "refused acting"
        about
      fi
    fi
    ;;
  renew)
    if [ "$its_token" = "$token" ] && [ "$its_boot" = "$boot" ] && [ "$its_holds" -gt "$now" ]; then
      [ "$acts" -gt "$its_acts" ] || acts=$its_acts
      write "$acts" "$(grep -Ev '^(token|epoch|boot|holds|acts) ' "$lock/held")"
      echo renewed
    else
      echo "refused gone"
      about
    fi
    ;;
  release)
    if [ "$its_token" = "$token" ]; then
      rm -f "$lock/held"
      echo released
    fi
    ;;
esac
echo "root $root"
echo "now $now"
echo "epoch $highest"
