# A Debian userland feels at home: the tools that people start with work, and
# see the same files as the host does.
# shellcheck shell=sh disable=SC2154,SC2016

case_userland() {
	run "$ROOT" -- sh -c '
		echo "apt $(apt-get --version | head -n 1)"
		echo "perl $(perl -e "print 6 * 7")"
		echo "uname $(uname -r)"
		echo "find $(find / -xdev | grep -Ev "^/(dev|proc|run|sys|tmp)/" |
			md5sum)"'
	is status-0 "$status" 0
	is status-0-says-nothing "$(cat err)" ''
	is userland-apt-get "$(value apt)" \
		"$(apt-get --version | head -n 1)"
	is userland-perl "$(value perl)" 42
	is userland-kernel "$(value uname)" "$(basename "$MODULES")"
	is userland-find "$(value find)" "$(host_find | md5sum)"
}

# Of what guests mount something on, only the directory itself is compared.
host_find() {
	find "$ROOT" -xdev | sed "s|^$ROOT||; s|^\$|/|" |
		grep -Ev "^/(dev|proc|run|sys|tmp)/"
}

# Every file has the checksum that its package says. All packages take minutes.
case_dpkg_verify() {
	set -- base-files bash coreutils dpkg libc6 perl-base tar
	[ -z "$FULL" ] || set --
	run "$ROOT" -- dpkg --verify "$@"
	is dpkg-verify-status "$status" 0
	is dpkg-verify "$(head -n 3 out)" ''
}

case_gcc() {
	mkdir "$ROOT/root/gcc"
	cat >"$ROOT/root/gcc/hello.c" <<-'END'
		#include <stdio.h>
		int main(void) { return printf("hello, world\n") != 13; }
	END
	run --workdir /root/gcc "$ROOT" -- \
		sh -c 'gcc -O2 -o hello hello.c && ./hello && stat -c %s hello'
	is gcc-status "$status" 0
	is gcc-runs "$(head -n 1 out)" 'hello, world'
	is gcc-host-sees-it "$(stat -c %s "$ROOT/root/gcc/hello")" \
		"$(tail -n 1 out)"
	is gcc-host-runs-it "$("$ROOT/root/gcc/hello")" 'hello, world'
	rm -rf "$ROOT/root/gcc"
}
