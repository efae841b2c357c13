# Begins every script: where the records of this node lie, and whether a process is the one we mean.
# In: $cluster, $node, $root (empty: our own choice). Only whoever started the nodes may look into it.
# Nothing here starts a process of its own: a host may be busy.
if [ -n "$root" ]; then :
elif [ -w /run ]; then root=/run/raftfleet
elif [ -w /var/lib ]; then root=/var/lib/raftfleet
else root=$HOME/.raftfleet
fi
state=$root/clusters/$cluster/$node
lock=$root/locks/$cluster

# now: the host's boot clock in $now, in hundredths of a second, and which boot it is in $boot.
now() {
  read -r now _ </proc/uptime
  now=${now%.*}${now#*.}
  read -r boot </proc/sys/kernel/random/boot_id
}

# recorded: what the cluster lock's record on this host says, in $its_...
recorded() {
  its_token= its_epoch=0 its_boot= its_holds=0 its_acts=0 its_run=
  [ -f "$lock/held" ] || return 0
  while read -r key said; do
    case $key in
      token) its_token=$said ;;
      epoch) its_epoch=$said ;;
      boot) its_boot=$said ;;
      holds) its_holds=$said ;;
      acts) its_acts=$said ;;
      run) its_run=$said ;;
    esac
  done <"$lock/held"
}

# same_process PID START: whether it runs, and is no other that was given its number later.
# A zombie has ended; it only waits to be asked how.
same_process() {
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- "$1" "$2" ${stat##*) }
  [ "${22}" = "$2" ] || return 1
  case $3 in Z | X) return 1 ;; esac
}

# count: the number of the latest life in $counter, 0 when there was none.
count() {
  counter=0
  { read -r counter <"$state/counter"; } 2>/dev/null
}

# told PREFIX FILE: a record, line by line.
told() {
  [ -f "$2" ] || return 0
  while read -r key said; do echo "$1.$key $said"; done <"$2"
}

# lives LIFE: whether the process of a record runs; its number is in $life_pid then, its start in $life_start.
# After a reboot nothing of before does.
lives() {
  life_pid=0 life_start= life_boot=
  [ -f "$1" ] || return 1
  while read -r key said; do
    case $key in
      pid) life_pid=$said ;;
      start) life_start=$said ;;
      boot) life_boot=$said ;;
    esac
  done <"$1"
  read -r boot </proc/sys/kernel/random/boot_id
  [ "$life_boot" = "$boot" ] || return 1
  same_process "$life_pid" "$life_start"
}
