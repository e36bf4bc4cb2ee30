# Host file pages in guests' memory: what they show, what they cost, and what
# becomes of them when the host changes the files.
# shellcheck shell=sh disable=SC2154,SC2016

# shellcheck source=tests/vm/witness.sh
. "$(dirname "$0")/witness.sh"

# pages VERB...: on the host.
pages() {
	/srv/bin/pages "$@"
}

# counted OPERATION: how often the server did that, by --stats on stderr.
counted() {
	grep -ao "\"$1\":{\"count\":[0-9]*" err | grep -o '[0-9]*$' || echo 0
}

# The root is mapped, and says so; programs run from the host's pages.
case_dax_root() {
	run --stats "$ROOT" -- sh -c '
		echo "mounted $(sed -n "s/^root \/ virtiofs //p" /proc/mounts)"
		sha256sum </usr/bin/bash | sed "s/^/sum /"'
	is dax-root-status "$status" 0
	like dax-root-mounted out '^mounted .*dax=inode'
	is dax-root-reads "$(value sum)" "$(sha256sum <"$ROOT/usr/bin/bash")"
	between dax-root-maps "$(counted SETUPMAPPING)" 2 200
	run --stats --root-options dax=off "$ROOT" -- sed -n \
		's/^root \/ virtiofs /mounted /p' /proc/mounts
	is dax-off-status "$status" 0
	is dax-off-mounted "$(value mounted | grep -c dax)" 0
	is dax-off-maps "$(counted SETUPMAPPING)" 0
}

# Files that are removed while they are open, and files whose names are not
# cached: the guest forgets them when it hears of their end.
case_dax_removed() {
	for cache in auto none; do
		for i in 1 2 3 4; do
			head -c 4M /dev/zero >"$ROOT/root/removed$i"
		done
		run --stats --workdir /root --root-options "cache=$cache" \
			"$ROOT" -- sh -c 'for i in 1 2 3 4; do
				exec 3<removed$i
				head -c 3000000 <&3 | wc -c
				rm removed$i
				exec 3<&-
			done
			ls -l /usr/bin >/dev/null'
		is "dax-removed-$cache-status" "$status" 0
		is "dax-removed-$cache-read" "$(grep -c 3000000 out)" 4
		is "dax-removed-$cache-left" "$(ls "$ROOT/root" |
			grep -c removed)" 0
		between "dax-removed-$cache-unmaps" \
			"$(counted REMOVEMAPPING)" 4 200
	done
}

# What each side writes, the other one sees at once, however it looks.
case_dax_contents() {
	cp /srv/bin/pages "$ROOT/root/pages"
	count=${FULL:+8}192
	pages fill "$ROOT/root/numbers" 1 "$count" >filled
	start_guest a --stats
	for how in read random private shared; do
		guest_checks "guest-$how" "/root/numbers 1 $count $how"
	done
	says dax-guest-stores a "sh ./pages store numbers 2 $count >&2" 0
	is dax-host-sees-stores "$(pages check "$ROOT/root/numbers" 2 "$count" \
		read)" 'wrong 0'
	says dax-guest-fills a "sh ./pages fill numbers 3 $count >&2" 0
	is dax-host-sees-writes "$(pages check "$ROOT/root/numbers" 3 "$count" \
		shared)" 'wrong 0'
	check_direct
	pages fill "$ROOT/root/numbers" 4 "$count" >filled
	guest_checks sees-host "/root/numbers 4 $count read"
	start_guest b
	guest_checks second-sees-it "/root/numbers 4 $count shared" b
	says dax-second-stores b "sh ./pages store numbers 5 $count >&2" 0
	guest_checks first-sees-second "/root/numbers 5 $count random"
	finish a b
	between dax-contents-maps "$(counted SETUPMAPPING)" 3 200
	rm -f "$ROOT"/root/numbers "$ROOT"/root/small "$ROOT"/root/pages
}

# A file that is too small to be mapped, read into and written from pages of one
# that is: the server's buffers lie in the window.
check_direct() {
	truncate -s 60K "$ROOT/root/small"
	says dax-buffer-in-window a \
		"sh ./pages direct small 6 15 numbers >&2" 0
	is dax-buffer-reached-host "$(pages check "$ROOT/root/small" 6 15 read)" \
		'wrong 0'
}

# guest_checks RESULT ARGUMENTS [WITNESS]
guest_checks() {
	says "dax-$1" "${3-a}" "sh ./pages check $2 >&2" 0
}

# A file four times as large as the window: of a guest that maps all there is,
# and of one that goes by what is offered.
case_dax_small_window() {
	cp /srv/bin/pages "$ROOT/root/pages"
	pages fill "$ROOT/root/numbers" 1 8192 >filled
	run --stats --root-options dax=8M:dax-min=0 --workdir /root "$ROOT" -- \
		sh -c 'grep -o dax=always /proc/mounts >&2
		./pages check numbers 1 8192 read
		./pages check numbers 1 400 random
		./pages check numbers 1 8192 shared
		./pages store numbers 2 8192'
	is dax-small-window-status "$status" 0
	like dax-small-window-mounted err '^dax=always'
	is dax-small-window-reads "$(sort -u out)" 'wrong 0'
	between dax-small-window-maps "$(counted SETUPMAPPING)" 60 9000
	between dax-small-window-unmaps "$(counted REMOVEMAPPING)" 10 9000
	is dax-small-window-stores "$(pages check "$ROOT/root/numbers" 2 8192 \
		read)" 'wrong 0'
	run --stats --root-options dax=8M --workdir /root "$ROOT" -- \
		./pages check numbers 2 400 random
	is dax-too-large-status "$status" 0
	between dax-too-large-maps "$(counted SETUPMAPPING)" 0 10
	is dax-too-large-unmaps "$(counted REMOVEMAPPING)" 0
	between dax-too-large-reads "$(counted READ)" 100 1000
	rm -f "$ROOT"/root/numbers "$ROOT"/root/pages
}

# Reading what is mapped costs no exit, and no memory of the guest.
case_dax_exits() {
	cp /srv/bin/pages "$ROOT/root/pages"
	pages fill "$ROOT/root/numbers" 1 1024 >filled
	truncate -s "${FULL:+1}128M" "$ROOT/root/big"
	mkfifo go
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" --workdir /root \
		--root-options dax=1536M "$ROOT" -- sh -c "$settle"'
		grep MemFree /proc/meminfo
		./pages loop numbers 1 1024 4
		cat big >/dev/null
		grep MemFree /proc/meminfo' <go >out 2>err &
	exec 4>go
	wait_for ready 1
	echo >&4
	wait_for 'done' 1
	before=$(kvm_counts mmio_exits io_exits pf_taken)
	echo >&4
	wait_for 'done' 2
	after=$(kvm_counts mmio_exits io_exits pf_taken)
	is dax-exits-done "$(grep -c 'done' out)" 2
	exec 4>&-
	wait
	is dax-exits-checked "$(value wrong)" 0
	# Of 4,096 pages read: nothing but the words "done" on their way out.
	echo "# $K: $((after - before)) exits and faults"
	between dax-exits "$((after - before))" 0 40
	is dax-exits-counted "$((before > 1000))" 1
	between dax-memory-flat "$(awk '/^MemFree/ { less = last - $2; last = $2 }
		END { print -less }' out)" -8000 8000
	rm -f "$ROOT"/root/big "$ROOT"/root/numbers "$ROOT"/root/pages
}

# The host shrinks, extends, punches and exchanges a file that the guest uses in
# four ways; another file must not change.
case_dax_storm() {
	cp /srv/bin/pages "$ROOT/root/pages"
	count=16384
	pages fill "$ROOT/root/numbers" 1 "$count" >filled
	pages fill "$ROOT/root/numbers.2" 1 "$count" >filled
	pages fill "$ROOT/root/other" 9 "$count" >filled
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" --cpus 2 \
		--stats --workdir /root "$ROOT" -- sh -c "
		./pages check other 9 $count shared >/dev/null
		./pages storm numbers 1 $count ${FULL:+1}20
		echo \"other \$(./pages check other 9 $count shared)\"
		" >out 2>err </dev/null &
	wait_for ready 1
	pages change "$ROOT/root/numbers" 7 "$count" 10000 >changed
	wait $! && status=0 || status=$?
	is dax-storm-status "$status" 0
	is dax-storm-changed "$(cat changed)" 'wrong 0'
	between dax-storm-maps "$(counted SETUPMAPPING)" 32 9000
	is dax-storm-right "$(value wrong)" 0
	is dax-storm-other "$(value other)" 'wrong 0'
	is dax-storm-other-on-host "$(pages check "$ROOT/root/other" 9 "$count" \
		read)" 'wrong 0'
	grep '^way' out | sed 's/^/# /'
	# The emulated machine is slow, and so is what is left of a processor.
	between dax-storm-not-stuck "$(sed -n 's/^way.*longest \([0-9]*\) ms/\1/p' \
		out | sort -n | tail -n 1)" 0 5000
	rm -f "$ROOT"/root/numbers* "$ROOT"/root/other "$ROOT"/root/pages
}
