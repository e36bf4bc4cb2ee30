# What a command may use, and for how long.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154,SC2016

# for_time TIME [OPTION...] ROOTFS -- COMMAND...: it takes longer.
for_time() {
	name=$case-$1
	status=0
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" --timeout "$@" \
		</dev/null >out 2>err || status=$?
	is "$name-status" "$status" 124
	like "$name-says-why" err '^wherry: command: did not end within --timeout '
}

# The command is told, and may say its last words; its status is not the answer.
case_timeout() {
	for_time 20 "$ROOT" -- sh -c '
		trap "echo last words; exit 3" TERM
		echo first words
		while :; do sleep 0.1; done'
	is timeout-words "$(tr '\n' ' ' <out)" "first words last words "
}

# Before there is a command, there is nobody to wait for.
case_timeout_of_the_start() {
	for_time 0.5 "$ROOT" -- echo words
	is timeout-start-words "$(cat out)" ""
}

# limited [OPTION...] ROOTFS -- COMMAND...
limited() {
	status=0
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" "$@" \
		</dev/null >out 2>err || status=$?
}

# Threads count as well; what it started and left behind goes with it.
case_limits() {
	limited --pids 20 --tmp-size 1M "$ROOT" -- sh -c '
		echo "group $(cat /proc/self/cgroup)"
		echo "tmp $(stat -f -c %T /tmp) $(stat -c %a /tmp)"
		head -c 2M /dev/zero 2>/dev/null >/tmp/full
		echo "full $(stat -c %s /tmp/full)"
		exec perl -e "
			for (1 .. 100) {
				last unless defined(\$p = fork);
				\$p or do { sleep 100; exit };
				\$n++;
			}
			print qq(forks \$n\n)"'
	is limits-status "$status" 0
	is limits-group "$(value group)" 0::/command
	is limits-tmp "$(value tmp)" "tmpfs 1777"
	is limits-tmp-size "$(value full)" 1048576
	is limits-pids "$(value forks)" 19
}

# A hog, and a bomb that nobody could count.
# Whoever opens what is there again and again gets an error in the end, from the
# guest or from the server; the server keeps descriptors for others.
case_limits_descriptors() {
	mkdir hogged
	touch hogged/file
	limited --ulimit nofile=1000000 --memory 1G -v "$PWD/hogged:/mnt" \
		"$ROOT" -- perl -e '
		open($first, "<", "/mnt/file") or die;
		while (open(my $again, "<", "/mnt/file")) { push @open, $again }
		print "why $!\nopen ", scalar @open, "\n";
		print "other ", -e "/etc/passwd" ? 1 : 0, "\n";
		@open = ();
		print "again ", open($first, "<", "/mnt/file") ? 1 : 0, "\n"'
	is limits-descriptors-status "$status" 0
	like limits-descriptors-why out '^why Too many open files'
	between limits-descriptors "$(value open)" 100 999999
	is limits-descriptors-others "$(value other)" 1
	is limits-descriptors-again "$(value again)" 1
}

case_limits_hostile() {
	limited --pids 200 --memory 256M "$ROOT" -- sh -c '
		perl -e "push @a, chr(0) x 65536 while 1" &
		wait $!
		echo "hog $?"
		perl -e "alarm 2; fork while 1" &
		wait $!
		echo "bomb $?"
		exit 3'
	is limits-hostile-status "$status" 3
	is limits-hog "$(value hog)" 137
	is limits-bomb "$(value bomb)" 142
}

# Exact to the byte, on both streams together.
case_limits_output() {
	limited --output-limit 100K "$ROOT" -- sh -c '
		head -c 1000 /dev/zero >&2
		cat /dev/zero'
	is limits-output-status "$status" 125
	is limits-output-len "$(wc -c <out)" $((102400 - 1000))
	like limits-output-says-so err \
		'wherry: command: wrote more than --output-limit 100K; give a larger one'
	limited --output-limit 6 "$ROOT" -- echo 12345
	is limits-output-fits "$status $(cat out)" "0 12345"
	limited --console --output-limit 1K "$ROOT" -- sh -c '
		head -c 3000 /dev/zero | tr "\0" x >/dev/ttyS0'
	is limits-output-console "$status $(tr -dc x <err | wc -c)" \
		"0 $((1024 - $(tr -d x <err | wc -c)))"
}

# in_group GROUP COMMAND...: the shell becomes it.
in_group() {
	echo 0 >"/sys/fs/cgroup/$1/cgroup.procs"
	shift
	exec "$@"
}

groups() {
	find /sys/fs/cgroup -name 'wherry-*' | wc -l
}

# Whoever may do that: in the root of all, which may have processes as well.
case_cpus() {
	needs_root "it makes control groups" || return 0
	limited --cpus 0.5 "$ROOT" -- true
	is cpus-no-cgroup-status "$status" 125
	like cpus-no-cgroup-says-so err \
		'^wherry: --cpus: a part of a processor takes cgroup v2, which is not mounted'
	mount -t cgroup2 none /sys/fs/cgroup
	mkfifo ready
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" --cpus 0.5 "$ROOT" -- \
		sh -c 'nproc; while :; do :; done' </dev/null >ready 2>err &
	wherry=$!
	read -r cpus <ready
	group=$(echo /sys/fs/cgroup/wherry-*)
	is cpus-processors "$cpus" 1
	is cpus-limit "$(cat "$group/cpu.max")" "50000 100000"
	# And a thread of KVM's.
	is cpus-members "$(grep -cxe "$wherry" -e "$(monitor_of $wherry)" \
		"$group/cgroup.procs")" 2
	until grep -q 'nr_throttled [1-9]' "$group/cpu.stat"; do
		sleep 0.1
	done
	pass cpus-throttled
	kill -KILL "$(monitor_of $wherry)"
	status=0
	wait $wherry || status=$?
	is cpus-killed-status "$status" 137
	is cpus-killed-leaves-no-group "$(groups)" 0
	cpus_in_a_group
	umount /sys/fs/cgroup
}

# In a group of one's own: alone in it, and with others.
cpus_in_a_group() {
	# What the kernel has on for all.
	echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/job
	(in_group job "$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" \
		--cpus 1.5 "$ROOT" -- nproc) </dev/null >out 2>err
	is cpus-group-status "$?" 0
	is cpus-group-processors "$(cat out)" 2
	is cpus-group-is-as-before \
		"$(cat /sys/fs/cgroup/job/cgroup.subtree_control)$(groups)" 0
	(in_group job sleep 1000) &
	until grep -q . /sys/fs/cgroup/job/cgroup.procs; do :; done
	status=0
	(in_group job "$WHERRY" run --cpus 1.5 "$ROOT" -- true) >out 2>err ||
		status=$?
	ended cpus-others 'job: other processes are in it; give a whole number'
	kill $!
	wait $! || :
	limited_at_once
	limited_by_nobody
	is cpus-refused-leaves-no-group "$(groups)" 0
	rmdir /sys/fs/cgroup/job
}

# Two that nobody but they shares the group with: the first to end leaves the
# other one its limit, and the last all as it was. None need have come up.
limited_at_once() {
	job=/sys/fs/cgroup/job
	for name in 1 2; do
		(in_group job "$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" \
			--cpus 0.5 "$ROOT" -- sleep 1000) \
			</dev/null >out-$name 2>err-$name &
		eval "wherry_$name=$!"
	done
	tries=0
	until [ "$(cat $job/wherry-*/cpu.max | grep -c '^50000 ')" = 2 ] ||
		[ $tries = 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done 2>/dev/null
	is cpus-at-once "$(cat err-1 err-2 $job/wherry-*/cpu.max | uniq -c |
		tr -s ' ')" ' 2 50000 100000'
	kill "$wherry_1"
	status=0
	wait "$wherry_1" || status=$?
	is cpus-at-once-status "$status" 143
	is cpus-limit-left "$(cat $job/cgroup.subtree_control \
		$job/wherry-*/cpu.max | tr '\n' ' ')" 'cpu 50000 100000 '
	kill "$wherry_2"
	wait "$wherry_2" || :
	is cpus-at-once-is-as-before \
		"$(cat $job/cgroup.subtree_control)$(groups)" 0
}

limited_by_nobody() {
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent \
		"$WHERRY" run --cpus 0.5 "$ROOT" -- true >out 2>err || status=$?
	ended cpus-not-permitted '/sys/fs/cgroup: Permission denied'
}

case_limits_without_tmp() {
	mkdir -p bare
	cp "$ROOT/usr/bin/busybox" bare/ 2>/dev/null || cp "$ROOT/bin/busybox" bare/
	limited --tmp-size 1M bare -- /busybox true
	is limits-no-tmp-status "$status" 125
	like limits-no-tmp-says-so err '^wherry: tmp-size: /tmp: No such file'
	limited --pids 5 bare -- /busybox true
	is limits-no-cgroup-status "$status" 125
	like limits-no-cgroup-says-so err \
		'^wherry: pids: /sys/fs/cgroup/: No such .*; it takes /sys in ROOTFS'
	limited --pids 5 --append cgroup_disable=pids "$ROOT" -- true
	is limits-no-controller-status "$status" 125
	like limits-no-controller-says-so err \
		'^wherry: pids: .*a kernel that can limit them'
}
