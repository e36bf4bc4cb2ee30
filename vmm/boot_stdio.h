/*
 * Standard input of the monitor as the keyboard of a serial console.
 */
#ifndef VMM_BOOT_STDIO_H
#define VMM_BOOT_STDIO_H

#include "vmm/base/loop.h"

struct serial;

/**
 * struct boot_stdio - A descriptor whose bytes go to a serial port [loop]
 * @loop:	Runs the sources
 * @serial:	Receives the bytes
 * @input:	Standard input
 * @room:	The serial port has room again
 * @waits:	@input is in the loop; false for a file, which is always ready
 * @text:	Read, not yet received
 * @text_len:	Bytes at @text
 */
struct boot_stdio {
	struct loop *loop;
	struct serial *serial;
	struct loop_source input;
	struct loop_source room;
	bool waits;
	char text[64];
	size_t text_len;
};

/**
 * boot_stdio_init() - Connect a descriptor to a serial port
 * @io:		Filled; must outlive the loop's run
 * @loop:	Loop, not yet running
 * @serial:	Serial port
 * @fd:		Usually standard input [borrowed]
 *
 * The end of the input is not told to the guest: a serial line has none.
 *
 * Return: 0 or a negative errno
 * #syscalls: epoll_ctl
 * #syscalls(loop): read epoll_ctl
 */
int boot_stdio_init(struct boot_stdio *io, struct loop *loop,
		    struct serial *serial, int fd);

#endif /* VMM_BOOT_STDIO_H */
