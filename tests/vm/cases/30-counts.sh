# What must not grow: exits, interrupts, messages, wake-ups and memory. All of
# these are counted, and none is a time (vmm/DESIGN.md, "What is counted").
# shellcheck shell=sh disable=SC2154,SC2016

# steady_guest COMMAND [OPTION...]: starts a guest that runs it; wait_turn waits
# until it, and then tests/posix/steady, has printed "done" once more.
steady_guest() {
	command=$1
	shift
	mkfifo go
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" "$@" "$ROOT" -- \
		sh -c "$command" <go >out 2>err &
	keeper=$!
	exec 4>go
	turns=0
	wait_turn
}

wait_turn() {
	turns=$((turns + 1))
	wait_for '^done' "$turns"
}

# end_guest: its input ends, and so does it; leaves $status.
end_guest() {
	exec 4>&-
	status=0
	wait "$keeper" || status=$?
}

# To the monitor, of all machines.
user_exits() {
	kvm_counts mmio_exits io_exits signal_exits
}

# turn OPERATION COUNT PATH: sets $users and $exits to what that cost.
turn() {
	users=$(user_exits)
	exits=$(kvm_counts exits)
	echo "$*" >&4
	wait_turn
	users=$(($(user_exits) - users))
	exits=$(($(kvm_counts exits) - exits))
}

# interrupted NAME: sets $irqs to how often a device has done so.
interrupted() {
	turn interrupts 1 "$1"
	irqs=$(value "$1" | tail -n 1)
}

# switches NAME: how often threads whose name begins so began to sleep, in all.
switches() {
	for task in "/proc/$monitor/task"/*; do
		case $(cat "$task/comm") in
		"$1"*) sed -n 's/^voluntary_ctxt_switches:\t//p' "$task/status" ;;
		esac
	done | awk '{ sum += $1 } END { print sum + 0 }'
}

# What the monitor has for itself, in KiB: guest memory is not dumped with it
# ("dd"), and what windows show is a file of a share.
own_memory() {
	awk '/^[0-9a-f]+-/ { name = $6 }
		/^Pss:/ { pss = $2 }
		/^VmFlags:/ && !/ dd/ && name !~ /^\/[0-9]+\// { sum += pss }
		END { print sum + 0 }' "/proc/$monitor/smaps"
}

# From nothing to the command, and then a guest that does nothing. What comes of
# time is left out, for this machine is slow: the host's interrupts, and an exit
# of the guest's to set its timer and one to take the interrupt for each tick.
case_counts_start() {
	needs_root "nothing is counted otherwise" || return 0
	# What a first run leaves in the cache takes memory to make.
	[ -d "$HOME/.cache/wherry" ] || run "$ROOT" -- true
	steady_guest 'sed -n "s/^ *LOC: *\([0-9]*\) .*/ticks \1/p" \
			/proc/interrupts
		echo done
		read -r line'
	all=$(kvm_counts exits)
	timed=$(($(kvm_counts irq_exits) + 2 * $(value ticks)))
	users=$(user_exits)
	echo "# $K: $all exits to the command, $timed of them of time," \
		"$users to the monitor"
	between counts-start-exits "$((all - timed))" 0 4000
	between counts-start-user-exits "$users" 100 300
	monitor=$(monitor_of "$keeper")
	memory=$(own_memory)
	echo "# $K: $memory KiB of the monitor's own"
	between counts-memory "$memory" 500 4096
	check_idle
	end_guest
	is counts-start-status "$status" 1
}

# Who serves files sleeps, and the guest comes out of the kernel for nobody.
check_idle() {
	sleep 2
	served=$(switches fs-)
	is counts-switches-counted "$((served > 0))" 1
	users=$(user_exits)
	exits=$(kvm_counts exits)
	halts=$(kvm_counts halt_exits)
	sleep 5
	exits=$(($(kvm_counts exits) - exits))
	halts=$(($(kvm_counts halt_exits) - halts))
	is counts-idle-file-threads "$(($(switches fs-) - served))" 0
	is counts-idle-user-exits "$(($(user_exits) - users))" 0
	echo "# $K: idle for five seconds: $exits exits, $halts halts"
	between counts-idle-exits "$exits" 1 $((8 * halts))
}

# What files cost when nothing is new any more: of a share whose every use is a
# message, and of one whose files nobody else changes.
case_counts_files() {
	needs_root "nothing is counted otherwise" || return 0
	mkdir none always always/dir
	truncate -s 4M none/data
	echo text >always/file
	ln -s file always/link
	cp /srv/bin/steady "$ROOT/root/steady"
	steady_guest 'mkdir /run/none /run/always
		mount -t virtiofs none /run/none
		mount -t virtiofs always /run/always
		'"$settle"'
		echo done
		exec /root/steady' --stats --share "$PWD/none:none:cache=none" \
		--share "$PWD/always:always:cache=always"
	check_exits
	check_interrupts
	for op in 'stat file' 'stat missing' 'open file' 'open dir' \
		'readlink link'; do
		turn "${op% *}" 100 "/run/always/${op#* }"
	done
	end_guest
	is counts-files-status "$status" 0
	check_messages
	rm -f "$ROOT/root/steady"
}

# No file operation leads to the monitor's processor threads.
check_exits() {
	for op in 'stat 300 data' 'read 300 data' 'create 100 new'; do
		turn "${op% *}" "/run/none/${op##* }"
		echo "# $K: $op: $exits exits, $users to the monitor"
		is "counts-user-exits-${op%% *}" "$users" 0
	done
}

# cost_of_reads OPERATION COUNT: sets $exits and $irqs. virtio0 is the entropy,
# then come the root and the shares in their order.
cost_of_reads() {
	interrupted virtio2
	before=$irqs
	turn "$1" "$2" /run/none/data
	cost=$exits
	interrupted virtio2
	irqs=$((irqs - before))
	exits=$cost
	echo "# $K: $1 $2: $irqs interrupts, $exits exits"
}

check_interrupts() {
	cost_of_reads read 1000
	between counts-interrupts-one "$irqs" 500 1050
	between counts-exits-of-reads "$exits" 1000 6000
	cost_of_reads deep 960
	# Each reader looks it up, opens and closes it: seven requests more.
	between counts-interrupts-sixteen "$irqs" 16 \
		$(((960 + 16 * 7) * 105 / 100))
}

# messages TAG: of each operation how many, from --stats.
messages() {
	grep -ao "\"tag\":\"$1\".*" err | sed 's/}}}.*//' |
		grep -o '"[A-Z]*":{"count":[0-9]*' |
		sed 's/"\([A-Z]*\)":{"count":/\1 /' | tr '\n' ' '
}

# Each name is asked for once, OPEN and OPENDIR until it is known that nobody
# needs them.
check_messages() {
	is counts-messages "$(messages always)" "LOOKUP 4 GETATTR 1 READLINK 1 \
OPEN 1 FLUSH 1 INIT 1 OPENDIR 1 SYNCFS 1 "
}

# Each processor of a guest has a queue since Linux 6.11; older kernels use the
# first one only. Four programs copy files at once, two on each processor.
case_counts_queues() {
	mkdir load
	for n in 1 2 3 4; do
		head -c 64K /dev/urandom >"load/in$n"
	done
	cat >load/copy <<-'END'
		for turn in 1 2 3 4; do
			cat "in$1" >"out$1" && cmp "in$1" "out$1" || echo wrong
			mv "out$1" "old$1"
		done
	END
	steady_guest 'mkdir /run/load
		mount -t virtiofs load /run/load
		cd /run/load
		echo done
		read -r line
		for n in 1 2 3 4; do
			taskset -c $((n % 2)) sh copy $n &
		done
		wait
		echo done
		read -r line || exit 0' --cpus 2 --share "$PWD/load:load:cache=none"
	monitor=$(monitor_of "$keeper")
	check_queues
	end_guest
	is counts-queues-status "$status" 0
	is counts-queues-in-the-guest "$(grep -c wrong out)" 0
	for n in 1 2 3 4; do
		same "counts-queues-file-$n" "load/in$n" "load/old$n"
	done
}

check_queues() {
	all=$(switches fs-request)
	second=$(switches fs-request2)
	echo >&4
	wait_turn
	all=$(($(switches fs-request) - all))
	second=$(($(switches fs-request2) - second))
	echo "# $K: servers slept $all times, that of the second queue $second"
	is counts-queues-first "$((all - second > 20))" 1
	if [ "$K" = 6.1 ]; then
		is counts-queues-second-unused "$second" 0
	else
		is counts-queues-second "$((second > 20))" 1
	fi
}
