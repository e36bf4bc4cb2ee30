# A guest that walks over more files than the monitor may have open finds them
# all, by handle or by name, and the monitor closes what the guest forgets.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154

# shellcheck source=tests/vm/witness.sh
. "$(dirname "$0")/witness.sh"

case_many() {
	needs_root "it is about files that are found by handles" || return 0
	limit=${FULL:+4096}
	limit=${limit:-1024}
	count=${FULL:+100000}
	count=${count:-2000}
	cp /srv/bin/witness "$ROOT/root/witness"
	mkdir "$ROOT/root/many" "$ROOT/root/named" no-files
	mount -t tmpfs -o size=100%,nr_inodes=0 tmpfs "$ROOT/root/many"
	start_host h
	says many-made h "fill $ROOT/root/many $count" ok
	mount_without_handles
	# Root could have more than its limit says.
	start a setpriv --bounding-set=-sys_resource \
		prlimit --nofile="$limit" "$WHERRY" run --kernel "$KERNEL" \
		--modules "$MODULES" --root-options handles \
		--workdir /root "$ROOT" -- /root/witness
	says many-starts a "pause 1" ok
	at_first=$(descriptor_cnt)
	check_walk many "$count"
	check_walk named "$count"
	says many-drops a "sh echo 2 >/proc/sys/vm/drop_caches" 0
	between many-forgets "$(descriptor_cnt)" 1 $((at_first + 50))
	finish a h
	umount "$ROOT/root/named" "$ROOT/root/many"
	rmdir "$ROOT/root/named" "$ROOT/root/many"
}

# The same files in a file system whose files the host finds by name only.
mount_without_handles() {
	busybox insmod "$(echo /srv/kernels/6.1/modules/kernel/fs/overlayfs/*)"
	mount -t overlay -o "ro,lowerdir=$ROOT/root/many:no-files" overlay \
		"$ROOT/root/named"
}

# How many the monitor of guest a has.
descriptor_cnt() {
	find "/proc/$(monitor_of "$pid_a")/fd" -mindepth 1 | wc -l
}

# check_walk NAME COUNT: all files of a directory are found, and again when
# most of them were closed meanwhile.
check_walk() {
	says "$1-found" a \
		"sh test \$(find $1 -type f -size 0 | wc -l) = $2" 0
	# What is only listed is not opened, unless it has to be found by name.
	least=1
	[ "$1" = many ] || least=$((limit / 8))
	between "$1-kept-open" "$(descriptor_cnt)" "$least" \
		$((limit / 2 + 50))
	says "$1-read" a "sh cat $1/0/?? $1/1/10?? >text && test ! -s text" 0
	says "$1-missing" a "sh cat $1/0/1000" 1
	says "$1-changed" a "sh touch $1/0/0 2>&1" \
		"$([ "$1" = named ] && echo 1 || echo 0)"
}
