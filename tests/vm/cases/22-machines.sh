# Machines with names: more commands in them, and what else others do with them.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154,SC2016

# settle_down: where machines have their directories, $place.
settle_down() {
	place=/run/wherry
	others=1000
	[ -n "${AS-}" ] || return 0
	export XDG_RUNTIME_DIR=$HOME/run
	install -d -m 700 -o 1000 -g 1000 "$XDG_RUNTIME_DIR"
	place=$XDG_RUNTIME_DIR/wherry
	others=2000
}

# start NAME [OPTION...] ROOTFS COMMAND...: a machine that is detached.
start() {
	name=$1
	shift
	run --name "$name" --detach "$@"
	is "$case-starts" "$status $(cat out)" "0 $name"
}

# until_is WANTED COMMAND...: wait until it says so, half a minute at most.
until_is() {
	wanted=$1
	shift
	for _ in $(seq 300); do
		[ "$("$@")" != "$wanted" ] || return 0
		sleep 0.1
	done
}

running() {
	"$WHERRY" ps | wc -l
}

lines() {
	wc -l <"$1"
}

log_lines() {
	"$WHERRY" logs "$1" | wc -l
}

# readers NAME: processes of the guest that wait for /run/go.
readers() {
	"$WHERRY" exec "$1" -- sh -c 'grep -lsx cat /proc/[0-9]*/comm | wc -l'
}

# process_of NAME PID: is it there, or gone?
process_of() {
	"$WHERRY" exec "$1" -- test -d "/proc/$2" && echo there || echo gone
}

# keeper NAME: its process id.
keeper() {
	"$WHERRY" ps | awk -v name="$1" '$1 == name { print $2 }'
}

# state_of PID: a letter, as ps(1) has it.
state_of() {
	awk '{ print $3 }' "/proc/$1/stat"
}

# gone NAME: nothing of it is left on the host.
gone() {
	is "$case-$1-left-nothing" "$(ls "$place")" ""
}

# sockets NAME: how many clients the monitor has, by its sockets beside the door.
sockets() {
	inside=$(monitor_of "$(keeper "$1")")
	find "/proc/$inside/fd" -lname 'socket:*' | wc -l
}

case_machines() {
	settle_down
	start web --stop-timeout 120 "$ROOT" -- sh -c '
		trap "echo TERM; exit 7" TERM
		mkfifo /run/go
		echo ready; echo warning >&2
		sleep 100000 & wait'
	wherry ps
	like ps out '^web +[0-9]+ +[0-9]+[smh]  sh -c '
	until_is 2 log_lines web
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
	for i in $(seq 50); do
		(
			status=0
			"$WHERRY" exec web -- sh -c "cat /run/go; echo $i; exit $i" \
				</dev/null >"many.$i" 2>&1 || status=$?
			echo "$status" >>"many.$i"
		) &
	done
	until_is 51 sockets web
	is fifty-are-there "$(sockets web)" 51
	until_is 50 readers web
	wherry exec web -- sh -c ': >/run/go'
	wait
	for i in $(seq 50); do
		printf '%s\n%s\n' "$i" "$i" >want
		cmp -s want "many.$i" || echo "$i"
	done >wrong
	is fifty-have-their-own "$(cat wrong)" ""

	pid=$(keeper web)
	wherry kill web -s TSTP
	until_is T state_of "$pid"
	is stopped "$(state_of "$pid")$(state_of "$(monitor_of "$pid")")" TT
	wherry kill web -s CONT
	wherry exec web -- echo on
	is goes-on "$status $(cat out)" "0 on"

	# A client that is killed leaves nothing behind, here or there.
	"$WHERRY" exec web -- sh -c 'echo $$; exec sleep 100000' </dev/null >pid &
	client=$!
	until_is 1 lines pid
	wherry exec web -- test -d "/proc/$(cat pid)"
	is client-has-a-process "$status" 0
	kill -9 "$client"
	wait "$client" || :
	until_is gone process_of web "$(cat pid)"
	is killed-client-leaves-no-process "$(process_of web "$(cat pid)")" gone
	is killed-client-leaves-no-socket "$(sockets web)" 1

	# Nobody else, whatever the modes of directories are.
	chmod 755 "${XDG_RUNTIME_DIR-/run}" "$place" "$place"/web
	chmod 666 "$place"/web/exec
	status=0
	setpriv --reuid $others --regid $others --clear-groups \
		perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0);
			connect(S, pack_sockaddr_un($ARGV[0])) or exit 2;
			print "connected\n"; exit(sysread(S, $b, 1) ? 1 : 0)' "$place/web/exec" >out || status=$?
	is others-are-not-let-in "$status $(cat out)" "0 connected"
	chmod 600 "$place"/web/exec
	chmod 700 "$place" "$place"/web
	wherry exec web -- true
	is owner-is "$status" 0

	"$WHERRY" wait web >/dev/null 2>&1 &
	waiter=$!
	cp "$place"/web/log before
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
	settle_down
	# A command that does not end when it is told to.
	start ends --stop-timeout 1 "$ROOT" -- sh -c 'trap "" TERM; echo; sleep 10000000'
	until_is 1 log_lines ends
	"$WHERRY" wait ends &
	waiter=$!
	wherry stop ends
	status=0
	wait "$waiter" || status=$?
	is stop-after-the-grace "$status" 143
	gone stop

	start ends "$ROOT" -- sh -c 'trap "echo bye; exit 9" USR1; echo; sleep 10000000 & wait'
	"$WHERRY" exec ends -- sleep 100000 </dev/null 2>exec.err &
	client=$!
	"$WHERRY" wait ends &
	waiter=$!
	"$WHERRY" logs -f ends >followed &
	follower=$!
	until_is 1 log_lines ends
	until_is 2 sockets ends
	wherry kill ends -s USR1
	status=0
	wait "$waiter" || status=$?
	is kill-sends-a-signal "$status" 9
	status=0
	wait "$client" || status=$?
	is exec-ends-with-the-machine "$status" 143
	status=0
	wait "$follower" || status=$?
	is logs-follow "$status $(tr '\n' ' ' <followed)" "0  bye "

	start ends "$ROOT" -- sleep 100000
	"$WHERRY" wait ends &
	waiter=$!
	wherry kill ends
	is kill "$status" 0
	status=0
	wait "$waiter" || status=$?
	is killed-has-a-status "$status" 137
	gone kill

	# Even if all of it is killed.
	start ends "$ROOT" -- sleep 100000
	kill -9 "$(keeper ends)"
	wherry ps
	is crash-is-seen "$(wc -l <out)" 1
	gone crash

	# What cannot start says so where it was started, and not in a log.
	run --name ends --detach "$ROOT" -- /nonexistent
	is no-start "$status" 127
	ended_with_line no-start-says nonexistent
	gone no-start
}

case_machine_in_the_foreground() {
	settle_down
	mkfifo in
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" --name fore "$ROOT" -- \
		sh -c 'echo ready; read x; echo "$x"; exit 4' <in >fore.out 2>err &
	guest=$!
	exec 5>in
	until_is 2 running
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
	settle_down
	start log "$ROOT" -- sh -c '
		mkfifo /run/done
		head -c 70000000 /dev/zero
		: >/run/done
		sleep 100000'
	wherry exec log -- sh -c 'until [ -e /run/done ]; do sleep 0.1; done; cat /run/done'
	between log-length "$(wc -c <"$place"/log/log)" 67108864 67109864
	like log-says-so "$place"/log/log 'wherry: log: is full'
	wherry kill log
}
