# Prints every $period seconds how much processor time a node's process has used, and its state, until nobody listens any more.
hertz=$(getconf CLK_TCK 2>/dev/null) || hertz=100
echo "hertz $hertz"
while :; do
  count
  if lives "$state/life-$counter"; then
    if { read -r stat <"/proc/$life_pid/stat"; } 2>/dev/null; then
      set -- ${stat##*) }
      echo "busy $life_pid $life_start $counter $((${12} + ${13})) $1" || exit
    fi
  else
    echo "idle" || exit
  fi
  sleep "$period" || exit
done
