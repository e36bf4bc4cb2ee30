# What a command may use, and for how long.
# shellcheck shell=sh disable=SC2154,SC2016

# for_time TIME STATUS [OPTION...] -- COMMAND...
for_time() {
	name=$case-$1
	status=0
	"$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" --timeout "$@" \
		</dev/null >out 2>err || status=$?
	is "$name-status" "$status" 124
	like "$name-says-why" err '^wherry: command: did not end in '
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
