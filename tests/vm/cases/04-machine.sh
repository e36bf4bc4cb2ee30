# Processors and memory as asked for; a kernel that finds nothing to complain
# about in what its firmware tables say. Once the kernel is an ELF vmlinux.
# shellcheck shell=sh disable=SC2154,SC2016,SC2034

# machine CPUS MEMORY LEAST_KIB MOST_KIB
machine() {
	run --cpus "$1" --memory "$2" "$ROOT" -- sh -c '
		echo "nproc $(nproc)"
		sed -n "s/^MemTotal: *\([0-9]*\) kB/memory \1/p" /proc/meminfo
		dmesg --level=emerg,alert,crit,err,warn | sed "s/^/warning /"
		dmesg | grep -E "BUG:|WARNING: CPU|Call Trace:|soft lockup|hung" |
			sed "s/^/trouble /"
		exit 0'
	name=machine-$1x$2
	is "$name-status" "$status" 0
	is "$name-nproc" "$(value nproc)" "$1"
	between "$name-MemTotal" "$(value memory | grep . || echo 0)" "$3" "$4"
	is "$name-no-trouble" "$(value trouble | head -n 3)" ''
	is "$name-no-firmware-warnings" "$(value warning |
		grep -Ei 'acpi|bios|firmware|mtrr|e820' | head -n 3)" ''
	value warning | head -n 8 | cut -c 1-200 | sed "s|^|# $K $name dmesg: |"
}

case_machine_1_128m() {
	machine 1 128M 75000 131072
}

case_machine_2_512m() {
	machine 2 512M 420000 524288
}

case_machine_4_4g() {
	machine 4 4G 3850000 4194304
}

# One page more than fits below the gap under 4 GiB.
case_machine_1_gap() {
	KERNEL=$VMLINUX
	machine 1 3145732K 2850000 3145732
}
