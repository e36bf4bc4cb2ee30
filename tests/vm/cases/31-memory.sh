# What a guest has freed goes back to the host, while files are used, and what it
# uses stays.
# shellcheck shell=sh disable=SC2154,SC2016

# shellcheck source=tests/vm/witness.sh
. "$(dirname "$0")/witness.sh"

big_kib=$((512 * 1024))

# Of the guest's RAM, what the host has pages for, in KiB: it is what a core dump
# leaves out ("dd").
guest_memory() {
	awk '/^Rss:/ { rss = $2 }
		/^VmFlags:/ && / dd/ { sum += rss }
		END { print sum + 0 }' "/proc/$monitor/smaps"
}

# falls_to KIB: returns as soon as the guest has no more than that, or after ten
# seconds; leaves $used and $secs.
falls_to() {
	since=$(date +%s)
	secs=0
	used=$(guest_memory)
	while [ "$used" -gt "$1" ] && [ "$secs" -lt 10 ]; do
		sleep 0.2
		used=$(guest_memory)
		secs=$(($(date +%s) - since))
	done
}

# free_big: it is removed, and meanwhile files are read: through the window,
# and by messages into memory that was free just before.
free_big() {
	full=$(guest_memory)
	tell a 'sh rm /run/big/file; sh ./use'
	falls_to $((full - big_kib * 9 / 10))
	echo "# $K: $full KiB fell to $used in $secs s"
	between memory-returned "$((full - used))" $((big_kib * 9 / 10)) "$full"
	answer a
	is memory-files-right "$answer" 0
}

# What the guest is told to do, and with what.
make_scripts() {
	mkdir plain
	/srv/bin/pages fill plain/numbers 3 2048 >filled
	/srv/bin/pages fill "$ROOT/root/numbers" 2 4096 >filled
	cp /srv/bin/pages "$ROOT/root/pages"
	echo 'mkdir /run/big /run/plain &&
		mount -t tmpfs -o size=600M none /run/big &&
		mount -t virtiofs plain /run/plain' >"$ROOT/root/prepare"
	# Feature 5: what is free is reported.
	echo 'cut -c 6 /sys/bus/virtio/drivers/virtio_balloon/virtio*/features |
		grep -qx 1' >"$ROOT/root/has_driver"
	echo 'for turn in 1 2 3 4 5 6 7 8; do
			echo 3 >/proc/sys/vm/drop_caches
			./pages check /run/plain/numbers 3 2048 read &&
				./pages check numbers 2 4096 shared || exit
			sleep 0.5
		done >&2' >"$ROOT/root/use"
}

case_memory_returned() {
	needs_root "memory is not looked at otherwise" || return 0
	make_scripts
	start_guest a --memory 768M --share "$PWD/plain:plain:cache=none"
	says memory-mounted a 'sh sh ./prepare' 0
	monitor=$(monitor_of "$pid_a")
	first=$(guest_memory)
	says memory-filled a "sh head -c ${big_kib}K /dev/zero >/run/big/file" 0
	between memory-taken "$(($(guest_memory) - first))" \
		$((big_kib * 9 / 10)) $((big_kib * 11 / 10))
	says memory-driver a 'sh sh ./has_driver' 0
	free_big
	# What was given back is there again as soon as it is used.
	faults=$(kvm_counts pf_taken)
	says memory-filled-again a 'sh ./pages fill /run/big/file 1 32768' 0
	faults=$(($(kvm_counts pf_taken) - faults))
	echo "# $K: $faults faults for 128 MiB"
	between memory-comes-in-huge-pages "$faults" 32 4096
	says memory-right-again a \
		'sh ./pages check /run/big/file 1 32768 read >&2' 0
	finish a
	is memory-nothing-else-said "$(grep -cv '^wrong 0' err)" 0
	(cd "$ROOT/root" && rm numbers pages prepare has_driver use witness)
}
