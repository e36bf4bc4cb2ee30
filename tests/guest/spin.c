/*
 * Never ends by itself.
 */
#include "tests/guest/lib/guest.h"

const char *guest_main(void)
{
	print("spinning\n");
	for (;;)
		;
}
