/*
 * The command's terminal: a pair of which init has one side.
 */
#ifndef BOOT_GUEST_PTY_H
#define BOOT_GUEST_PTY_H

#include <stdint.h>

/**
 * pty_open() - Make a terminal
 * @our_fd:	Filled: init's side, non-blocking [owned by the caller]
 * @their_fd:	Filled: the command's side [owned by the caller]
 *
 * Return: 0 or a negative errno, with both -1
 */
int pty_open(int *our_fd, int *their_fd);

/**
 * pty_resize() - Tell the terminal how large its window is
 * @our_fd:	Our side
 * @window:	GUEST_WINDOW(); 0: it is not known
 */
void pty_resize(int our_fd, uint32_t window);

/**
 * pty_end_input() - Nothing more will be typed
 *
 * A terminal has no end of file, but a key for it.
 */
void pty_end_input(int our_fd);

#endif /* BOOT_GUEST_PTY_H */
