/*
 * A reboot by the reset register.
 */
#include "tests/guest/lib/guest.h"

const char *guest_main(void)
{
	print("about to reset\n");
	out8(GUEST_PORT_RESET, LAYOUT_POWER_RESET_VALUE);
	for (;;)
		;
}
