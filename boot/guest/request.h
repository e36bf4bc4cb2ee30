/*
 * What a session is to run: the machine's own plan, and what differs from it.
 */
#ifndef BOOT_GUEST_REQUEST_H
#define BOOT_GUEST_REQUEST_H

#include <stddef.h>

struct guest_msg;
struct plan;

/**
 * request_parse() - Make a plan of a request
 * @plan:	Filled; to be destroyed whatever the result
 * @base:	The machine's: what the request does not say is as it says
 * @bytes:	Payload of FRAME_OPEN
 * @len:	Its length
 * @why:	Set on failure
 *
 * A request has no part of the machine's command, nor its terminal. Its
 * variables come on top of the machine's. A user of its own has its own home
 * and groups.
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int request_parse(struct plan *plan, const struct plan *base, const char *bytes,
		  size_t len, struct guest_msg *why);

#endif /* BOOT_GUEST_REQUEST_H */
