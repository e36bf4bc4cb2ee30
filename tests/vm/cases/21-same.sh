# `wherry run ROOT --` in front of a command changes where it runs, not what it
# does: the command lines of 21-same.table, here and in a guest.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154,SC2016

table=/srv/tests/vm/cases/21-same.table
work=/var/tmp/same # in ROOT, and in the guest

# What a guest has around its root, in a mount namespace.
around='
	hostname wherry
	mount -t proc proc "$ROOT/proc"
	mount -t sysfs sysfs "$ROOT/sys"
	mount --rbind /dev "$ROOT/dev"
	mount -t tmpfs -o mode=0755 tmpfs "$ROOT/run"
	exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root TERM=dumb "$@"'

make_device_links() {
	for link in fd:/proc/self/fd stdin:/proc/self/fd/0 \
		stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
		[ -e "/dev/${link%%:*}" ] || ln -s "${link#*:}" "/dev/${link%%:*}"
	done
}

# record WHERE INPUT COMMAND...: into files WHERE.status, .stdout, .stderr and
# .files. All streams are pipes.
record() {
	where=$1
	input=$2
	shift 2
	rm -rf "${ROOT:?}$work"
	mkdir -m 1777 "$ROOT$work"
	rm -f errors
	mkfifo errors
	cat <errors >"$where.stderr" &
	printf '%b' "$input" | {
		status=0
		# What the shell says of a signal is not the command's.
		("$@" 2>&4 4>&-) || status=$?
		echo "$status" >"$where.status"
	} 4>errors 2>/dev/null | cat >"$where.stdout"
	wait $!
	list_files >"$where.files"
}

list_files() {
	(
		cd "$ROOT$work" || exit
		find . -printf '%P %y %m %U:%G %n %s %l\n' | LC_ALL=C sort
		find . -type f -exec md5sum {} + | LC_ALL=C sort
	)
}

# under_chroot HOW COMMAND
under_chroot() {
	eval "set -- ${1%%\%*} chroot \"\$ROOT\" env -C $work ${1#*%} $2"
	record chroot "$input" unshare --mount --uts sh -c "$around" sh "$@"
}

# under_wherry OPTIONS COMMAND
under_wherry() {
	eval "set -- $1 \"\$ROOT\" -- $2"
	TERM=dumb record wherry "$input" "$WHERRY" run --kernel "$KERNEL" \
		--modules "$MODULES" --workdir $work "$@"
}

# compare NAME BUT: what may differ has to, else it is no exception.
compare() {
	differs=
	for what in status stdout stderr files; do
		wanted=same
		[ "${2%%:*}" != $what ] || wanted=different
		got=same
		cmp -s chroot.$what wherry.$what || got=different
		[ $got = $wanted ] || differs="$differs $what: $got,
			$(diff chroot.$what wherry.$what | head -n 4)"
	done
	if [ -z "$differs" ]; then
		pass "same-$1"
	else
		fail "same-$1" "$(echo "$differs" | tr '\n\t' '  ')"
	fi
}

# trimmed TEXT: without the blanks around it
trimmed() {
	text=${1#"${1%%[! ]*}"}
	printf '%s' "${text%"${text##*[! ]}"}"
}

rows() {
	grep -v -e '^#' -e '^$' "$table"
}

compare_rows() {
	while IFS='|' read -r mark name options how input but command; do
		how=$(trimmed "$how")
		input=$(trimmed "$input")
		under_chroot "${how:-%}" "$command" </dev/null
		under_wherry "$options" "$command" </dev/null
		compare "$(trimmed "$name")" "$(trimmed "$but")"
	done
}

list_root() {
	find "$ROOT" -xdev -path "$ROOT$work" -prune -o \
		-printf '%P %y %m %U:%G %l\n' | LC_ALL=C sort
}

# A command that no program of Debian's is like.
make_command() {
	echo 'echo "$0" "$@"; exit 9' >"$1"
	chmod 755 "$1"
}

# compare_chosen FILTER...: compares the rows that it lets through.
compare_chosen() {
	make_device_links
	make_command "$ROOT/usr/local/bin/names-none"
	rows | "$@" >chosen
	list_root >before
	compare_rows <chosen
	rm -rf "${ROOT:?}$work"
	list_root >after
	rm "$ROOT/usr/local/bin/names-none"
	same "$case-leaves-nothing-else" before after
}

case_same() {
	needs_root "chroot takes root" || return 0
	all=$(rows | wc -l)
	between same-table-is-whole "$all" 60 1000
	compare_chosen grep '^\*'
	[ -n "${FULL-}" ] || skip same-others \
		"$(wc -l <chosen) of $all command lines; FULL=1 runs all"
}

others() {
	grep -v '^\*' | sed -n "$1"
}

# Those that are left, in two halves: a case has only so much time.
case_same_others() {
	[ -z "${FULL-}" ] || ! needs_root "chroot takes root" ||
		compare_chosen others 'p;n'
}

case_same_others_too() {
	[ -z "${FULL-}" ] || ! needs_root "chroot takes root" ||
		compare_chosen others 'n;p'
}
