/*
 * The terminal of whoever started us: raw while a terminal in the guest does
 * the editing, and given back as it was.
 *
 * Theory of operation: two processes know it. The monitor makes it raw when the
 * command runs, and gives it back before its last words. The keeper gives it
 * back whatever happens to the monitor, and for as long as both are stopped.
 * A terminal that belongs to another group of processes is left alone: a shell
 * edits there.
 */
#ifndef VMM_BASE_TERMINAL_H
#define VMM_BASE_TERMINAL_H

#include <asm/termbits.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct terminal - A terminal and its modes
 * @fd:		-1: there is none [owned]
 * @first:	As it was found
 * @raw:	What we make of it
 * @is_raw:	In suspend and resume: it was raw
 */
struct terminal {
	int fd;
	struct termios first;
	struct termios raw;
	bool is_raw;
};

/**
 * terminal_init() - Get hold of a terminal
 * @terminal:	Filled; to be destroyed
 * @fd:		Descriptor, -1 or not that of a terminal: there is none, and all
 *		that follows does nothing [borrowed]
 *
 * #syscalls: ioctl fcntl
 */
void terminal_init(struct terminal *terminal, int fd);

/**
 * terminal_destroy() - Let go of it, as it is
 *
 * #syscalls(loop): close
 */
void terminal_destroy(struct terminal *terminal);

/**
 * terminal_make_raw() - Pass every byte as it is
 *
 * #syscalls(loop): ioctl(TCSETS)
 */
void terminal_make_raw(const struct terminal *terminal);

/**
 * terminal_restore() - Make it what it was; never waits for its reader
 *
 * #syscalls(loop): ioctl(TCSETS)
 */
void terminal_restore(const struct terminal *terminal);

/**
 * terminal_is_ours() - Is our group of processes in its foreground?
 *
 * Also if it is not the one that controls us.
 */
bool terminal_is_ours(const struct terminal *terminal);

/**
 * terminal_is_closed() - Has its user gone?
 *
 * #syscalls(loop): poll
 */
bool terminal_is_closed(const struct terminal *terminal);

/** terminal_suspend() - Give it back for a while, if it is ours */
void terminal_suspend(struct terminal *terminal);

/** terminal_resume() - Make it what it was before, if it is ours now */
void terminal_resume(struct terminal *terminal);

/**
 * terminal_window() - Size of the window
 * @fd:		Descriptor
 * @rows:	Filled if the result is true
 * @columns:	Filled if the result is true
 *
 * Return: false if it is no terminal's
 * #syscalls(loop): ioctl(TIOCGWINSZ)
 */
bool terminal_window(int fd, unsigned int *rows, unsigned int *columns);

#endif /* VMM_BASE_TERMINAL_H */
