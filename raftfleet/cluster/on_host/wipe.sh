# Empties directories that are ours, and names those that held anything. In: $marker, and the directories as "$@".
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
  held=
  for entry in "$directory"/* "$directory"/.[!.]* "$directory"/..?*; do
    [ "${entry##*/}" = "$marker" ] && continue
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    rm -rf -- "$entry" || exit 1
    held=yes
  done
  [ -z "$held" ] || echo "wiped $directory"
done
