# What the host's side of tests/vm shares. Sourced by POSIX shells, not run.
# shellcheck shell=sh
#
# Everything that is made lands in $vmdir and is made only once. A finished
# thing appears by one rename, so whoever is interrupted leaves only *.new.

# shellcheck disable=SC2034 # used where this is sourced
# The sourcing script has set $top, the root of the source tree.
vmdir=${VMDIR:-$top/build/vm}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# Run a command as root, or with a pretended root that keeps owners in files.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		fakeroot "$@"
	fi
}

# Only one script at a time makes things in $vmdir: fd 9 holds the lock.
lock_vmdir() {
	mkdir -p "$vmdir"
	exec 9>"$vmdir/lock"
	if ! flock -w 5 9; then
		say "waiting for another run that fills $vmdir"
		flock 9
	fi
}

# make_disk DIR IMAGE SIZE: a file system with DIR's files, without mounting.
make_disk() {
	rm -f "$2.new"
	truncate -s "$3" "$2.new"
	mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=0 -d "$1" \
		"$2.new"
	mv "$2.new" "$2"
}

# The URI of the Debian mirror that this machine is configured to use.
debian_mirror() {
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
	# shellcheck disable=SC2016 # the words are apt's
	apt-get indextargets --format \
		'$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI)' |
		awk -v codename="$codename" '
			BEGIN { split("stable oldstable " codename, names)
				for (i in names) known[names[i]] }
			$1 == "Packages" && $2 == "main" && $3 in known {
				print $4; exit }' |
		grep . ||
		die "no Debian mirror in apt's sources; add one to" \
			"/etc/apt/sources.list"
}

# The URI of Debian's security updates, of this machine's configuration if it
# has any.
security_mirror() {
	# shellcheck disable=SC2016 # the words are apt's
	apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(REPO_URI)' |
		awk '$1 == "Packages" && $2 ~ /-security$/ { print $3; exit }' |
		grep . || echo http://security.debian.org/debian-security
}

# apt-get and apt-cache of another suite, with all their files in $apt.
other_apt() {
	tool=$1
	shift
	# shellcheck disable=SC2154 # the sourcing script has set $apt
	"$tool" -qq -o Dir::Etc::sourcelist="$apt/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists" \
		-o Dir::Cache="$apt/cache" -o APT::Get::List-Cleanup=0 \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

# update_suite deb|deb-src SUITE: with its security updates
update_suite() {
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	printf '%s [signed-by=%s] %s %s main\n' \
		"$1" "$keyring" "$(debian_mirror)" "$2" \
		"$1" "$keyring" "$(security_mirror)" "$2-security" \
		>"$apt/sources.list"
	other_apt apt-get update
}
