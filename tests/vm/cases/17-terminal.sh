# Signals and terminals: what is in front of a command changes neither.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154,SC2016

# start_run [OPTION...] ROOTFS COMMAND...: a guest in the background, $guest.
start_run() {
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" "$@" \
		</dev/null >out 2>err &
	guest=$!
}

# comes LINE: waits until the command has said so.
comes() {
	waited=0
	until grep -qx "$1" out; do
		sleep 0.2
		waited=$((waited + 1))
		[ "$waited" -lt 300 ] || break
	done
	like "$case-says-$1" out "^$1\$"
}

# send SIGNAL [SAID]
send() {
	kill -s "$1" "$guest"
	comes "${2-$1}"
}

# ends NAME STATUS
ends() {
	status=0
	wait "$guest" || status=$?
	is "$case-$1" "$status" "$2"
}

case_signals() {
	start_run "$ROOT" -- sh -c '
		for sig in USR1 USR2 WINCH CONT; do
			trap "echo $sig" $sig
		done
		trap "echo TERM; exit 7" TERM
		echo ready
		while :; do sleep 0.1; done'
	comes ready
	send USR1
	send USR2
	send WINCH
	send CONT
	send TERM
	ends status-is-the-commands 7
	is signals-once "$(tr '\n' ' ' <out)" "ready USR1 USR2 WINCH CONT TERM "
}

# A command that does not end when it is told to.
case_signals_twice() {
	start_run "$ROOT" -- sh -c '
		trap "echo TERM" TERM
		trap "echo HUP" HUP
		echo ready
		while :; do sleep 0.1; done'
	comes ready
	send TERM
	sleep 1
	kill -s HUP "$guest"
	ends the-second-ends-the-machine 129
}

case_signals_timeout() {
	start_run --stop-timeout 1 "$ROOT" -- sh -c '
		trap "" TERM; echo ready; while :; do sleep 0.1; done'
	comes ready
	kill -s TERM "$guest"
	ends time-is-up 143
}

# on_terminal STEP... -- [OPTION...] ROOTFS COMMAND...: what is shown to out.
on_terminal() {
	steps=$1
	shift
	while [ "$1" != -- ]; do
		steps="$steps|$1"
		shift
	done
	shift
	(
		IFS='|'
		# shellcheck disable=SC2086 # one step a word
		exec /srv/bin/typist $steps -- "$WHERRY" run \
			--kernel "$KERNEL" --modules "$MODULES" "$@"
	) </dev/null >out 2>err || :
}

shows() {
	like "$case-$1" out "$2"
}

# leaves NAME HOW: what the typist found in the end, or waited for in vain.
leaves() {
	is "$case-$1" "$(tail -n 1 out)" "[$2]"
}

# A shell as people know it: its jobs, the window, the keys. ^D ends it.
case_terminal() {
	on_terminal 'see:# ' 'type:stty size; tty; echo $TERM^M' 'see:# ' raw \
		'size:50x132' 'type:sleep 0.5; stty size^M' 'see:50 132' \
		'see:# ' 'type:sh -c "echo a-$((90 + 9)); exec sleep 99"^M' \
		see:a-99 'type:^C' 'see:# ' \
		'type:echo $?; sh -c "echo b-$((90 + 8)); exec sleep 98"^M' \
		see:b-98 'type:^Z' 'see:# ' \
		'type:jobs; kill -9 %1; wait; echo to-$((40 + 2))^M' see:to-42 \
		'see:# ' 'type:test -t 2 && (exit 5)^M' 'see:# ' 'type:^D' -- \
		"$ROOT" -- bash --norc --noediting -i
	shows size '^24 80'
	shows tty '^/dev/pts/0'
	shows interrupted '^130'
	shows stopped 'Stopped.*sleep 98'
	leaves end 'status 5, cooked'
}

# A program on the terminal that measures, by the guest's clock, how long a new
# size takes. It comes with an interrupt of the console, which is silent else. As
# the time when that came counts the last one at which it surely had not; the
# end is when both the size is there and SIGWINCH.
resized='
	sub now {
		my $time = "\0" x 16;
		syscall 228, 1, $time;
		my ($s, $ns) = unpack "qq", $time;
		return $s * 1e3 + $ns / 1e6;
	}
	sub interrupts {
		open my $file, "<", "/proc/interrupts" or die;
		my ($line) = grep /$console$/, <$file> or die;
		return (split " ", $line)[1];
	}
	sub size {
		ioctl STDIN, 0x5413, my $window = "\0" x 8 or die;
		return unpack "L", $window;
	}
	($console) = glob("/sys/bus/virtio/drivers/virtio_console/virtio*");
	$console =~ s!.*/!!;
	$| = 1;
	$SIG{WINCH} = sub { $heard = 1 };
	for (1 .. 5) {
		print "ready\n";
		select undef, undef, undef, 0.5;
		($heard, $before, $was) = (0, interrupts(), size());
		while (!$heard || size() == $was) {
			my $time = now();
			$came = $time if interrupts() == $before;
		}
		$took = now() - $came;
		printf "took %d %d\n", $took, interrupts() - $before;
	}'

# Half of them, at least: the emulated machine may be busy otherwise.
case_terminal_size_follows() {
	on_terminal see:ready rest:1500 size:50x132 see:took see:ready \
		rest:1500 size:24x80 see:took see:ready rest:1500 size:1x1 \
		see:took see:ready rest:1500 size:50x132 see:took see:ready \
		rest:1500 size:24x80 see:took -- "$ROOT" -- perl -e "$resized"
	tr -d '\r' <out | sed -n 's/^took \([0-9]*\) [1-9].*/\1/p' | sort -n >took
	is terminal-sizes "$(wc -l <took)" 5
	between terminal-size-within-50-ms "$(sed -n 3p took)" 0 50
	leaves end 'status 0, cooked'
}

# Of a file on the share.
case_terminal_editor() {
	printf 'one\ntwo\n' >"$ROOT/root/edited"
	on_terminal see:two raw 'type:Gothree^[' rest:500 'type::wq^M' -- \
		"$ROOT" -- busybox vi /root/edited
	is terminal-edited "$(tr '\n' ' ' <"$ROOT/root/edited")" 'one two three '
	leaves end 'status 0, cooked'
	rm -f "$ROOT/root/edited"
}
# Stopped from outside and killed from inside, the terminal is the shell's.
case_terminal_is_given_back() {
	on_terminal 'see:ready' raw kill:TSTP stopped cooked kill:CONT raw \
		kill-child:KILL -- "$ROOT" -- sh -c 'echo ready; sleep 99'
	leaves end 'status 137, cooked'
	on_terminal see:ready raw kill:KILL cooked -- "$ROOT" -- sh -c '
		echo ready; sleep 99'
	leaves end-by-kill 'status -9, cooked'
	on_terminal 'see:ready' raw 'type:x^M' -- "$ROOT" -- sh -c '
		echo ready; head -c 1; echo c >/proc/sysrq-trigger; sleep 60'
	shows panic 'kernel panic: sysrq'
	leaves end-by-panic 'status 125, cooked'
}

# Asked for, without one here; and not, with one.
case_terminal_by_option() {
	status=0
	printf 'x\n' | "$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" -t \
		"$ROOT" -- sh -c 'cat; test -t 0 -a -t 2 && exit 6' \
		>out 2>err || status=$?
	is terminal-asked-for-status "$status" 6
	is terminal-asked-for "$(tr -d '\r' <out | tr '\n' ' ')" 'x x '
	on_terminal see:ready type:^C -- -i "$ROOT" -- sh -c '
		trap "test -t 0 || echo pipe; exit 4" INT
		echo ready; while :; do sleep 0.1; done'
	shows interrupts-the-command 'pipe'
	leaves end 'status 4, cooked'
	on_terminal see:ready hangup -- "$ROOT" -- sh -c '
		trap "echo over >/root/hangup; exit" HUP
		echo ready; while :; do sleep 0.1; done'
	is terminal-hangup "$(cat "$ROOT/root/hangup")" over
	rm -f "$ROOT/root/hangup"
}
