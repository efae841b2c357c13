# Begins every script: where the records of this node lie, and whether a process is the one we mean.
# In: $cluster, $node, $root (empty: our own choice). Only root may look into it, or whoever started the nodes.
if [ -n "$root" ]; then :
elif [ "$(id -u)" != 0 ]; then root=$HOME/.raftfleet
elif [ -d /run ] && [ -w /run ]; then root=/run/raftfleet
else root=/var/lib/raftfleet
fi
state=$root/clusters/$cluster/$node

# number FILE: the number in a file, 0 without one.
number() {
  n=0
  { read -r n <"$1"; } 2>/dev/null
  echo "${n:-0}"
}

# same_process PID START: whether it runs, and is no other that was given its number later.
# A zombie has ended; it only waits to be asked how.
same_process() {
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- "$1" "$2" ${stat##*) }
  [ "${22}" = "$2" ] || return 1
  case $3 in Z | X) return 1 ;; esac
}

# value FILE KEY: what a record says.
value() {
  while read -r key said; do
    if [ "$key" = "$2" ]; then echo "$said"; fi
  done 2>/dev/null <"$1"
}

# told PREFIX FILE: a record, line by line.
told() {
  [ -f "$2" ] || return 0
  while read -r key said; do echo "$1.$key $said"; done <"$2"
}

# lives LIFE: whether the process of a record runs. After a reboot nothing of before does.
lives() {
  [ -f "$1" ] || return 1
  [ "$(value "$1" boot)" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 1
  same_process "$(value "$1" pid)" "$(value "$1" start)"
}
