# What the builds of Linux for guests share. Sourced by POSIX shells, not run.
# shellcheck shell=sh

# The sourcing script sets $here, this directory, and $work, one of its own.
# Packages are got by name from apt's sources and only unpacked.
# shellcheck disable=SC2154

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# field PACKAGE FIELD: of the package's newest description.
field() {
	apt-cache show --no-all-versions "$1" 2>/dev/null |
		sed -n "s/^$2: //p"
}

# get PACKAGE=VERSION...: unpacked into $work/root.
get() {
	(cd "$work" && apt-get -qq -o APT::Sandbox::User="$(id -un)" \
		download "$@") || die "no package $*; run apt-get update"
	for deb in "$work"/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
		rm "$deb"
	done
}

# get_source SERIES VERSION DIR [PART]: Debian's Linux, patched, or a part of it.
get_source() {
	mkdir -p "$3"
	tar -C "$3" --strip-components 1 \
		-xf "$work/root/usr/src/linux-source-$1.tar.xz" \
		"linux-source-$1${4:+/$4}"
	patch -s -d "$3" -p 1 <"$here/$1.patch" >/dev/null ||
		die "the patch does not fit Linux $2"
}
