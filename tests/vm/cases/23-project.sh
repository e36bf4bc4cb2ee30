# A job of continuous integration: the tests of a C program, in a machine that
# is thrown away, and the same in a chroot.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154,SC2016

# Where it is built, here below ROOT; and what comes of it.
job='
	cp -a /src /build
	cd /build
	CC=tcc ./configure >/dev/null
	make check 2>&1
	md5sum example minigzip libz.a ./*.o'

list_sources() {
	(
		cd zlib || exit
		find . -printf '%P %y %m %U:%G %s %T@ %C@ %l\n' | LC_ALL=C sort
		find . -type f -exec md5sum {} + | LC_ALL=C sort
	)
}

# In a mount namespace, so that /src is there for nobody else.
check_here() {
	mkdir "$ROOT/src"
	unshare --mount sh -ec '
		mount --bind zlib "$ROOT/src"
		exec env -i PATH="$PATH" chroot "$ROOT" sh -ec "$1"' sh "$job"
	rm -rf "${ROOT:?}/src" "${ROOT:?}/build"
}

case_project() {
	needs_root "chroot takes root" || return 0
	export ROOT
	tar -xf /srv/project.tar
	list_sources >before
	check_here >wanted 2>&1 || fail project-here "$(tail -n 3 wanted)"
	run --overlay --timeout 10m --memory 1G -v "$PWD/zlib:/src:ro" "$ROOT" \
		-- sh -ec "$job"
	is project-status "$status" 0
	is project-tests "$(grep -c 'zlib.* test OK' out)" \
		"$(grep -c 'zlib.* test OK' wanted)"
	between project-has-tests "$(grep -c 'zlib.* test OK' out)" 2 10
	same project-result wanted out
	list_sources >after
	same project-sources-untouched before after
	is project-root-untouched "$(ls -d "$ROOT"/build "$ROOT"/src 2>&1 |
		grep -vc 'No such file')" 0
}
