# Reads the host's clocks, as exactly as it can: boot clock, wall clock, boot clock. In: $ways.
# The first look is coarse, but before any interpreter has been started.
read -r up _ </proc/uptime
echo "up $up"
by_python() {
  for one in /usr/bin/python3 python3; do
    command -v "$one" >/dev/null 2>&1 || continue
    "$one" -S -E -c 'import time
began, wall, ended = time.clock_gettime(7), time.time(), time.clock_gettime(7)
print(f"began {began:.6f}\nwall {wall:.6f}\nended {ended:.6f}\nmethod python")' && return
  done
  return 1
}

by_perl() {
  perl -MTime::HiRes=clock_gettime -e '
my ($began, $wall, $ended) = (clock_gettime(7), Time::HiRes::time(), clock_gettime(7));
printf "began %.6f\nwall %.6f\nended %.6f\nmethod perl\n", $began, $wall, $ended' 2>/dev/null
}

by_shell() {
  read -r began _ </proc/uptime
  wall=$(date +%s.%N)
  read -r ended _ </proc/uptime
  printf '%s\n' "began $began" "wall $wall" "ended $ended" "method shell"
}

for way in $ways; do
  "by_$way" && break
done
