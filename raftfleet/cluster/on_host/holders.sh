# Who holds these sockets. In: $inodes, separated by blanks.
for directory in /proc/[0-9]*/fd; do
  ls -l "$directory" 2>/dev/null | while read -r line; do
    case $line in *socket:\[*) ;; *) continue ;; esac
    inode=${line##*socket:[}
    inode=${inode%]}
    case " $inodes " in *" $inode "*) ;; *) continue ;; esac
    pid=${directory#/proc/}
    pid=${pid%/fd}
    echo "holder $inode $pid $(tr '\0\n' '  ' <"/proc/$pid/cmdline" | cut -c 1-120)"
  done
done
