# The monitor's sandbox, as the host sees it while a guest runs: what a monitor
# that is broken could reach (vmm/DESIGN.md, vmm/SECURITY.md).
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154

# shellcheck source=tests/vm/witness.sh
. "$(dirname "$0")/witness.sh"

# start_kept NAME [OPTION...]: a guest; leaves in $monitor the process inside.
start_kept() {
	start_guest "$@"
	says "sandbox-starts$suffix" "$1" "sh true" 0
	eval "monitor=\$(monitor_of \$pid_$1)"
}

# thread NAME FIELD: of /proc/PID/status, for each thread of that name.
thread() {
	for task in "/proc/$monitor"/task/*; do
		grep -q "^Name:	$1" "$task/status" || continue
		sed -n "s/^$2:	//p" "$task/status"
	done | sort -u | tr '\n' ' '
}

# All but the streams; the pipe is the keeper's.
list_fds() {
	for fd in "/proc/$monitor"/fd/*; do
		readlink "$fd"
	done | grep -Ev '/(a\.in|a\.out|err|null)$' | sed 's/^pipe:.*/pipe/; s/^socket:.*/socket/
		s/:[0-9]*$//; s/^\/[0-9]*\/fd$/\//; s/^\(\/[01]\)\/.*/\1/' | sort -u
}

wanted_fds="/
/0
/1
anon_inode:[eventfd]
anon_inode:[eventpoll]
anon_inode:[signalfd]
anon_inode:[timerfd]
anon_inode:inotify
anon_inode:kvm-vcpu
anon_inode:kvm-vm
pipe"

# Directories that are on no mount of the monitor's, but for /proc/self/fd: from
# one of the host's, ".." leads up to the host's root.
list_ways_out() {
	for fd in "/proc/$monitor"/fd/*; do
		[ -d "$fd" ] || continue
		mount=$(sed -n 's/^mnt_id:	//p' \
			"/proc/$monitor/fdinfo/${fd##*/}")
		grep -q "^$mount " "/proc/$monitor/mountinfo" ||
			[ "$(stat -f -c %T "$fd")" = proc ] || readlink "$fd"
	done
}

# check_threads SUFFIX CAPS
check_threads() {
	is "sandbox-no-new-privs$1" "$(thread '' NoNewPrivs)" "1 "
	is "sandbox-loop-caps$1" "$(thread wherry CapEff)" "0000000000000000 "
	is "sandbox-vcpu-caps$1" "$(thread vcpu CapEff)" "0000000000000000 "
	is "sandbox-fs-caps$1" "$(thread fs-request CapEff)" "$2 "
	is "sandbox-fs-permitted$1" "$(thread fs-request CapPrm)" "$2 "
	is "sandbox-hiprio-caps$1" "$(thread fs-hiprio CapPrm)" \
		"0000000000000000 "
	is "sandbox-locks-caps$1" "$(thread fs-locks CapPrm)" \
		"0000000000000000 "
	is "sandbox-bounding$1" "$(thread '' CapBnd)" "$2 "
	is "sandbox-inheritable$1" "$(thread '' CapInh)$(thread '' CapAmb)" \
		"0000000000000000 0000000000000000 "
	is "sandbox-filters$1" "$(thread '' Seccomp)" "2 "
	is "sandbox-core$1" "$(grep -c '^Max core file size *0 *0' \
		"/proc/$monitor/limits")" 1
}

# Of the host's namespaces it shares time's only, and users' if it is root's.
check_namespaces() {
	for ns in mnt pid net ipc uts cgroup ${AS:+user}; do
		[ "$(readlink "/proc/$monitor/ns/$ns")" != \
			"$(readlink "/proc/self/ns/$ns")" ] || echo "$ns"
	done >common
	is "sandbox-namespaces$1" "$(cat common)" ""
}

# shellcheck disable=SC2012 # no odd names here
check_root() {
	is "sandbox-root$1" "$(ls -A "/proc/$monitor/root" | tr '\n' ' ')" "0 1 "
	is "sandbox-mounts$1" "$(cut -d ' ' -f 5 "/proc/$monitor/mountinfo" |
		sort | tr '\n' ' ')" "/ /0 /1 "
	is "sandbox-mount-flags$1" \
		"$(grep -vc nosuid,nodev,noexec "/proc/$monitor/mountinfo")" 0
	is "sandbox-read-only$1" "$(awk '$6 ~ /^ro/ { print $5 }' \
		"/proc/$monitor/mountinfo" | sort | tr '\n' ' ')" "/ /1 "
	list_fds >fds
	echo "$wanted_fds" >wanted
	same "sandbox-fds$1" fds wanted
	is "sandbox-ways-out$1" "$(list_ways_out)" ""
	is "sandbox-code$1" "$(grep -c ' rwx' "/proc/$monitor/maps")" 0
}

# What the host mounts below a share later would come without the limits.
check_late_mount() {
	mount -t tmpfs tmpfs dir
	is "sandbox-late-mount$1" "$(cut -d ' ' -f 5 "/proc/$monitor/mountinfo" |
		sort | tr '\n' ' ')" "/ /0 /1 "
	umount dir
}

# look_as WHO FILE-SERVERS-CAPS: at a guest that WHO runs.
look_as() {
	needs_root "it is about each kind of user" || return 0
	be "$1"
	suffix=${1:+-$1}
	mkdir dir
	# A descriptor that was left open must not get in.
	exec 3</etc/passwd
	start_kept a --share "$PWD/dir:shared:ro"
	exec 3<&-
	check_threads "$suffix" "$2"
	check_namespaces "$suffix"
	check_root "$suffix"
	is "sandbox-environment$suffix" "$(tr -d '\0' <"/proc/$monitor/environ")" ''
	[ -n "$AS" ] || check_late_mount "$suffix"
	finish a
	be ""
}

case_sandbox() {
	look_as "" 00000000882002db
}

# The host's own tree, but not what its kernel has there. Streams are the guest's
# to read and write; a device stays what it is.
case_sandbox_whole_host() {
	needs_root "it shares what is root's" || return 0
	mount --make-shared /
	start_guest a --share /:host
	says sandbox-host-starts a "sh mkdir /tmp/host && \
		mount -t virtiofs host /tmp/host" 0
	says sandbox-host-proc a "sh test -z \"\$(ls -A /tmp/host/proc)\"" 0
	says sandbox-host-sys a "sh test -z \"\$(ls -A /tmp/host/sys)\"" 0
	says sandbox-host-files a "sh test -e /tmp/host/srv/bin/wherry" 0
	finish a
	mount --make-private /
	wherry run --kernel "$KERNEL" --modules "$MODULES" "$ROOT" -- true </
	ended sandbox-stdin-directory 'stdin: .*directory'
}

case_sandbox_one() {
	look_as one 0000000000000000
}

case_sandbox_subids() {
	look_as subids 00000000800000db
}

# The file system of /var/tmp, unlike that of a case's directory, shows its
# owners to everybody as they are.
make_plain() {
	plain=/var/tmp/$case.plain
	rm -rf "$plain"
	install -d -o 1000 -g 1000 "$plain"
}

# in_plain COMMAND [OPTION...]: in a guest, in that directory.
in_plain() {
	command=$1
	shift
	run --share "$plain:plain" "$@" "$ROOT" -- \
		sh -c "mount -t virtiofs plain /mnt && cd /mnt && $command"
}

# The user of wherry itself, without it.
user() {
	setpriv --reuid 1000 --regid 1000 --clear-groups "$@"
}

make_files="umask 077 && mkdir mine && echo text >mine/file &&
	mkdir theirs && touch theirs/file && chmod 4711 theirs/file &&
	chown 5:6 theirs/file && chmod 4711 theirs/file &&
	stat -c '%u:%g %a' theirs/file"

# owners NAME WHO MINE THEIRS: whose the guest's files are on the host.
owners() {
	be "$2"
	make_plain
	in_plain "$make_files"
	is "sandbox-$1-guest" "$(cat out err)" "5:6 4711"
	is "sandbox-$1-mine" "$(stat -c %u:%g "$plain/mine/file")" "$3"
	is "sandbox-$1-theirs" "$(stat -c %u:%g "$plain/theirs/file")" "$4"
}

# What root makes in the guest is the caller's to read and remove.
removes() {
	is "sandbox-$1-reads" "$(user cat "$plain/mine/file")" text
	user rm -r "$plain/mine" 2>err || :
	is "sandbox-$1-removes" "$(ls "$plain")" "$2"
}

case_sandbox_owners() {
	needs_root "it is about each kind of user" || return 0
	owners one one 1000:1000 1000:1000
	is sandbox-one-mode "$(stat -c %a "$plain/theirs/file")" 711
	in_plain "stat -c '%u:%g %a' theirs/file"
	is sandbox-one-lasts "$(cat out err)" "5:6 4711"
	removes one theirs
	owners caller caller 1000:1000 100004:100005
	removes caller theirs
	owners subids subids 100000:100000 100005:100006
	be ""
	make_plain
	in_plain "$make_files"
	is sandbox-root-theirs "$(stat -c '%u:%g %a' "$plain/theirs/file")" \
		"5:6 4711"
	rm -rf "$plain"
}

case_sandbox_owner_options() {
	needs_root "it is about one kind of user" || return 0
	be one
	make_plain
	in_plain "$make_files" --owner squash
	is sandbox-squash "$(cat out err)" "0:0 4711"
	rm -rf "${plain:?}"/*
	in_plain "$make_files" --owner map
	like sandbox-map err 'Operation not permitted'
	mount -t tmpfs -o mode=777 tmpfs "$plain"
	wherry run --kernel "$KERNEL" --modules "$MODULES" \
		--share "$plain:plain" "$ROOT" -- true
	ended sandbox-no-attributes 'share plain: .*--owner squash'
	umount "$plain"
	rm -rf "$plain"
}

case_sandbox_off() {
	run --no-sandbox "$ROOT" -- true
	is sandbox-off "$status" 0
	is sandbox-off-warns "$(cat err)" "wherry: sandbox: off; whoever breaks \
out of the guest can do what you can do"
	be one
	run --no-sandbox "$ROOT" -- touch /root/made
	is sandbox-off-one "$status" 0
	is sandbox-off-one-made "$(stat -c %u:%g "$ROOT/root/made")" 0:0
	rm "$ROOT/root/made"
}
