# Lays the file tree of a host made by an ordinary user. Read by build.sh, which has the host's
# memory in the working directory.
#
# Inside a user namespace the kernel makes no overlay of /, and the machine's files belong to nobody
# there: not even the host's root may change one or add a neighbour to it. So the programs come as
# they are, to be read only, /etc as a copy that belongs to the host, and /var and the rest empty.
cp -R --no-dereference --preserve=mode,timestamps,links /etc . 2>/dev/null || : # not ours to read
rm -rf etc/nologin etc/ssh/sshrc etc/ssh/ssh_host_*
for top in bin lib lib32 lib64 libx32 sbin usr; do
    if [ -L "/$top" ]; then
        cp -a "/$top" .
    elif [ -d "/$top" ]; then
        mkdir "$top"
        mount --rbind "/$top" "$top"
        mount -o remount,bind,ro "$top"
    fi
done
mkdir -p var/cache var/lib var/log var/mail var/opt var/spool
ln -s /run var/run
ln -s /run/lock var/lock
cp -a "$folder/seed/." .
for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
