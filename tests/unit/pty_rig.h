/*
 * A terminal of the test's own.
 */
#ifndef TESTS_UNIT_PTY_RIG_H
#define TESTS_UNIT_PTY_RIG_H

#include <stdbool.h>

/**
 * struct pty_rig - A pair
 * @user_fd:	Where its user sits [owned]
 * @fd:		What programs have [owned]
 */
struct pty_rig {
	int user_fd;
	int fd;
};

/** pty_rig_init() - Make a terminal of 24 rows and 80 columns */
void pty_rig_init(struct pty_rig *rig);

/** pty_rig_destroy() - Hang up */
void pty_rig_destroy(struct pty_rig *rig);

/** pty_rig_resize() - Change the window */
void pty_rig_resize(const struct pty_rig *rig, unsigned int rows,
		    unsigned int columns);

/** pty_rig_is_raw() - Does it pass every byte as it is? */
bool pty_rig_is_raw(const struct pty_rig *rig);

/** pty_rig_becomes() - Wait until it is raw, or not; false if it never is */
bool pty_rig_becomes(const struct pty_rig *rig, bool raw);

#endif /* TESTS_UNIT_PTY_RIG_H */
