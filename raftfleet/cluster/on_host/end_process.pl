# The same as end_process.py, for hosts without Python: PID START SIGNAL GRACE. Needs Time::HiRes.
use strict;
use Time::HiRes qw(clock_gettime usleep);
$| = 1;
my ($pid, $start, $signal, $grace) = @ARGV;
sub now { return clock_gettime(7) }    # CLOCK_BOOTTIME
sub say_at { printf "%s %s\n", shift, join " ", map { sprintf "%.6f", $_ } @_ }

sub running {
    open my $file, "<", "/proc/$pid/stat" or return 0;
    my $line = <$file>;
    return 0 unless defined $line && $line =~ s/.*\) //s;
    my @fields = split " ", $line;
    return $fields[19] eq $start && $fields[0] !~ /^[ZX]$/;
}

sub queued {
    open my $file, "<", "/proc/self/schedstat" or return -1;
    return (split " ", <$file>)[1] / 1e9;
}

say_at "began", now();
my $descriptor = syscall(434, $pid + 0, 0);    # pidfd_open, the same number on every architecture
if (!running()) { print "absent yes\n"; exit 0 }
my $handle;
open $handle, "<&=", $descriptor if $descriptor >= 0;
print "method ", ($handle ? "pidfd" : "looking"), "\n";
if (open my $file, "<", "/proc/$pid/status") {
    while (<$file>) { print "sigign $1\n" if /^SigIgn:\s+(\S+)/ }
}
my $before = now();
my $sent = $handle ? syscall(424, $descriptor, $signal + 0, 0, 0) == 0 : kill($signal, $pid);
if (!$sent) { print "absent yes\n"; exit 0 }
say_at "signalled", $before, now();
my $until = $before + $grace;
my ($lo, $hi);
if ($handle) {
    my $bits = "";
    vec($bits, fileno($handle), 1) = 1;
    my $queued = queued();
    while (!defined $hi && now() < $until) {
        my $ready = $bits;
        my $found = select($ready, undef, undef, $until - now());
        $hi = now() if $found > 0;
    }
    $lo = $hi - ($queued < 0 ? 0.01 : queued() - $queued + 0.001) if defined $hi;
} else {
    my $alive = now();
    while (running() && $alive < $until) { usleep(1000); $alive = now() }
    if (!running()) { $hi = now(); $lo = $alive - 0.001 }
}
if (defined $hi) { say_at "gone", ($lo < $before ? $before : $lo), $hi } else { print "alive yes\n" }
say_at "ended", now();
