# Exit statuses: the command's own, and what env(1) and shells have for others.
# 0, 1 and 42 are those of the next files' commands: a boot takes a while here.
# shellcheck shell=sh disable=SC2154

# exits NAME WANTED COMMAND...
exits() {
	name=$1
	wanted=$2
	shift 2
	run "$ROOT" -- "$@"
	is "status-$name" "$status" "$wanted"
}

case_status_126() {
	exits 126-not-executable 126 /etc/passwd
	is status-126-one-line "$(wc -l <err)" 1
	like status-126-names-it err '^wherry: .*/etc/passwd'
}

case_status_127() {
	exits 127-not-found 127 no-such-command
	is status-127-one-line "$(wc -l <err)" 1
	like status-127-names-it err '^wherry: .*no-such-command'
}

case_status_137() {
	# shellcheck disable=SC2016 # the guest's shell expands it
	exits 137-killed 137 sh -c 'kill -KILL $$'
}

case_status_143() {
	# shellcheck disable=SC2016 # the guest's shell expands it
	exits 143-terminated 143 sh -c 'kill -TERM $$'
}
