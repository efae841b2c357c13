# What a node's latest life is like, and what listens where it lives (or would live).
count
told life "$state/life-$counter"
if lives "$state/life-$counter"; then
  echo "alive yes"
  pid=$life_pid
else
  echo "alive no"
  pid=self
fi
told exit "$state/exit-$counter"

# Field 2 is the local address, 4 the state, 10 the inode; 0A is LISTEN, 07 a UDP socket that takes from anybody.
# A shell reads byte by byte, and a busy host has thousands of connections: grep leaves out most of them.
listening() {
  { grep " $2 " "/proc/$pid/net/$3" || [ $? = 1 ] || cat "/proc/$pid/net/$3"; } 2>/dev/null |
    while read -r _ local _ state _ _ _ _ _ inode _; do
      if [ "$state" = "$2" ]; then echo "socket $1 ${local##*:} $inode"; fi
    done
}
listening tcp 0A tcp
listening tcp 0A tcp6
listening udp 07 udp
listening udp 07 udp6
if [ "$pid" != self ] && [ -r "/proc/$pid/fd" ]; then
  echo "owners known"
  ls -l "/proc/$pid/fd" 2>/dev/null | while read -r line; do
    case $line in *socket:\[*) inode=${line##*socket:[}; echo "owns ${inode%]}" ;; esac
  done
fi
