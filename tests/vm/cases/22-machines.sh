# Machines with names: more commands in them, and what else others do with them.
# shellcheck shell=sh disable=SC2154,SC2016

# start NAME [OPTION...] ROOTFS COMMAND...: a machine that is detached.
start() {
	name=$1
	shift
	run --name "$name" --detach "$@"
	is "$case-starts" "$status $(cat out)" "0 $name"
}

# gone NAME: nothing of it is left on the host.
gone() {
	is "$case-$1-left-nothing" "$(ls /run/wherry)" ""
}

# sessions NAME: how many clients the monitor has, by its sockets beside the door.
sockets() {
	inside=$(monitor_of "$("$WHERRY" ps | awk -v name="$1" '$1 == name { print $2 }')")
	find "/proc/$inside/fd" -lname 'socket:*' | wc -l
}

case_machines() {
	start web "$ROOT" -- sh -c '
		trap "echo TERM; exit 7" TERM
		echo ready; echo warning >&2
		while :; do sleep 0.1; done'
	wherry ps
	like ps out '^web +[0-9]+ +[0-9]+[smh]  sh -c '
	wherry exec web -- sleep 1 # the log may be later than the start
	wherry logs web
	is logs "$(sort out | tr '\n' ' ')" "ready warning "
	run --name web "$ROOT" -- true
	ended second-of-that-name 'name web'

	wherry exec web -- sh -c 'echo out; echo err >&2; exit 3'
	is exec "$status $(cat out) $(cat err)" "3 out err"
	wherry exec web -- sh -c 'cat /proc/1/comm; hostname'
	is exec-is-in-the-guest "$(tr '\n' ' ' <out)" "init wherry "
	wherry exec web -- /nonexistent
	is exec-not-found "$status" 127
	ended_with_line exec-not-found-says nonexistent
	wherry exec --env A=b --workdir /tmp --user 1000 web -- sh -c 'echo $A $PWD $(id -u)'
	is exec-options "$(cat out)" "b /tmp 1000"

	head -c 3000000 /dev/urandom >data
	status=0
	"$WHERRY" exec web -- sh -c 'cat; echo end >&2' <data >copy 2>err || status=$?
	same exec-streams data copy
	is exec-stderr "$status $(cat err)" "0 end"
	status=0
	{ "$WHERRY" exec web -- yes 2>err || echo $? >status; } | head -n 1 >out
	is exec-closed-pipe "$(cat out) $(cat status)" "y 141"

	# As many as can be asked for at once; each waits until all are there.
	wherry exec web -- rm -f /run/go
	for i in $(seq 50); do
		(
			status=0
			"$WHERRY" exec web -- sh -c "
				until [ -e /run/go ]; do sleep 0.5; done
				echo $i; exit $i" >"many.$i" </dev/null || status=$?
			echo "$status" >>"many.$i"
		) &
	done
	waited=0
	until [ "$(sockets web)" -ge 51 ] || [ "$waited" -ge 300 ]; do
		sleep 0.2
		waited=$((waited + 1))
	done
	is fifty-are-there "$(sockets web)" 51
	wherry exec web -- touch /run/go
	wait
	for i in $(seq 50); do
		printf '%s\n%s\n' "$i" "$i" >want
		cmp -s want "many.$i" || echo "$i"
	done >wrong
	is fifty-have-their-own "$(cat wrong)" ""

	# A client that is killed leaves nothing behind, here or there.
	"$WHERRY" exec web -- sh -c 'echo $$ >/run/pid; exec sleep 1000' </dev/null &
	client=$!
	wherry exec web -- sh -c 'until [ -s /run/pid ]; do sleep 0.1; done'
	kill -9 "$client"
	wait "$client" || :
	wherry exec web -- sh -c '
		for i in $(seq 100); do
			[ -d "/proc/$(cat /run/pid)" ] || exit 0
			sleep 0.1
		done
		exit 1'
	is killed-client-leaves-no-process "$status" 0
	is killed-client-leaves-no-socket "$(sockets web)" 1

	# Nobody else, whatever the modes of directories are.
	chmod 755 /run/wherry /run/wherry/web
	chmod 666 /run/wherry/web/exec
	status=0
	setpriv --reuid 1000 --regid 1000 --clear-groups \
		perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0);
			connect(S, pack_sockaddr_un("/run/wherry/web/exec")) or exit 2;
			print "connected\n"; exit(sysread(S, $b, 1) ? 1 : 0)' >out || status=$?
	is others-are-not-let-in "$status $(cat out)" "0 connected"
	chmod 600 /run/wherry/web/exec
	chmod 700 /run/wherry /run/wherry/web
	wherry exec web -- true
	is owner-is "$status" 0

	"$WHERRY" wait web >/dev/null 2>&1 &
	waiter=$!
	cp /run/wherry/web/log before
	wherry stop web
	is stop "$status" 0
	status=0
	wait "$waiter" || status=$?
	is wait-has-the-status "$status" 7
	gone stop
	wherry exec web -- true
	ended exec-after-the-end 'machine web'
	wherry ps
	is ps-after-the-end "$(wc -l <out)" 1
}

# wherry's own line, whatever the status is.
ended_with_line() {
	like "$1" err "^wherry: .*$2"
}

case_machine_ends() {
	# A command that does not end when it is told to.
	start web --stop-timeout 1 "$ROOT" -- sh -c 'trap "" TERM; while :; do sleep 1; done'
	"$WHERRY" wait web &
	waiter=$!
	wherry stop web
	status=0
	wait "$waiter" || status=$?
	is stop-after-the-grace "$status" 143
	gone stop

	start web "$ROOT" -- sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
	"$WHERRY" exec web -- sleep 1000 </dev/null 2>exec.err &
	client=$!
	"$WHERRY" wait web &
	waiter=$!
	sleep 1
	wherry kill web -s USR1
	status=0
	wait "$waiter" || status=$?
	is kill-sends-a-signal "$status" 9
	status=0
	wait "$client" || status=$?
	is exec-ends-with-the-machine "$status" 143

	start web "$ROOT" -- sleep 1000
	"$WHERRY" wait web &
	waiter=$!
	wherry kill web
	is kill "$status" 0
	status=0
	wait "$waiter" || status=$?
	is killed-has-a-status "$status" 137
	gone kill

	# Even if all of it is killed.
	start web "$ROOT" -- sleep 1000
	kill -9 "$("$WHERRY" ps | awk '$1 == "web" { print $2 }')"
	wherry ps
	is crash-is-seen "$(wc -l <out)" 1
	gone crash

	# What cannot start says so where it was started, and not in a log.
	run --name web --detach "$ROOT" -- /nonexistent
	is no-start "$status" 127
	ended_with_line no-start-says nonexistent
	gone no-start
}

case_machine_in_the_foreground() {
	mkfifo in
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" --name fore "$ROOT" -- \
		sh -c 'echo ready; read x; echo "$x"; exit 4' <in >fore.out 2>err &
	guest=$!
	exec 5>in
	wherry exec fore -- echo hello
	is exec-in-the-foreground "$status $(cat out)" "0 hello"
	wherry logs fore
	ended no-log-in-the-foreground 'machine fore'
	# A terminal of its own, and its window.
	script -qec "stty rows 33 cols 77; $WHERRY exec fore -- sh -c 'tty; stty size; exit 5'" \
		typescript >out </dev/null || status=$?
	is exec-terminal-status "$status" 5
	like exec-terminal out '/dev/pts/'
	like exec-terminal-window out '33 77'
	echo done >&5
	exec 5>&-
	status=0
	wait "$guest" || status=$?
	is foreground "$status $(tr '\n' ' ' <fore.out)" "4 ready done "
}

case_machine_log_is_bounded() {
	start web "$ROOT" -- sh -c 'head -c 70000000 /dev/zero; touch /run/done; sleep 1000'
	wherry exec web -- sh -c 'until [ -e /run/done ]; do sleep 0.2; done'
	between log-length "$(wc -c </run/wherry/web/log)" 67108864 67109864
	like log-says-so /run/wherry/web/log 'wherry: log: is full'
	wherry kill web
}
