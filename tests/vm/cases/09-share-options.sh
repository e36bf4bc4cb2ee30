# Shares besides the root, and what their options do.
# shellcheck shell=sh disable=SC2154,SC2016

case_shares() {
	mkdir one two
	echo from-one >one/file
	echo from-two >two/file
	run --share "$PWD/one:first" --share "$PWD/two:the:ro" "$ROOT" -- sh -c '
		mkdir /tmp/a /tmp/b
		mount -t virtiofs first /tmp/a && mount -t virtiofs the /tmp/b
		echo "first $(cat /tmp/a/file)"
		echo "second $(cat /tmp/b/file)"
		echo new >/tmp/a/new
		echo new 2>/dev/null >/tmp/b/new || echo "refused yes"
		rm -f /tmp/b/file 2>/dev/null || echo "kept yes"
		mount -t virtiofs third /tmp/b 2>/dev/null || echo "third none"
		umount /tmp/a /tmp/b
		rmdir /tmp/a /tmp/b'
	is shares-status "$status" 0
	is shares-first "$(value first)" from-one
	is shares-second "$(value second)" from-two
	is shares-written "$(cat one/new)" new
	is shares-read-only-refuses "$(value refused)" yes
	is shares-read-only-keeps "$(value kept)" yes
	is shares-read-only-untouched "$(ls two)" file
	is shares-unknown-tag "$(value third)" none
}

case_read_only_root() {
	list_tree "$ROOT" >before
	run --root-options ro:cache=always "$ROOT" -- sh -c '
		while read -r _ dir type options _; do
			echo "mount-$dir $type $options"
		done </proc/mounts
		echo "write $(touch /file 2>&1 | grep -c Read-only)"
		mount -o remount,rw / && echo "remounts yes"
		echo "again $(touch /file 2>&1 | grep -c Read-only)"
		echo text >/run/file && echo "run $(cat /run/file)"'
	list_tree "$ROOT" >after
	is read-only-root-status "$status" 0
	is read-only-root-refuses "$(value write)" 1
	is read-only-root-refuses-itself "$(value again)" 1
	is read-only-root-has-run "$(value run)" text
	like read-only-root-is-mounted-so out '^mount-/ virtiofs ro'
	same read-only-root-untouched before after
}

case_stats() {
	mkdir one
	run --stats --share "$PWD/one:first" "$ROOT" -- sh -c '
		mkdir /tmp/a && mount -t virtiofs first /tmp/a
		mkdir /tmp/a/x /tmp/a/y /tmp/a/z
		umount /tmp/a && rmdir /tmp/a'
	is stats-status "$status" 0
	is stats-is-a-line "$(wc -l <err)" 1
	like stats-names-shares err \
		'^\{"shares":\[\{"tag":"root",.*\},\{"tag":"first",.*\}\]\}$'
	like stats-counts err '"tag":"first",.*"MKDIR":\{"count":3,"errors":0,'
	run "$ROOT" -- true
	same stats-unasked-are-none err /dev/null
}
