/*
 * The least: say something, also with a string instruction, and switch off.
 */
#include "tests/guest/lib/guest.h"

const char *guest_main(void)
{
	const char *text = "hello in one instruction\n";
	uint32_t len = 25;

	print("hello\n");
	asm volatile("rep outsb"
		     : "+S"(text), "+c"(len)
		     : "d"(LAYOUT_PORT_SERIAL)
		     : "memory");
	return len ? with_hex("left of the string", len) : NULL;
}
