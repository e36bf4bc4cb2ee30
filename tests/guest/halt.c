/*
 * Halts for good: a processor that waits for interrupts that it does not take.
 */
#include "tests/guest/lib/guest.h"

const char *guest_main(void)
{
	print("halting\n");
	for (;;)
		asm volatile("cli; hlt");
}
