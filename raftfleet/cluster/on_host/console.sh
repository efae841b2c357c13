# The last lines of a node's life: what it wrote to its console, or else to its newest log.
# In: $console, $offset, $lines, $home; "$@" are the patterns of its logs below $home.
said=$(tail -c "+$((offset + 1))" -- "$console" 2>/dev/null | tail -n "$lines" | tail -c 6000)
if [ -n "$said" ]; then
  printf '%s\n' "$said"
else
  cd -- "$home" || exit 0
  for pattern in "$@"; do ls -td -- $pattern 2>/dev/null; done | head -n 1 | while read -r file; do
    tail -n "$lines" -- "$file" | tail -c 6000
  done
fi
