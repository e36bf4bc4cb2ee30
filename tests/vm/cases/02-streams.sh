# The three streams are separate and byte exact, with end of file both ways.
# shellcheck shell=sh disable=SC2154,SC2016

# all_bytes SEED: 64 KiB with every byte, different for each seed.
all_bytes() {
	perl -e 'print map { chr(($_ * $ARGV[0]) & 255) } 1 .. 65536' "$1"
}

case_streams() {
	all_bytes 1 >in
	all_bytes 3 >wanted
	perl='print STDERR map { chr(($_ * 3) & 255) } 1 .. 65536'
	run "$ROOT" -- sh -c "cat; perl -e '$perl'; exit 42" <in
	is status-42 "$status" 42
	same streams-stdin-to-stdout in out
	same streams-stderr wanted err
}

case_stdin_at_end() {
	run "$ROOT" -- sh -c 'wc -c; echo done; exit 1' </dev/null
	is status-1 "$status" 1
	is status-1-says-nothing "$(cat err)" ''
	is stdin-at-end "$(tr -s ' \n' ' ' <out)" '0 done '
}

# Some of Debian's kernel: nothing that could repeat unnoticed.
case_cat() {
	mib=${FULL:+256}
	mib=${mib:-32}
	for _ in 1 2 3 4 5 6; do
		cat "$VMLINUX"
	done | head -c "${mib}M" >in
	# shellcheck disable=SC2002 # a pipe is wanted
	cat in | "$WHERRY" run --kernel "$KERNEL" --modules "$MODULES" \
		"$ROOT" -- cat 2>err | cmp - in >difference 2>&1 || :
	is "cat-$mib-MiB" "$(cat difference)" ''
}
