# Signals and terminals: what is in front of a command changes neither.
# shellcheck shell=sh disable=SC2154,SC2016

# start_run [OPTION...] ROOTFS COMMAND...: a guest in the background, $guest.
start_run() {
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" "$@" \
		</dev/null >out 2>err &
	guest=$!
}

# comes LINE: waits until the command has said so.
comes() {
	waited=0
	until grep -qx "$1" out; do
		sleep 0.2
		waited=$((waited + 1))
		[ "$waited" -lt 300 ] || break
	done
	like "$case-says-$1" out "^$1\$"
}

# send SIGNAL [SAID]
send() {
	kill -s "$1" "$guest"
	comes "${2-$1}"
}

# ends NAME STATUS
ends() {
	status=0
	wait "$guest" || status=$?
	is "$case-$1" "$status" "$2"
}

case_signals() {
	start_run "$ROOT" -- sh -c '
		for sig in USR1 USR2 WINCH CONT; do
			trap "echo $sig" $sig
		done
		trap "echo TERM; exit 7" TERM
		echo ready
		while :; do sleep 0.1; done'
	comes ready
	send USR1
	send USR2
	send WINCH
	send CONT
	send TERM
	ends status-is-the-commands 7
	is signals-once "$(tr '\n' ' ' <out)" "ready USR1 USR2 WINCH CONT TERM "
}

# A command that does not end when it is told to.
case_signals_twice() {
	start_run "$ROOT" -- sh -c '
		trap "echo TERM" TERM
		trap "echo HUP" HUP
		echo ready
		while :; do sleep 0.1; done'
	comes ready
	send TERM
	sleep 1
	kill -s HUP "$guest"
	ends the-second-ends-the-machine 129
}

case_signals_timeout() {
	start_run --stop-timeout 1 "$ROOT" -- sh -c '
		trap "" TERM; echo ready; while :; do sleep 0.1; done'
	comes ready
	kill -s TERM "$guest"
	ends time-is-up 143
}
