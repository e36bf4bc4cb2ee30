/*
 * A triple fault: an exception without a table of handlers.
 */
#include "tests/guest/lib/guest.h"

const char *guest_main(void)
{
	static const uint8_t empty_idtr[6];

	print("about to crash\n");
	asm volatile("lidt %0; ud2" ::"m"(empty_idtr));
	return "still here";
}
