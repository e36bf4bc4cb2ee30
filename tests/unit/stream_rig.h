/*
 * A guest whose console is connected to two descriptors of the test: one that
 * it reads from, one that it writes to.
 */
#ifndef TESTS_UNIT_STREAM_RIG_H
#define TESTS_UNIT_STREAM_RIG_H

#include "devices/stream.h"
#include "tests/unit/console_guest.h"

/* Ports of the streams */
enum {
	RIG_IN,	 /* the guest reads */
	RIG_OUT, /* the guest writes */
};

enum { RIG_TINY_PIPE = 4096 }; /* no pipe is smaller */

/**
 * struct stream_rig - A guest, two streams and two pipes
 * @guest:	The guest
 * @in:		Port RIG_IN
 * @out:	Port RIG_OUT
 * @feed:	A pipe for @in; the test writes to [1]
 * @collect:	A pipe for @out; the test reads from [0]
 */
struct stream_rig {
	struct console_guest guest;
	struct stream in;
	struct stream out;
	int feed[2];
	int collect[2];
};

/** rig_init() - Make the guest and the pipes, connect nothing */
void rig_init(struct stream_rig *r);

/** rig_destroy() - Release everything */
void rig_destroy(struct stream_rig *r);

/**
 * rig_connect() - Put descriptors behind the ports, and let the guest open them
 * @r:		Rig
 * @in_fd:	What the guest reads; stays with the test
 * @out_fd:	What the guest writes; belongs to the stream from now on
 * @polled:	As if neither could be opened anew
 */
void rig_connect(struct stream_rig *r, int in_fd, int out_fd, bool polled);

/** rig_connect_pipes() - Connect the guest to the pipes */
void rig_connect_pipes(struct stream_rig *r);

/** rig_hears_close() - Was the guest told that the host closed port @id? */
bool rig_hears_close(struct stream_rig *r, uint32_t id);

/** rig_sleeps() - Is nothing ready, so that the loop would sleep? */
bool rig_sleeps(const struct stream_rig *r);

/** rig_reads() - What the guest reads now; "" if there is nothing */
const char *rig_reads(struct stream_rig *r);

/** rig_collected() - What can be read from @fd now; "" if there is nothing */
const char *rig_collected(int fd);

/** rig_at_end() - Is @fd at its end of file, rather than just empty? */
bool rig_at_end(int fd);

#endif /* TESTS_UNIT_STREAM_RIG_H */
