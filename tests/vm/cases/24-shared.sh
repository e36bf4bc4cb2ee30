# Shares whose state machines have in common, with a guest that cannot look.
# shellcheck shell=sh disable=SC2154,SC2016

case_shared_versions() {
	mkdir dir
	echo text >dir/file
	run --root-options cache=shared --share "$PWD/dir:dir:cache=shared" \
		"$ROOT" -- sh -c '
		mkdir /tmp/dir && mount -t virtiofs dir /tmp/dir
		echo "file $(cat /tmp/dir/file)"
		echo new >/tmp/dir/new
		mv /tmp/dir/file /tmp/dir/moved && rm /tmp/dir/new
		echo "names $(ls /tmp/dir)"
		umount /tmp/dir && rmdir /tmp/dir'
	is shared-status "$status" 0
	is shared-reads "$(value file)" text
	is shared-changes "$(value names)" moved
	is shared-changed "$(ls dir)" moved
	is shared-says-so "$(grep -c "share dir: the guest's kernel cannot" err)" 1
	is shared-says-so-of-root \
		"$(grep -c "share root: the guest's kernel cannot" err)" 1
	is shared-leaves-nothing "$(find /dev/shm -path '*/wherry-*/*')" ""
}
