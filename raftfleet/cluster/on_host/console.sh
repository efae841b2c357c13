# The last lines a node has written to its console in this life. In: $console, $offset, $lines.
tail -c "+$((offset + 1))" -- "$console" | tail -n "$lines" | tail -c 6000
