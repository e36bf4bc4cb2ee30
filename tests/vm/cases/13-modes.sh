# One directory offered in each cache mode: what each promises is true.
# shellcheck shell=sh disable=SC2154

# shellcheck source=tests/vm/witness.sh
. "$(dirname "$0")/witness.sh"

case_modes() {
	mkdir dir "$ROOT/root/modes"
	dir=$PWD/dir
	start_guest a --share "$dir:none:cache=none" \
		--share "$dir:auto:cache=auto" \
		--share "$dir:always:cache=always" \
		--share "$dir:later:cache=auto:writeback" \
		--share "$dir:local:locks=local" --share "$dir:ro:ro"
	start_host h
	for tag in none auto always later local ro; do
		mkdir "$ROOT/root/modes/$tag"
		says "mode-$tag-mounts" a \
			"sh mount -t virtiofs $tag /root/modes/$tag" 0
	done
	check_none
	check_always
	check_later
	check_local_locks
	check_read_only
	finish a h
	rm -rf "$ROOT/root/modes"
}

# The guest sees every change of the host at once, by whatever way it looks.
check_none() {
	host_has none "0123456789"
	ask a "open 0 /root/modes/none/none b"
	says none-reads a "read 0 0 4" "'0123'"
	ask h "write 0 0 host"
	says none-reads-change a "read 0 0 6" "'host45'"
	ask h "write 0 10 more"
	ask a "stat /root/modes/none/none"
	is none-sees-size "${answer%% *}" 14
	ask h "sh mv $dir/none $dir/none-moved"
	says none-sees-rename a "stat /root/modes/none/none" ENOENT
	ask a "write 0 0 guest"
	says none-host-reads h "read 0 0 7" "'guest56'"
	# Linux shares mappings of uncached files since 6.6.
	if [ "$K" = 6.1 ]; then
		says none-maps a "map 0" ENODEV
		return
	fi
	says none-maps a "map 0" ok
	says none-map-sees-file a "peek 0 0 7" "'guest56'"
	ask a "poke 0 0 GUEST"
	says none-map-msync a "msync 0" ok
	says none-host-reads-map h "read 0 0 7" "'GUEST56'"
	ask h "write 0 0 HOST"
	says none-reads-past-map a "read 0 0 7" "'HOSTT56'"
	ask a "stat /root/modes/none/none-moved"
	says none-map-sees-change a "peek 0 0 7" "'HOSTT56'"
}

# host_has NAME TEXT: a file that witness h has open as 0.
host_has() {
	printf '%s' "$2" >"$dir/$1"
	ask h "close 0"
	ask h "open 0 $dir/$1 b"
}

# Nobody else changes the tree, so that the guest need not ask again; what it
# writes is on the host at once, and what it has forgotten it asks for.
check_always() {
	host_has always "0123456789"
	says always-opens a "open 1 /root/modes/always/always b" ok
	says always-reads a "read 1 0 4" "'0123'"
	says always-writes a "write 1 0 guest" ok
	says always-host-reads h "read 0 0 7" "'guest56'"
	says always-truncates a "sh echo short >/root/modes/always/always" 0
	is always-host-sees-truncated "$(cat "$dir/always")" short
	says always-makes a "sh echo new >/root/modes/always/new" 0
	is always-host-sees-new "$(cat "$dir/new")" new
	says always-lists a "sh test \$(ls /root/modes/always | wc -l) = 3" 0
	says always-maps a "map 1" ok
	says always-map-sees-file a "peek 1 0 5" "'short'"
	ask a "close 1"
	ask h "write 0 0 HOST"
	says always-forgets a "sh echo 3 >/proc/sys/vm/drop_caches" 0
	ask a "open 1 /root/modes/always/always r"
	says always-reads-anew a "read 1 0 5" "'HOSTt'"
}

# The guest collects its writes: they are on the host after a sync, and merge
# with what the host wrote meanwhile.
check_later() {
	host_has later "0123456789"
	ask a "open 2 /root/modes/later/later w"
	says later-writes a "write 2 3 ab" ok
	says later-reads-own a \
		"sh test \$(cat /root/modes/later/later) = 012ab56789" 0
	says later-syncs a "sh sync /root/modes/later/later" 0
	says later-host-reads h "read 0 0 99" "'012ab56789'"
	ask a "close 2"
	ask h "write 0 10 HOST"
	ask a "pause 1100"
	says later-appends a "sh printf guest >>/root/modes/later/later" 0
	ask a "sh sync /root/modes/later/later"
	says later-keeps-both h "read 0 0 99" "'012ab56789HOSTguest'"
	# Of a file that it may write later, the guest knows the size best, until
	# it forgets the file.
	ask a "sh echo 2 >/proc/sys/vm/drop_caches"
	ask a "stat /root/modes/later/later"
	is later-size "${answer%% *}" 19
}

# Locks that stay in the guest.
check_local_locks() {
	host_has lock ""
	ask a "open 3 /root/modes/local/lock b"
	ask a "open 4 /root/modes/auto/lock b"
	for kind in posix flock; do
		says "local-lock-$kind-taken" a "lock 3 $kind ex try" ok
		says "local-lock-$kind-unseen" h "lock 0 $kind ex try" ok
		says "local-lock-$kind-not-local" a "lock 4 $kind ex try" \
			EAGAIN
	done
}

# Nothing changes, not even a time of access.
check_read_only() {
	host_has kept text
	touch -a -d @1000000000 "$dir/kept"
	says ro-reads a "sh test \$(cat /root/modes/ro/kept) = text" 0
	says ro-refuses-writing a "open 5 /root/modes/ro/kept b" EROFS
	says ro-refuses-truncation a "open 5 /root/modes/ro/kept rt" EROFS
	says ro-refuses-new a "open 5 /root/modes/ro/another wc" EROFS
	ro_script >"$dir/script"
	says ro-refuses-all a "sh cd /root/modes/ro && sh script" 0
	is ro-untouched "$(stat -c '%X %a %s' "$dir/kept")" "1000000000 644 4"
}

# Runs in the guest: ends with the number of commands that were not refused.
ro_script() {
	cat <<-'END'
		done=0
		while read -r command; do
			case $($command 2>&1) in
			*"Read-only file system"*) ;;
			*) done=$((done + 1)) ;;
			esac
		done <<COMMANDS
		rm -f kept
		mv kept moved
		chmod 777 kept
		touch kept
		mkdir x
		ln kept x
		ln -s kept x
		chown 1 kept
		mknod x p
		COMMANDS
		exit $done
	END
}
