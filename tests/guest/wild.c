/*
 * A jump to where there is no memory: nothing that anybody could emulate.
 */
#include "tests/guest/lib/guest.h"

const char *guest_main(void)
{
	print("about to leave\n");
	((void (*)(void))0xe0000000)();
	return "still here";
}
