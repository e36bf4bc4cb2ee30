# A bare kernel with its initramfs, on the serial port.
# shellcheck shell=sh disable=SC2154

# An initramfs that reads a line from the serial console and powers off.
make_initrd() {
	mkdir -p initrd/bin initrd/dev
	cp /bin/busybox initrd/bin/
	cat >initrd/init <<-'END'
		#!/bin/busybox sh
		busybox mount -t devtmpfs dev /dev
		exec </dev/ttyS0 >/dev/ttyS0
		echo "init is up"
		read -r line
		echo "init read: $line"
		exec busybox poweroff -f
	END
	chmod +x initrd/init
	(cd initrd && find . | busybox cpio -o -H newc) >initrd.img 2>/dev/null
}

# Types a line once init waits for it; what comes earlier the tty may drop.
type_line() {
	until grep -q 'init is up' out; do
		sleep 1
	done
	echo "from outside" >fifo
}

case_boot_serial() {
	make_initrd
	mkfifo fifo
	exec 4<>fifo
	: >out
	type_line &
	wherry boot --kernel "$KERNEL" --initrd initrd.img \
		--append console=ttyS0 <fifo
	kill $! 2>/dev/null || :
	is boot-serial-status "$status" 0
	like boot-serial-kernel-speaks out 'Linux version 6\.'
	like boot-serial-output out 'init is up'
	like boot-serial-input out 'init read: from outside'
}
