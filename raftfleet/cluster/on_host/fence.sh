# Comes before every script that changes something: refuses whoever does not hold the cluster lock on this host.
# In: $fence, the token. The shared lock on descriptor 7 is kept until the script has ended, so that nobody can take
# the cluster lock between this look and the last thing the script does.
fenced() {
  echo "fenced: $1" >&2
  exit 97
}
[ -d "$lock" ] || fenced "nobody has taken the cluster lock on this host"
exec 7>>"$lock/acting"
flock -s -w 10 7 || fenced "another controller is taking the cluster lock"
now
recorded
[ -n "$its_token" ] || fenced "the cluster lock on this host is not held by anybody"
[ "$its_token" = "$fence" ] || fenced "the cluster lock on this host is held by another run${its_run:+ ($its_run)}"
[ "$its_boot" = "$boot" ] || fenced "this host has been rebooted since the cluster lock was taken"
[ "$its_acts" -gt 0 ] || fenced "the cluster lock is only just being taken on this host"
[ "$its_acts" -gt "$now" ] || fenced "the cluster lock has expired: it was not renewed in time"
