# Talk with witnesses (tests/posix/witness.c): one in a guest, another in a
# second one or on the host. A case sources this. Their names are letters: a
# and b are guests, h is the host.
# shellcheck shell=sh disable=SC2154

# So many tenths of a second nobody waits for an answer.
answer_tries=1200

# start NAME COMMAND...: COMMAND becomes a witness, or the guest it runs in. What
# it is told goes into a pipe, what it answers into a file; both stay open
# here. Its pid is $pid_NAME.
start() {
	witness=$1
	shift
	mkfifo "$witness.in"
	: >"$witness.out"
	"$@" <"$witness.in" >"$witness.out" 2>err &
	eval "pid_$witness=$! early_$witness="
	case $witness in
	a) exec 4>a.in 7<a.out ;;
	b) exec 5>b.in 8<b.out ;;
	h) exec 6>h.in 9<h.out ;;
	esac
}

# start_guest NAME [OPTION...]: a guest whose command is a witness.
start_guest() {
	witness=$1
	shift
	cp /srv/bin/witness "$ROOT/root/witness"
	start "$witness" "$WHERRY" run --kernel "$KERNEL" \
		--modules "$MODULES" "$@" --workdir /root "$ROOT" -- /root/witness
}

# start_host NAME: a witness outside of all guests.
start_host() {
	start "$1" /srv/bin/witness
}

tell() {
	case $1 in
	a) echo "$2" >&4 ;;
	b) echo "$2" >&5 ;;
	h) echo "$2" >&6 ;;
	esac
}

# The rest of the next line, if it is there already.
read_answer() {
	case $1 in
	a) read -r more <&7 ;;
	b) read -r more <&8 ;;
	h) read -r more <&9 ;;
	esac
}

# answer NAME: leaves in $answer what a witness says to what it was told last.
answer() {
	eval "pid=\$pid_$1 answer=\$early_$1 early_$1="
	[ -z "$answer" ] || return 0
	tries=0
	until read_answer "$1"; do
		answer=$answer$more
		tries=$((tries + 1))
		if ! kill -0 "$pid" || [ "$tries" -gt "$answer_tries" ]; then
			answer="(no answer)"
			return 0
		fi
		sleep 0.1
	done
	answer=$answer$more
}

# ask NAME COMMAND: leaves the answer in $answer.
ask() {
	tell "$1" "$2"
	answer "$1"
}

# says RESULT NAME COMMAND WANTED: a result, by what a witness answers.
says() {
	ask "$2" "$3"
	is "$1" "$answer" "$4"
}

# still_waits RESULT NAME: the witness has not answered yet.
still_waits() {
	sleep 1
	if read_answer "$2"; then
		fail "$1" "already answered '$more'"
		eval "early_$2=\$more"
	else
		is "$1" "$more" ''
	fi
}

# finish NAME...: witnesses end by the end of their input.
finish() {
	exec 4>&- 5>&- 6>&- 7<&- 8<&- 9<&-
	for witness; do
		eval "wait \$pid_$witness" || :
	done
}
