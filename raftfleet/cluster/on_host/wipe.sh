# Empties directories that are ours. In: $marker, and the directories as "$@".
count
if lives "$state/life-$counter"; then
  echo "refused it still runs (pid $life_pid)"
  exit 0
fi
for directory in "$@"; do
  if [ -L "$directory" ]; then echo "refused $directory is a link"; exit 0; fi
  if [ -e "$directory" ] && [ ! -f "$directory/$marker" ]; then
    echo "unmarked $directory"
    exit 0
  fi
done
for directory in "$@"; do
  [ -d "$directory" ] || continue
  for entry in "$directory"/* "$directory"/.[!.]* "$directory"/..?*; do
    [ "${entry##*/}" = "$marker" ] && continue
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    rm -rf -- "$entry" || exit 1
  done
  echo "wiped $directory"
done
