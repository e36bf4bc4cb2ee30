# Guests, and guests and host, share files: what each sees of the others, what
# they lock, and what no guest gets at.
# shellcheck shell=sh disable=SC2154

# shellcheck source=tests/vm/witness.sh
. "$(dirname "$0")/witness.sh"

# Locks count between two guests and between a guest and the host.
case_files_locks() {
	: >"$ROOT/root/lock"
	start_guest a
	start_guest b
	start_host h
	says lock-guest-opens a "open 0 /root/lock b" ok
	says lock-second-guest-opens b "open 0 /root/lock b" ok
	ask h "open 0 $ROOT/root/lock b"
	for kind in posix flock; do
		check_exclusive "$kind"
		check_shared "$kind"
	done
	check_owner_dies
	finish a b h
	rm -f "$ROOT/root/lock"
}

check_exclusive() {
	says "lock-$1-taken" a "lock 0 $1 ex try" ok
	says "lock-$1-other-guest-refused" b "lock 0 $1 ex try" EAGAIN
	says "lock-$1-other-guest-not-shared" b "lock 0 $1 sh try" EAGAIN
	says "lock-$1-host-refused" h "lock 0 $1 ex try" EAGAIN
	tell b "lock 0 $1 ex wait"
	still_waits "lock-$1-other-guest-waits" b
	says "lock-$1-released" a "lock 0 $1 un try" ok
	answer b
	is "lock-$1-other-guest-gets-it" "$answer" ok
	says "lock-$1-first-guest-refused" a "lock 0 $1 ex try" EAGAIN
	tell h "lock 0 $1 ex wait"
	still_waits "lock-$1-host-waits" h
	ask b "lock 0 $1 un try"
	answer h
	is "lock-$1-host-gets-it" "$answer" ok
	says "lock-$1-guest-refused-by-host" a "lock 0 $1 sh try" EAGAIN
	tell a "lock 0 $1 ex wait"
	still_waits "lock-$1-guest-waits-for-host" a
	ask h "lock 0 $1 un try"
	answer a
	is "lock-$1-guest-gets-it-from-host" "$answer" ok
	ask a "lock 0 $1 un try"
}

check_shared() {
	says "lock-$1-shared" a "lock 0 $1 sh try" ok
	says "lock-$1-shared-twice" b "lock 0 $1 sh try" ok
	says "lock-$1-shared-keeps-out" h "lock 0 $1 ex try" EAGAIN
	[ "$1" = flock ] || says lock-posix-getlk h "getlk 0" sh
	[ "$1" = flock ] || says lock-posix-getlk-own a "getlk 0" sh
	ask a "lock 0 $1 un try"
	ask b "lock 0 $1 un try"
	says "lock-$1-shared-released" h "lock 0 $1 ex try" ok
	ask h "lock 0 $1 un try"
}

# Closing a file and the end of a machine release what they hold.
check_owner_dies() {
	ask a "lock 0 posix ex try"
	ask a "close 0"
	says lock-close-releases b "lock 0 posix ex try" ok
	says lock-both-kinds b "lock 0 flock ex try" ok
	tell h "lock 0 posix ex wait"
	still_waits lock-host-waits-for-machine h
	kill -KILL "$pid_b"
	answer h
	is lock-end-of-machine-releases "$answer" ok
	says lock-end-of-machine-releases-flock h "lock 0 flock ex try" ok
}

# What guest and host see of each other's writes, in the root's cache mode.
case_files_shared() {
	printf 'host-0------' >"$ROOT/root/data"
	truncate -s 65536 "$ROOT/root/data"
	start_guest a
	start_host h
	ask h "open 0 $ROOT/root/data b"
	ask h "map 0"
	says map-guest-opens a "open 0 /root/data b" ok
	says map-guest-maps a "map 0" ok
	check_mapping
	check_edit
	check_replace
	finish a h
	rm -f "$ROOT"/root/data* "$ROOT"/root/edit
}

# Pages of the guest are its own: its stores reach the host when it says so,
# and it sees the host's once it has asked for the attributes again.
check_mapping() {
	says map-guest-sees-host a "peek 0 0 6" "'host-0'"
	ask a "poke 0 6 guest1"
	says map-guest-msync a "msync 0" ok
	says map-host-sees-guest h "peek 0 0 12" "'host-0guest1'"
	says map-host-reads-guest h "read 0 6 6" "'guest1'"
	ask h "poke 0 0 host-2"
	ask h "msync 0"
	ask a "pause 1100"
	ask a "stat /root/data"
	says map-guest-sees-store-of-host a "peek 0 0 12" "'host-2guest1'"
	ask h "write 0 0 host-3"
	ask a "pause 1100"
	ask a "stat /root/data"
	says map-guest-sees-write-of-host a "peek 0 0 12" "'host-3guest1'"
	says map-guest-reads-write-of-host a "read 0 0 6" "'host-3'"
}

# At most a second old, by name and by open file.
check_edit() {
	ask h "open 1 $ROOT/root/edit bcta"
	ask a "stat /root/edit"
	ask a "open 1 /root/edit r"
	for n in 1 2 3; do
		ask h "append 1 line-$n."
		ask a "pause 1000"
		ask a "stat /root/edit"
		is "edit-size-$n" "${answer%% *}" $((n * 7))
		says "edit-text-$n" a "read 1 $(((n - 1) * 7)) 9" "'line-$n.'"
	done
	ask h "truncate 1 3"
	ask a "pause 1000"
	says edit-truncated a "read 1 0 9" "'lin'"
	ask h "sh rm $ROOT/root/edit"
	ask a "pause 1000"
	says edit-removed a "stat /root/edit" ENOENT
	says edit-removed-but-open a "read 1 0 9" "'lin'"
}

# The host replaces a file as fast as it can; whoever opens it by name finds
# one, and a whole one.
check_replace() {
	ask h "replace $ROOT/root/data.replaced"
	ask a "pause 1100"
	times=500
	[ -z "$FULL" ] || times=2000
	says replace-never-missing a "watch /root/data.replaced $times" \
		"0 errors -, changes"
	ask h "pause 1"
	between replace-goes-on "${answer%% *}" 100 10000000
	answer h
}

# Opening a FIFO, a socket or a device is the guest's own affair.
case_files_nodes() {
	mkdir "$ROOT/root/nodes"
	# A device that only level 1 has, and one whose driver it has.
	mknod "$ROOT/root/nodes/disk" b \
		$((0x$(stat -c %t /dev/vda))) $((0x$(stat -c %T /dev/vda)))
	mknod "$ROOT/root/nodes/kvm" c 10 232
	mknod "$ROOT/root/nodes/null" c 1 3
	mkfifo "$ROOT/root/nodes/fifo"
	perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0) &&
		bind(S, sockaddr_un($ARGV[0])) && listen(S, 1) && sleep 600' \
		"$ROOT/root/nodes/socket" &
	listener=$!
	mkdir "$ROOT/root/nodes/sub"
	[ -n "$AS" ] || mount -t tmpfs tmpfs "$ROOT/root/nodes/sub"
	start_guest a
	start_host h
	check_nodes
	if needs_root "a user does not see what is mounted below its tree"; then
		check_submount
	fi
	finish a h
	kill "$listener"
	[ -n "$AS" ] || umount "$ROOT/root/nodes/sub"
	rm -rf "$ROOT/root/nodes"
}

check_nodes() {
	ask h "open 0 $ROOT/root/nodes/kvm b"
	is node-host-has-device "$answer" ok
	says node-device a "open 0 /root/nodes/kvm b" ENODEV
	says node-disk a "open 0 /root/nodes/disk r" ENXIO
	says node-null a "open 0 /root/nodes/null b" ok
	says node-socket a "open 0 /root/nodes/socket b" ENXIO
	ask h "open 1 $ROOT/root/nodes/fifo bn"
	ask h "append 1 host"
	says node-fifo a "open 1 /root/nodes/fifo bn" ok
	says node-fifo-is-its-own a "take 1 9" EAGAIN
	says node-fifo-takes a "append 1 guest" ok
	says node-fifo-gives a "take 1 9" "'guest'"
	says node-fifo-host-keeps h "take 1 9" "'host'"
	is node-monitor-opened-none "$(opened_in_nodes "$(monitor_of "$pid_a")")" ''
	says node-fifo-no-writer a "open 2 /root/nodes/fifo wn" ok
}

# Which nodes a process has open for more than their names (O_PATH).
opened_in_nodes() {
	find "/proc/$1/fd" -lname '*/nodes/*' -printf '%f %l\n' |
		while read -r fd name; do
			flags=$(sed -n 's/^flags:[[:space:]]*//p' \
				"/proc/$1/fdinfo/$fd")
			[ $((flags & 010000000)) != 0 ] || echo "$name"
		done
}

# A file system that the host mounted below the root is another one, and works.
# Its root itself is only looked at with what is in it: stat() mounts nothing.
check_submount() {
	ask a "stat /root/nodes"
	outer=${answer##* }
	ask a "stat /root/nodes/sub/."
	if [ "$outer" != "${answer##* }" ]; then
		pass submount-is-another
	else
		fail submount-is-another "both are device $outer"
	fi
	says submount-file a "open 3 /root/nodes/sub/file bc" ok
	says submount-writes a "append 3 text" ok
	is submount-host-sees-it "$(cat "$ROOT/root/nodes/sub/file")" text
	says submount-not-across a \
		"sh ln /root/nodes/sub/file /root/nodes/link 2>&1" 1
	says submount-moves-across a \
		"sh mv /root/nodes/sub/file /root/nodes/moved" 0
	is submount-moved "$(cat "$ROOT/root/nodes/moved")" text
	says submount-removed a "sh rmdir /root/nodes/sub" 1
}
