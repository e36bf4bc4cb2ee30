/*
 * A window's part that shows no file: nobody could say what is there.
 */
#include "tests/guest/lib/fuse.h"

enum { LEN = 64 << 10 };

const char *guest_main(void)
{
	volatile uint8_t *window;
	struct fuse_file file;
	const char *why = fuse_start(FUSE_SLOT, &window);

	if (!why)
		why = fuse_open("small", &file);
	if (!why)
		why = fuse_map(&file, 0, LEN, MAP_READ);
	if (!why && (window[0] != 's' || window[LEN - 1]))
		why = "wrong bytes where the file is";
	if (why)
		return why;
	print("about to go astray\n");
	(void)window[LEN];
	return "still here";
}
