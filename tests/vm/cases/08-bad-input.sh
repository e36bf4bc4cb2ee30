# Bad input: exit 125 and one line that names what the user named, nothing on
# stdout, nothing left behind.
#
# Any kernel will do.
# shellcheck shell=sh disable=SC2154

# bad NAME REGEX ARG...: what `wherry ARG...` must say.
bad() {
	name=bad-$1
	wanted=$2
	shift 2
	"$as_user" "$@"
	if [ -s out ]; then
		fail "$name" "'$(head -c 100 out)' on stdout"
	else
		ended "$name" "$wanted"
	fi
}

# leftovers NAME: fails if files have appeared since the case wrote "before".
leftovers() {
	list_files >after
	same "bad-$1-leaves-nothing" before after
}

list_files() {
	: >>before
	: >>after
	: >>out
	: >>err
	find /tmp "$ROOT/tmp" -xdev | sort
}

as_user=wherry

# wherry for a user who may use /dev/kvm only if everybody may.
nobody() {
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent \
		/srv/bin/wherry "$@" >out 2>err || status=$?
}

# An ELF header of a program for another processor: EM_AARCH64 is 183.
foreign_program() {
	printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\002\0\267\0\001\0\0\0'
	head -c 4096 /dev/zero
}

case_bad_rootfs() {
	mkdir empty foreign foreign/bin locked
	foreign_program >foreign/bin/sh
	chmod +x foreign/bin/sh
	chmod 700 locked
	chmod 755 .
	list_files >before
	set -- --kernel "$KERNEL" --modules "$MODULES"
	bad rootfs-absent 'ROOTFS' run
	bad rootfs-missing '/nonexistent' run "$@" /nonexistent -- true
	bad rootfs-file '/etc/passwd.*directory' run "$@" /etc/passwd -- true
	bad rootfs-empty 'empty' run "$@" "$PWD/empty" -- true
	bad rootfs-foreign 'foreign.*(aarch64|arm64)' run "$@" "$PWD/foreign" \
		-- /bin/sh
	chmod 666 /dev/kvm
	as_user=nobody
	bad rootfs-unreadable 'locked' run "$@" "$PWD/locked" -- true
	chmod 600 /dev/kvm
	leftovers rootfs
}

# The kernel's modules but for one.
modules_without_mmio() {
	mkdir -p "$1/kernel/drivers/virtio"
	ln -s "$MODULES"/modules.* "$1"
	ln -s "$MODULES"/kernel/[!d]* "$1/kernel"
	ln -s "$MODULES"/kernel/drivers/[!v]* "$1/kernel/drivers"
	ln -s "$MODULES"/kernel/drivers/virtio/* "$1/kernel/drivers/virtio"
	rm "$1"/kernel/drivers/virtio/virtio_mmio.ko*
}

case_bad_kernel() {
	head -c 100000 "$KERNEL" >truncated
	head -c 10000000 "$VMLINUX" >truncated-elf
	head -c 100000 /dev/urandom >garbage
	cp "$KERNEL" lonely
	: >nothing
	modules_without_mmio no-mmio
	list_files >before
	set -- --modules "$MODULES" --kernel
	bad kernel-missing 'kernel.*/nonexistent' run "$@" /nonexistent "$ROOT"
	bad kernel-directory 'kernel.*/usr' run "$@" /usr "$ROOT"
	for file in truncated truncated-elf garbage nothing; do
		bad "kernel-$file" "kernel.*$file" run "$@" "$file" "$ROOT"
	done
	bad modules-missing '(modules|/nonexistent)' run --kernel "$KERNEL" \
		--modules /nonexistent "$ROOT" -- true
	bad modules-without-virtio-mmio 'virtio.mmio' run --kernel "$KERNEL" \
		--modules no-mmio "$ROOT" -- true
	umount "/lib/modules/$(basename "$MODULES")"
	bad kernel-without-modules 'kernel.*lonely.*modules' \
		run --kernel lonely "$ROOT" -- true
	mount --bind "$MODULES" "/lib/modules/$(basename "$MODULES")"
	leftovers kernel
}

case_bad_numbers() {
	list_files >before
	for cpus in 0 33 -1 two ''; do
		bad "cpus-$cpus" 'cpus' run --cpus "$cpus" "$ROOT" -- true
	done
	for memory in 0 1 -1 12Q 512MM 99999999G 18446744073709551616 ''; do
		bad "memory-$memory" 'memory' run --memory "$memory" "$ROOT"
	done
	bad memory-too-little 'memory.*[0-9]+ ?Mi?B?' \
		run --kernel "$KERNEL" --modules "$MODULES" --memory 16M "$ROOT"
	leftovers numbers
}

case_bad_options() {
	list_files >before
	bad option-unknown 'frobnicate' run --frobnicate "$ROOT"
	bad option-without-value 'memory' run --memory
	bad command-unknown 'frobnicate' frobnicate
	bad option-mistyped 'did you mean --memory' run --memorry 1G "$ROOT"
	bad config-missing '/nonexistent' run --config /nonexistent "$ROOT"
	echo '{"memory": "12Q"}' >config.json
	bad config-value 'config.json.*memory' run --config config.json "$ROOT"
	rm config.json
	bad env 'env' run --env =x "$ROOT" -- true
	bad workdir 'workdir' run --workdir relative "$ROOT" -- true
	bad boot-without-kernel 'kernel' boot
	bad boot-initrd-missing '/nonexistent' boot --kernel "$KERNEL" \
		--initrd /nonexistent
	bad boot-share-missing '/nonexistent.*directory' boot \
		--kernel "$KERNEL" --share /nonexistent:tag
	set -- run --kernel "$KERNEL" --modules "$MODULES"
	bad share-file '/etc/passwd.*directory' "$@" \
		--share /etc/passwd:tag "$ROOT" -- true
	bad share-without-tag 'HOST:TAG' "$@" --share /etc "$ROOT" -- true
	bad share-option 'frob.*known' "$@" --share /etc:t:frob "$ROOT" -- true
	bad root-options 'root-options.*cache' "$@" \
		--root-options cache=none:writeback "$ROOT" -- true
	leftovers options
}

case_bad_kvm() {
	list_files >before
	set -- run --kernel "$KERNEL" --modules "$MODULES" "$ROOT" -- true
	mv /dev/kvm /dev/kvm.away
	bad kvm-missing '/dev/kvm' "$@"
	ln -s null /dev/kvm
	bad kvm-is-not-kvm '/dev/kvm' "$@"
	rm /dev/kvm
	mv /dev/kvm.away /dev/kvm
	as_user=nobody
	mode=$(stat -c %a /dev/kvm)
	chmod 600 /dev/kvm
	bad kvm-not-permitted '/dev/kvm.*([Pp]ermi|denied)' "$@"
	chmod "$mode" /dev/kvm
	leftovers kvm
}

case_bad_cache_full() {
	needs_root "it mounts something below its directory" || return 0
	mkdir full
	mount -t tmpfs -o size=1M tmpfs full
	export HOME="$PWD/full" XDG_CACHE_HOME="$PWD/full"
	bad cache-full '(cache|full)' run --kernel "$KERNEL" \
		--modules "$MODULES" "$ROOT" -- true
	# A set of modules may be there: whole, and small enough.
	is bad-cache-full-leaves-no-kernel "$(find full -name 'vmlinux-*')" ''
	umount full
}

# A damaged file in the cache is noticed and replaced, or named; never booted.
case_bad_cache_corrupt() {
	# Most often the cases before have filled the cache.
	[ -n "$(find "$HOME" -name 'vmlinux-*')" ] || run "$ROOT" -- true
	find "$HOME" -type f >files
	is bad-cache-was-warm "$(grep -c /vmlinux- files)" 1
	while read -r file; do
		truncate -s 100000 "$file"
	done <files
	run "$ROOT" -- true
	if [ "$status" = 0 ]; then
		pass bad-cache-corrupt
	else
		ended bad-cache-corrupt 'cache'
	fi
}
