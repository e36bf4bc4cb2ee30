/*
 * The owner of a console port, played by a test.
 */
#include "tests/unit/port_owner.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "devices/virtio_console.h"
#include "vmm/base/bits.h"

static void note(struct port_owner *o, const char *word)
{
	if (o->quiet)
		return;
	ck_assert_uint_lt(strlen(o->log) + strlen(word) + 1, sizeof(o->log));
	strcat(strcat(o->log, word), " ");
}

static ssize_t take(void *opaque, struct iov_cursor *data)
{
	struct port_owner *o = opaque;
	size_t len = MIN(data->left, o->output_most);

	ck_assert_uint_gt(data->left, 0);
	if (o->output_err)
		return o->output_err;
	if (!len) {
		note(o, "later");
		return 0;
	}
	if (o->quiet)
		o->taken_len = 0;
	ck_assert_uint_le(o->taken_len + len, sizeof(o->taken));
	ck_assert(iov_take(data, o->taken + o->taken_len, len));
	o->taken_len += len;
	note(o, "data");
	return (ssize_t)len;
}

static ssize_t give(void *opaque, struct iov_cursor *room)
{
	struct port_owner *o = opaque;
	size_t len = MIN(room->left, o->input_left);

	ck_assert_uint_gt(room->left, 0);
	if (!o->input_left)
		return o->input_ends ? 0 : -EAGAIN;
	ck_assert(iov_put(room, o->input, len));
	o->input += len;
	o->input_left -= len;
	return (ssize_t)len;
}

static void opened(void *opaque, bool open)
{
	struct port_owner *o = opaque;

	note(o, open ? "open" : "close");
	o->opened_cnt += open;
}

const struct console_port_ops port_owner_ops = {take, give, opened};
void port_owner_pair(struct virtio_console *c, struct port_owner *owner,
		     struct console_port **port)
{
	static const char *const names[] = {"first", "second"};

	for (unsigned int i = 0; i < 2; i++) {
		memset(&owner[i], 0, sizeof(owner[i]));
		owner[i].output_most = SIZE_MAX;
		ck_assert_int_eq(virtio_console_add_port(c, names[i],
							 &port_owner_ops,
							 &owner[i], &port[i]),
				 0);
	}
}
