/*
 * The owner of a console port, played by a test: it does as it is told, and
 * notes what happened to it.
 */
#ifndef TESTS_UNIT_PORT_OWNER_H
#define TESTS_UNIT_PORT_OWNER_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/console_port.h"

struct virtio_console;

/**
 * struct port_owner - An owner
 * @log:	Words, in order: open, close, data, later
 * @taken:	What the guest wrote
 * @taken_len:	Bytes of @taken
 * @output_most: Take so many bytes at once; 0: not now
 * @output_err:	Do not take any, for this reason
 * @input:	For the guest
 * @input_left:	Bytes of @input
 * @input_ends:	Then there are no more
 * @quiet:	Only count
 * @opened_cnt:	How often the guest opened the port
 */
struct port_owner {
	char log[1024];
	char taken[65536];
	size_t taken_len;
	size_t output_most;
	int output_err;
	const char *input;
	size_t input_left;
	bool input_ends;
	bool quiet;
	int opened_cnt;
};

extern const struct console_port_ops port_owner_ops;

/** port_owner_pair() - Two fresh owners, with the ports "first" and "second" */
void port_owner_pair(struct virtio_console *c, struct port_owner *owner,
		     struct console_port **port);

#endif /* TESTS_UNIT_PORT_OWNER_H */
