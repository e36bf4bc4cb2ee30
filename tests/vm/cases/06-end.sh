# Whatever ends the guest before its command ends is a failure in one line.
# `halt -p` makes the same system call as `poweroff`.
# shellcheck shell=sh disable=SC2154

case_end_poweroff() {
	run "$ROOT" -- busybox poweroff -f
	ended end-poweroff '[Pp]ower'
}

case_end_reboot() {
	run "$ROOT" -- busybox reboot -f
	ended end-reboot 'reboot'
}

case_end_panic() {
	run "$ROOT" -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60'
	ended end-panic 'panic.*sysrq'
}

case_end_triple_fault() {
	run --append reboot=triple "$ROOT" -- busybox reboot -f
	ended end-triple-fault 'triple fault'
}

# A panic before there is any init.
case_end_early_panic() {
	run --append rdinit=/nonexistent "$ROOT" -- true
	ended end-early-panic 'panic'
}
