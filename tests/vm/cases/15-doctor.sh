# What `wherry doctor` says of the level-1 machine, to root and to others.
# shellcheck shell=sh disable=SC2154

# says NAME LEVEL CHECK REGEX: the line of a check.
says() {
	like "doctor-$1-$3" out "^$2 *$3: .*$4"
}

# The kernel's version as a regular expression.
version_pattern() {
	basename "$MODULES" | sed 's/[.+]/\\&/g'
}

# A user of this machine who is nobody's member.
as_user() {
	status=0
	setpriv --reuid 1000 --regid 1000 --clear-groups \
		env HOME="$home" PATH="${path:-$PATH}" "$WHERRY" "$@" \
		>out 2>err || status=$?
}

# Everything is in the lines, one for each fact, and each has a known form.
well_formed() {
	is "$1-lines" "$(grep -Ec '^(ok|warn|missing) +[a-z]+: .' out)" 12
	is "$1-nothing-else" "$(wc -l <out) $(wc -c <err)" '12 0'
}

case_doctor_root() {
	needs_root "it is about each kind of user" || return 0
	: >before
	wherry doctor
	is doctor-root-status "$status" 0
	well_formed doctor-root
	says root ok kvm 'kvm_amd'
	says root ok boot "/boot/vmlinuz-.*/lib/modules/$(version_pattern)\$"
	says root ok cache '/tmp/home/.cache/wherry'
	case $K in
	6.1) says root warn shared 'make guest-modules KVER=6\.1\.' ;;
	*) says root warn shared 'make guest-kernel .*--kernel' ;;
	esac
	says root ok namespaces "you can make them\$"
	says root ok mounts 'root of its own'
	says root ok ids root
	says root ok seccomp filters
	says root ok mappings 'vm.max_map_count is [0-9]'
	says root '(ok|warn)' files '[0-9]'
	is doctor-root-leaves-nothing "$(find "$HOME" -newer before)" ''
}

case_doctor_stdout() {
	status=0
	"$WHERRY" doctor >/dev/full 2>err || status=$?
	ended doctor-stdout-full stdout
}

# What root finds missing, it finds missing for `wherry run`, too.
case_doctor_root_missing() {
	needs_root "it is about each kind of user" || return 0
	mv /dev/kvm /dev/kvm.away
	wherry doctor
	mv /dev/kvm.away /dev/kvm
	is doctor-no-kvm-status "$status" 1
	says no-kvm missing kvm 'load kvm_intel or kvm_amd'
	dir=/lib/modules/$(basename "$MODULES")
	mkdir hidden
	mount --bind hidden "$dir"
	wherry doctor
	umount "$dir"
	is doctor-no-modules-status "$status" 1
	says no-modules missing boot 'install linux-image-cloud-amd64'
	says no-modules warn shared 'see boot'
	was=$(cat /proc/sys/user/max_net_namespaces)
	echo 0 >/proc/sys/user/max_net_namespaces
	wherry doctor
	echo "$was" >/proc/sys/user/max_net_namespaces
	is doctor-no-namespaces-status "$status" 1
	says no-namespaces missing namespaces 'around this process'
	says no-namespaces warn mounts 'namespaces'
}

# Root without the capability is as good as others, with a user namespace.
case_doctor_root_powerless() {
	needs_root "it is about each kind of user" || return 0
	status=0
	setpriv --bounding-set -sys_admin --inh-caps -all \
		"$WHERRY" doctor >out 2>err || status=$?
	is doctor-powerless-status "$status" 0
	says powerless ok namespaces 'user namespace'
	says powerless ok mounts 'root of its own'
	says powerless warn ids 'sudo usermod'
}

case_doctor_user() {
	needs_root "it is about each kind of user" || return 0
	home=$PWD/home
	mkdir home
	chown 1000:1000 home
	chmod 755 .
	as_user doctor
	is doctor-user-status "$status" 1
	well_formed doctor-user
	says stranger missing kvm 'permission denied.*usermod -aG kvm'
	chmod 666 /dev/kvm
	as_user doctor
	is doctor-user-kvm-status "$status" 0
	says user ok kvm 'kvm_amd'
	says user ok cache "$home"
	says user ok namespaces 'user namespace'
	says user ok mounts 'root of its own'
	home=/nonexistent
	as_user doctor
	is doctor-homeless-status "$status" 0
	says homeless warn cache 'XDG_CACHE_HOME'
	chmod 600 /dev/kvm
}

case_doctor_ids() {
	needs_root "it is about each kind of user" || return 0
	home=/tmp
	mkdir bin
	mv /etc/subuid /etc/subgid .
	as_user doctor
	says no-file warn ids 'in /etc/subuid.*sudo usermod --add-subuids'
	echo 1000:100000:65536 >/etc/subuid
	echo 1001:200000:65536 >/etc/subgid
	as_user doctor
	says no-range warn ids 'in /etc/subgid.*sudo usermod --add-subuids'
	echo 1000:300000:1000 >>/etc/subgid
	path=/nonexistent as_user doctor
	says no-tool missing ids 'no newuidmap.*install the package uidmap'
	touch bin/newuidmap bin/newgidmap
	chmod 755 . bin bin/*
	path=/nonexistent:$PWD/bin as_user doctor
	says rich ok ids '65536 users from 100000 .* 1000 groups from 300000 '
	mv subuid subgid /etc
}

# Each switch that forbids is named, and is the one.
case_doctor_switches() {
	needs_root "it is about each kind of user" || return 0
	home=/tmp
	chmod 666 /dev/kvm
	for switch in kernel.unprivileged_userns_clone \
		user.max_user_namespaces; do
		file=/proc/sys/$(echo $switch | tr . /)
		if [ ! -e "$file" ]; then
			skip "doctor-$switch" 'not in this kernel'
			continue
		fi
		was=$(cat "$file")
		echo 0 >"$file"
		as_user doctor
		is "doctor-$switch-status" "$status" 1
		says "$switch" missing namespaces "sysctl -w $switch="
		wherry doctor
		is "doctor-$switch-root-status" "$status" 0
		echo "$was" >"$file"
	done
	chmod 600 /dev/kvm
}

# Kernels that only root may read, as some distributions install them.
case_doctor_kernel_for_root_only() {
	needs_root "it is about each kind of user" || return 0
	home=/tmp
	name=$(basename "$MODULES")
	chmod 666 /dev/kvm
	pattern=/boot/vmlinuz-$(version_pattern)
	mv "/boot/vmlinuz-$name" link
	cp link "/boot/vmlinuz-$name"
	chmod 600 "/boot/vmlinuz-$name"
	as_user doctor
	is doctor-kernel-status "$status" 1
	says kernel missing boot "sudo chmod a\+rX $pattern"
	as_user run "$ROOT" -- true
	ended doctor-kernel-run "sudo chmod a\+rX $pattern"
	chmod 644 "/boot/vmlinuz-$name"
	chmod 700 /boot
	as_user doctor
	says closed missing boot "sudo chmod a\+rX /boot,"
	chmod 711 /boot
	as_user doctor
	is doctor-unlisted-status "$status" 0
	says unlisted ok boot "$pattern"
	chmod 755 /boot
	mv link "/boot/vmlinuz-$name"
	chmod 600 /dev/kvm
}
