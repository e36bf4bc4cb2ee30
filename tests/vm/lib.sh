# What the cases share; sourced by tests/vm/run-case in the level-1 machine.
# shellcheck shell=sh
#
# A case is a function case_NAME in tests/vm/cases/*.sh. It runs in a shell and
# an empty directory of its own, and calls pass or fail (or skip) once for each
# result. Variables: K (6.1 or 6.12), KERNEL, VMLINUX, MODULES, ROOT, WHERRY.

result() {
	printf '%s %s/%s%s\n' "$1" "$K" "$2" "${3:+: $3}"
}

pass() {
	result ok "$1"
}

skip() {
	result skip "$1" "$2"
}

# fail NAME WHY: also shows what the last wherry said.
fail() {
	result 'not ok' "$1" "$2"
	show_err
}

show_err() {
	[ ! -s err ] || head -n 15 err | cut -c 1-300 | sed 's/^/#	/'
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got '$2', wanted '$3'"
	fi
}

# between NAME GOT LEAST MOST
between() {
	if [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then
		pass "$1"
	else
		fail "$1" "got '$2', wanted $3 to $4"
	fi
}

# same NAME FILE FILE
same() {
	if cmp -s "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "$(diff "$2" "$3" 2>&1 | sed -n '1,2p' | tr '\n' ' ')"
	fi
}

# like NAME FILE REGEX
like() {
	if grep -Eq -e "$3" "$2"; then
		pass "$1"
	else
		fail "$1" "no '$3' in '$(head -c 200 "$2" | tr '\n' ' ')'"
	fi
}

# wherry ARG...: leaves files out and err, and $status.
wherry() {
	status=0
	"$WHERRY" "$@" >out 2>err || status=$?
}

# run [OPTION...] ROOTFS [--] COMMAND...: a guest with the kernel under test.
run() {
	wherry run --kernel "$KERNEL" --modules "$MODULES" "$@"
}

# be WHO: from now on wherry is run by root (empty) or by an ordinary user (one,
# caller or subids, see as-user), in a new directory.
be() {
	AS=$1
	parent=/tmp
	WHERRY=/srv/bin/wherry
	HOME=/tmp/home
	if [ -n "$AS" ]; then
		WHERRY=/srv/tests/vm/as-user
		HOME=/tmp/user
		parent=/var/tmp # what is in memory cannot show other owners
		make_user
	fi
	# shellcheck disable=SC2154 # run-case sets it
	CASE_DIR=$(mktemp -d "$parent/$case.XXXXXX")
	chmod 755 "$CASE_DIR"
	cd "$CASE_DIR" || exit
	export AS WHERRY HOME CASE_DIR
}

make_user() {
	chmod 666 /dev/kvm
	install -d -o 1000 -g 1000 /tmp/user
	grep -q ^user: /etc/passwd ||
		echo user:x:1000:1000::/tmp/user:/bin/sh >>/etc/passwd
	for file in /etc/subuid /etc/subgid; do
		: >$file
		[ "$AS" = one ] || echo user:100000:65536 >$file
	done
}

# own_tree: the tree of somebody with one id has no files of others, once.
own_tree() {
	[ ! -e /tmp/owned ] || return 0
	find "$ROOT" -xdev \( ! -uid 0 -o ! -gid 0 \) -exec chown -h 0:0 {} +
	touch /tmp/owned
}

# needs_root WHY: true if the case can run; else it is skipped, for this reason.
needs_root() {
	[ -n "${AS-}" ] || return 0
	# shellcheck disable=SC2154 # run-case sets it
	skip "$case" "$1"
	return 1
}

# monitor_of PID: the process inside that `wherry`, process PID, keeps.
monitor_of() {
	read -r inside <"/proc/$1/task/$1/children" || : # it ends without a line's end
	echo "${inside% }"
}

# value KEY: what the guest printed in a line "KEY VALUE" of its output.
value() {
	sed -n "s/^$1 //p" out
}

# wait_for WORD TIMES: in the guest's output.
wait_for() {
	tries=0
	until [ "$(grep -c "$1" out)" -ge "$2" ] || [ "$tries" -gt 600 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
}

# A guest's shell waits until nothing of its start is left, for who counts: init
# loads a module a second later.
# shellcheck disable=SC2034
settle='until grep -qs live /sys/module/virtio_balloon/initstate; do
	sleep 0.1
done'

# kvm_counts NAME...: KVM's counters, of all machines.
kvm_counts() {
	[ -d /sys/kernel/debug/kvm ] ||
		mount -t debugfs none /sys/kernel/debug
	for name; do
		cat /sys/kernel/debug/kvm/*/"$name" 2>/dev/null
	done | awk '{ sum += $1 } END { print sum + 0 }'
}

# ended NAME REGEX: wherry itself gave up, in one line that says why.
ended() {
	if [ "$status" != 125 ]; then
		fail "$1" "status $status, wanted 125"
	elif [ "$(wc -l <err)" != 1 ] || ! grep -q '^wherry: .' err; then
		fail "$1" "wanted one line 'wherry: ...' on stderr"
	else
		like "$1" err "$2"
	fi
}

# list_tree DIR: all that would change if somebody wrote into it. The case's own
# directory may be below.
list_tree() {
	(cd "$1" && find . -xdev -path "./var/tmp*" -prune -o -printf '%p %y %m %U:%G %s %T@ %C@ %l\n') |
		LC_ALL=C sort
}
