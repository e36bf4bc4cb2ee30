/*
 * The guest's pid 1 without a guest: it supervises real commands in a child
 * process, with socket pairs in place of the ports, and the test is the host.
 */
#ifndef TESTS_UNIT_INIT_RIG_H
#define TESTS_UNIT_INIT_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "boot/guest/abi.h"

/* Small enough that every stream is full most of the time. */
enum { SOCKET_BUF_LEN = 4096, KEPT_LEN = 256 };

/**
 * struct host - The monitor's part in a test, and what it saw
 * @fd:		Our ends of the ports
 * @in_len:	Bytes of the pattern to send to stdin, then end of file
 * @keep_stdin:	No end of file after them
 * @close_at:	Close stdout after so many bytes; 0: never
 * @deaf_ms:	Read no stdout and stderr for so long at first
 * @terminal:	The command has a terminal with this window; NULL: it has pipes
 * @typed:	Sent to stdin, one string for each line of stdout
 * @typed_cnt:	How many are left
 * @orders:	Sent on the control port, one for each line of stdout
 * @order_cnt:	How many are left
 * @later:	A file that is loaded later as a module; NULL: there is none
 * @in_done:	Bytes sent
 * @len:	Bytes received, per stream
 * @kept:	The first of them
 * @is_pattern:	All were the pattern's
 * @last:	The last message
 */
struct host {
	int fd[GUEST_NUM_PORTS];
	size_t in_len;
	bool keep_stdin;
	size_t close_at;
	int deaf_ms;
	const char *terminal;
	const char *const *typed;
	size_t typed_cnt;
	const struct guest_order *orders;
	size_t order_cnt;
	const char *later;
	size_t in_done;
	size_t len[GUEST_NUM_PORTS];
	char kept[GUEST_NUM_PORTS][KEPT_LEN];
	bool is_pattern[GUEST_NUM_PORTS];
	struct guest_msg last;
};

/**
 * init_rig_run() - Run a command to its end
 * @h:		What to do; afterwards what was seen
 * @argv:	The command
 * @workdir:	Where
 */
void init_rig_run(struct host *h, char *const *argv, const char *workdir);

/** init_rig_shell() - Run a script of the shell, which has to start */
void init_rig_shell(struct host *h, const char *script);

#endif /* TESTS_UNIT_INIT_RIG_H */
