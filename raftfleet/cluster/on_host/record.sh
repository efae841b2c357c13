# What is known of a node's latest life, and whether it runs.
count
echo "counter $counter"
told life "$state/life-$counter"
# In this order: a process that has ended in between shows its exit.
if lives "$state/life-$counter"; then echo "alive yes"; else
  echo "alive no"
  turns=${patience:-0}
  while [ ! -f "$state/exit-$counter" ] && [ "$turns" -gt 0 ]; do
    sleep 0.01
    turns=$((turns - 1))
  done
fi
told exit "$state/exit-$counter"
